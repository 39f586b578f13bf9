using System.Collections.Immutable;
using IlgpuResNet.Files;
using IlgpuResNet.Graphs;
using IlgpuResNet.Models;
using IlgpuResNet.Onnx;
using IlgpuResNet.Weights;

namespace IlgpuResNet;

/// <summary>A network that an ONNX file describes (https://onnx.ai), of the operators that ResNets are made of.</summary>
public sealed class OnnxModel : Model
{
    // Upper estimate of a class's name in a list that may have grown to twice its length, in bytes.
    private const long BytesPerClass = 128;

    private readonly OnnxFile file;
    private readonly ImmutableArray<StateTensor> constants;
    private readonly OnnxInput input;
    private readonly Network network;
    private readonly Dictionary<string, WeakReference<Network>> networks;

    private OnnxModel(
        OnnxFile file, StateDict weights, ImmutableArray<StateTensor> constants, OnnxInput input, Network network, ImagePreset preset,
        ImmutableArray<string> classNames, Dictionary<string, WeakReference<Network>> networks)
        : base(Path.GetFileNameWithoutExtension(file.Path), weights, preset, classNames)
    {
        this.file = file;
        this.constants = constants;
        this.input = input;
        this.network = network;
        this.networks = networks;
    }

    /// <inheritdoc/>
    public override int NumClasses => ClassesOf(network);

    /// <inheritdoc/>
    public override long ParameterCount => file.Graph.InitializersInOrder.Where(tensor => tensor.IsFloat).Sum(tensor => tensor.Count);

    /// <inheritdoc/>
    public override string Description
    {
        get
        {
            string producer = file.Producer.Length > 0 ? $", made by {FileText.Clean(file.Producer)}" : "";
            return $"ONNX, opset {file.Opsets.GetValueOrDefault("", 1)}{producer}";
        }
    }

    /// <inheritdoc/>
    public override ImmutableArray<string> OutputNames => [.. file.Graph.Outputs.Select(output => output.Name)];

    /// <inheritdoc/>
    public override string? FeatureName =>
        file.Graph.Nodes.LastOrDefault(node => node.OpType is "Gemm" or "MatMul")?.Inputs.FirstOrDefault();

    /// <summary>
    /// Loads an ONNX model and checks every operator. A batch or an image size that the file leaves open is chosen when a session is made.
    /// </summary>
    /// <param name="path">The file; it stays open until the network is disposed.</param>
    /// <param name="preset">How images are prepared, or null for the preset in the metadata, else as for weights files.</param>
    /// <exception cref="WeightsException">The file cannot be read or is damaged.</exception>
    /// <exception cref="GraphException">An operator cannot run here; the message names it, its node and its opset.</exception>
    public static OnnxModel Load(string path, ImagePreset? preset = null) => Load(path, preset, []);

    /// <summary>Loads an ONNX model with constants for inputs that the file leaves to its user.</summary>
    internal static OnnxModel Load(string path, ImagePreset? preset, ImmutableArray<StateTensor> constants)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        OnnxFile file = OnnxFile.Load(path);
        try
        {
            var weights = new StateDict(path, file.Graph.InitializersInOrder, file.Metadata);
            bool hasGivenPreset = preset is not null;
            ImagePreset usual = ResNetWeights.PresetOfFile(path);
            preset ??= ModelMetadata.Preset(weights);
            OnnxInput input = OnnxInput.Create(file, constants, null, null, (preset ?? usual).InputSize, file.Budget);
            preset ??= OnnxImageMetadata.Preset(file.Metadata, input.FixedSize, usual);
            HubConfig beside = HubConfig.Beside(path, withPreset: preset is null);
            preset ??= Fitting(beside.Preset ?? usual, input.FixedSize);
            Network network = OnnxImporter.Import(file, input, [], constants, file.Budget);
            int classes = ClassesOf(network);
            file.Budget.Charge(classes * BytesPerClass);
            ImmutableArray<string> names = classes == 0
                ? []
                : ModelMetadata.ClassNames(weights, classes) ?? OnnxImageMetadata.ClassNames(file.Metadata, classes)
                    ?? beside.NamesFor(classes) ?? ClassLabels.ForCount(classes);
            var networks = new Dictionary<string, WeakReference<Network>>(StringComparer.Ordinal) { [Key(input, [])] = new(network) };
            return new OnnxModel(file, weights, constants, input, network, preset, names, networks) { HasGivenPreset = hasGivenPreset };
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        base.Dispose();
        file.Dispose();
    }

    /// <inheritdoc/>
    internal override long? FileLength => file.Length;

    /// <inheritdoc/>
    internal override Network Bind(int? height, int? width, ImmutableArray<string> outputs)
    {
        ReadBudget budget = file.NewBudget();
        OnnxInput bound = OnnxInput.Create(file, constants, height, width, Preset.InputSize, budget);
        string key = Key(bound, outputs);
        lock (networks)
        {
            // The model keeps the network of its own size, and sessions keep theirs; an unused network may be collected.
            if (!networks.TryGetValue(key, out WeakReference<Network>? kept) || !kept.TryGetTarget(out Network? made))
            {
                made = OnnxImporter.Import(file, bound, [.. outputs.Select(ValueOf)], constants, budget);
                if (outputs is not []) made = made with { Outputs = [.. made.Outputs.Zip(outputs, (view, name) => view.Named(name))] };
                networks[key] = new WeakReference<Network>(made);
            }
            return made;
        }

        // Users may also name a value after the node that makes it.
        string ValueOf(string name) => file.Graph.Nodes.FirstOrDefault(node => node.Name == name) is { Outputs: [var value, ..] }
            && !file.Graph.Nodes.Any(node => node.Outputs.Contains(name)) ? value : name;
    }

    /// <inheritdoc/>
    public override (int? Height, int? Width) SizeOf(ReadOnlySpan<int> shape) => input.SizeOf(shape);

    private static int ClassesOf(Network network) => network.IsClassifier ? network.Outputs[0].Count : 0;

    private static ImagePreset Fitting(ImagePreset preset, (int Height, int Width)? size) =>
        size is (var height, var width) ? preset.ForInput(height, width) : preset;

    /// <summary>Key of a network: its input's size and its outputs. Lengths keep names apart, whatever they consist of.</summary>
    private static string Key(OnnxInput input, ImmutableArray<string> outputs) =>
        string.Join(' ', outputs.Select(name => $"{name.Length}:{name}").Prepend(input.IsImage ? $"{input.Height}x{input.Width}" : ""));

    private protected override Model With(ImagePreset preset, ImmutableArray<string> classNames) =>
        new OnnxModel(file, Weights, constants, input, network, preset, classNames, networks)
        {
            HasGivenPreset = HasGivenPreset || preset.InputSize != Preset.InputSize,
        };
}
