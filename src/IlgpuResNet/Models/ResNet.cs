using System.Collections.Immutable;
using IlgpuResNet.Files;
using IlgpuResNet.Graphs;
using IlgpuResNet.Models;
using IlgpuResNet.Weights;

namespace IlgpuResNet;

/// <summary>A ResNet with the weights of a state dict.</summary>
public sealed class ResNet : Model
{
    private const int NamesInMessage = 3;

    private readonly GraphCache graphs;

    private ResNet(
        ResNetConfig config, StateDict weights, ImagePreset preset, ImmutableArray<string> classNames, GraphCache? graphs = null,
        long? fileLength = null)
        : base(config.Name, weights, preset, classNames)
    {
        Config = config;
        FileLength = fileLength;
        this.graphs = graphs ?? new GraphCache(config, weights);
    }

    /// <summary>Configuration of the network.</summary>
    public ResNetConfig Config { get; }

    /// <inheritdoc/>
    public override int NumClasses => Config.NumClasses;

    /// <summary>Number of learnt values, as PyTorch counts <c>parameters()</c>: running statistics of batch norms are left out.</summary>
    public override long ParameterCount => ResNetParameters.Of(Config)
        .Where(parameter => parameter.IsLearnt)
        .Sum(parameter => Weights.TryGetValue(parameter.Name, out StateTensor? tensor) ? tensor.Count : 0);

    /// <inheritdoc/>
    public override string Description
    {
        get
        {
            string stride = Config.StridePlacement is StridePlacement.Conv3x3 ? "stride on the 3x3" : "stride on the first 1x1";
            string layout = Config.Layout.Describe();
            return layout.Length == 0 ? stride : $"{stride}, {layout}";
        }
    }

    /// <inheritdoc/>
    public override ImmutableArray<string> Warnings
    {
        get
        {
            var warnings = ImmutableArray.CreateBuilder<string>(2);
            if (Weights.LeftOut.Length > 0) warnings.Add($"{Weights.Source}: left out {LeftOut} beside the network");
            if (Weights.OtherKeys.Length > 0)
            {
                string keys = string.Join(", ", Weights.OtherKeys.Take(NamesInMessage).Select(FileText.Clean));
                warnings.Add($"{Weights.Source}: holds other networks too, which a key chooses: {keys}");
            }
            return warnings.DrainToImmutable();
        }
    }

    /// <inheritdoc/>
    public override ImmutableArray<string> Assumptions => ResNetLayoutInference.Assumptions(Weights, Config);

    private string LeftOut
    {
        get
        {
            ImmutableArray<string> names = Weights.LeftOut;
            string first = string.Join(", ", names.Take(NamesInMessage).Select(FileText.Clean));
            return $"{names.Length} tensor{(names.Length == 1 ? "" : "s")} ({first}{(names.Length > NamesInMessage ? ", ..." : "")})";
        }
    }

    /// <inheritdoc/>
    public override ImmutableArray<string> OutputNames => [NumClasses > 0 ? ResNetGraph.LogitsName : ResNetGraph.FlattenName];

    /// <inheritdoc/>
    public override string FeatureName => ResNetGraph.FlattenName;

    /// <summary>The graph after all passes, with logits and probabilities as outputs; built at its first use.</summary>
    internal Graph Graph => graphs.Get([]);

    /// <summary>
    /// Creates a network with random weights, drawn as torchvision initialises: Kaiming normal with fan out for convolutions, ones and
    /// zeros for batch norms, PyTorch's uniform default for <c>fc</c>. A seed gives the same weights on every machine.
    /// </summary>
    /// <exception cref="GraphException">The numbers of the configuration make no ResNet.</exception>
    public static ResNet Create(ResNetConfig config, int seed = 0)
    {
        ArgumentNullException.ThrowIfNull(config);
        config.Validate();
        return new ResNet(config, ResNetInitializer.Create(config, seed), new ImagePreset(), ClassLabels.ForCount(config.NumClasses));
    }

    /// <summary>Creates a network of known configuration over a state dict, which it owns from then on.</summary>
    /// <exception cref="WeightsException">A tensor is missing, or its shape differs from the configuration's.</exception>
    /// <exception cref="GraphException">The numbers of the configuration make no ResNet.</exception>
    public static ResNet Create(ResNetConfig config, StateDict weights)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(weights);
        config.Validate();
        ResNetConfigInference.Check(weights, config);
        return new ResNet(config, weights, new ImagePreset(), ClassLabels.ForCount(config.NumClasses));
    }

    /// <summary>
    /// Loads a <c>.safetensors</c> or <c>.pth</c> file and infers the network from its tensor names and shapes.
    /// Class names and preprocessing come from the file's metadata if it has them. Otherwise a file under a name of torchvision's
    /// IMAGENET1K_V2 weights gets their preset and any other file the V1 preset, and 1000 classes get ImageNet's names.
    /// </summary>
    /// <param name="path">The weights file; it stays open until the network is disposed.</param>
    /// <param name="variant">How blocks are computed, or null for the metadata's variant, else v2 or v1.5, as the tensors tell.</param>
    /// <param name="preset">How images are prepared, or null to choose as above.</param>
    /// <exception cref="WeightsException">The file cannot be read, is damaged, or is not a ResNet's.</exception>
    public static new ResNet Load(string path, ResNetVariant? variant = null, ImagePreset? preset = null) =>
        Load(path, new ModelOptions { Variant = variant, Preset = preset });

    /// <summary>Loads a file as <see cref="Load(string, ResNetVariant?, ImagePreset?)"/> does.</summary>
    /// <param name="path">The weights file; it stays open until the network is disposed.</param>
    /// <param name="options">Which network of the file, and how it is computed.</param>
    /// <exception cref="WeightsException">The file cannot be read, is damaged, or is not a ResNet's.</exception>
    public static new ResNet Load(string path, ModelOptions options)
    {
        ArgumentNullException.ThrowIfNull(path);
        ArgumentNullException.ThrowIfNull(options);
        path = WeightsLocation.Resolve(path);
        if (ShardedIndex.IndexOf(path) is { } index && File.Exists(path))
        {
            throw new WeightsException(File.Exists(index)
                ? $"{path}: is one of several files of weights; name their index {index}, or the folder."
                : $"{path}: is one of several files of weights, and their index {index} is missing; get that and the other files, too.");
        }
        StateDict weights = StateDict.Load(path, options.Key);
        try
        {
            return FromWeights(weights, options.Variant, options.Preset, WeightsLocation.Length(path));
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Makes a network from a state dict as <see cref="Load(string, ResNetVariant?, ImagePreset?)"/> does, and owns the state dict unless
    /// this throws.
    /// </summary>
    /// <param name="weights">The state dict.</param>
    /// <param name="variant">How blocks are computed, or null as for <see cref="Load(string, ResNetVariant?, ImagePreset?)"/>.</param>
    /// <param name="preset">How images are prepared, or null as for <see cref="Load(string, ResNetVariant?, ImagePreset?)"/>.</param>
    /// <param name="fileLength">Bytes of its file; null for a state dict in memory.</param>
    /// <exception cref="WeightsException">The state dict is not a ResNet's.</exception>
    internal static ResNet FromWeights(
        StateDict weights, ResNetVariant? variant = null, ImagePreset? preset = null, long? fileLength = null)
    {
        bool given = preset is not null;
        preset ??= ModelMetadata.Preset(weights);
        HubConfig beside = HubConfig.Beside(weights.Source, withPreset: preset is null);
        if (ModelMetadata.Variant(weights) is null) variant ??= beside.Variant;
        ResNetConfig config = ResNetConfigInference.Infer(weights, variant);
        return new ResNet(
            config,
            weights,
            preset ?? beside.Preset ?? ResNetWeights.PresetOfFile(weights.Source),
            ModelMetadata.ClassNames(weights, config.NumClasses)
                ?? beside.NamesFor(config.NumClasses) ?? ClassLabels.ForCount(config.NumClasses),
            fileLength: fileLength)
        {
            HasGivenPreset = given,
        };
    }

    /// <inheritdoc/>
    internal override long? FileLength { get; }

    /// <inheritdoc cref="Model.WithClassNames"/>
    public new ResNet WithClassNames(IEnumerable<string> names) => (ResNet)base.WithClassNames(names);

    /// <inheritdoc cref="Model.WithPreset"/>
    public new ResNet WithPreset(ImagePreset preset) => (ResNet)base.WithPreset(preset);

    /// <inheritdoc/>
    internal override Network Bind(int? height, int? width, ImmutableArray<string> outputs)
    {
        var input = new MapShape(height ?? Preset.InputHeight, width ?? Preset.InputWidth, Config.InputChannels);
        bool isClassifier = outputs is [] && NumClasses > 0;
        ImmutableArray<string> names = isClassifier ? [ResNetGraph.LogitsName, ResNetGraph.ProbabilitiesName]
            : outputs is [] ? OutputNames : outputs;
        Graph graph = graphs.Get(outputs);
        IReadOnlyDictionary<string, MapShape> shapes = graph.InferShapes(input.H, input.W);
        return new Network(
            graph,
            input,
            TensorView.OfMap(graph.Input, graph.Input, input),
            [.. names.Select(name => View(name, graphs.TensorOf(name)))],
            isClassifier);

        TensorView View(string name, string tensor) => ResNetGraph.IsVector(tensor)
            ? TensorView.OfVector(name, tensor, shapes[tensor].C)
            : TensorView.OfMap(name, tensor, shapes[tensor]);
    }

    private protected override Model With(ImagePreset preset, ImmutableArray<string> classNames) =>
        new ResNet(Config, Weights, preset, classNames, graphs, FileLength)
        {
            HasGivenPreset = HasGivenPreset || preset.InputSize != Preset.InputSize,
        };

    /// <summary>
    /// Graphs of one network, one for each choice of outputs, built at their first use. Sessions with one graph share its weights on a
    /// device.
    /// </summary>
    private sealed class GraphCache(ResNetConfig config, StateDict weights)
    {
        private readonly Dictionary<string, Graph> graphs = [];
        private readonly Lazy<Graph> whole = new(() => ResNetGraph.Build(config, weights));

        /// <summary>Finds the graph's name of a tensor by the name that users know.</summary>
        /// <exception cref="GraphException">The graph has no such tensor.</exception>
        public string TensorOf(string name)
        {
            string tensor = ResNetGraph.Aliases(config).GetValueOrDefault(name, name);
            return tensor == whole.Value.Input || whole.Value.Nodes.Any(node => node.Output == tensor)
                ? tensor
                : throw new GraphException(
                    $"{config.Name} has no tensor called '{FileText.Clean(name)}'; names are those of its modules, such as layer3, "
                    + "layer1.0.conv2, avgpool, flatten, fc.");
        }

        public Graph Get(ImmutableArray<string> outputs)
        {
            ImmutableArray<string> tensors = outputs is [] ? whole.Value.Outputs : [.. outputs.Select(TensorOf).Distinct()];
            lock (graphs)
            {
                string key = string.Join('\n', tensors);
                if (!graphs.TryGetValue(key, out Graph? graph))
                    graphs.Add(key, graph = Passes.Optimize(whole.Value with { Outputs = tensors }));
                return graph;
            }
        }
    }
}
