using System.Collections.Immutable;
using IlgpuResNet.Files;
using IlgpuResNet.Graphs;
using IlgpuResNet.Models;
using IlgpuResNet.Onnx;
using IlgpuResNet.Weights;

namespace IlgpuResNet;

/// <summary>A network as an ONNX file describes it (https://onnx.ai), of the operators that ResNets are made of.</summary>
public sealed class OnnxModel : Model
{
    // Upper estimate of a class's name, in a list that may have grown to twice its length.
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
    public override string Description => $"ONNX, opset {file.Opsets.GetValueOrDefault("", 1)}{(file.Producer.Length > 0 ? $", made by {FileText.Clean(file.Producer)}" : "")}";

    /// <inheritdoc/>
    public override ImmutableArray<string> OutputNames => [.. file.Graph.Outputs.Select(output => output.Name)];

    /// <inheritdoc/>
    public override string? FeatureName => file.Graph.Nodes.LastOrDefault(node => node.OpType is "Gemm" or "MatMul")?.Inputs.FirstOrDefault();

    /// <summary>Loads an ONNX model. Every operator is checked; a batch or a size of the image that the file leaves open is chosen when a session is made.</summary>
    /// <param name="path">The file; it stays mapped until the network is disposed.</param>
    /// <param name="preset">How images are prepared, or null for what the metadata says, else as for weights files.</param>
    /// <exception cref="WeightsException">The file cannot be read or is damaged.</exception>
    /// <exception cref="GraphException">Something in it cannot run here; the message names the operator, its node and its opset.</exception>
    public static OnnxModel Load(string path, ImagePreset? preset = null) => Load(path, preset, []);

    /// <summary>The same with constants for inputs that the file leaves to its user.</summary>
    internal static OnnxModel Load(string path, ImagePreset? preset, ImmutableArray<StateTensor> constants)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        OnnxFile file = OnnxFile.Load(path);
        try
        {
            var weights = new StateDict(path, file.Graph.InitializersInOrder, file.Metadata);
            ImagePreset usual = ResNetWeights.PresetOfFile(path);
            preset ??= ModelMetadata.Preset(weights);
            OnnxInput input = OnnxInput.Create(file, constants, null, null, (preset ?? usual).CropSize, file.Budget);
            // A file that is fixed to another size says by that how large the crop is.
            preset ??= input.FixedSide is { } side ? usual with { CropSize = side, ResizeSize = (int)Math.Round((double)side * usual.ResizeSize / usual.CropSize) } : usual;
            Network network = OnnxImporter.Import(file, input, [], constants, file.Budget);
            int classes = ClassesOf(network);
            file.Budget.Charge(classes * BytesPerClass);
            ImmutableArray<string> names = classes == 0 ? [] : ModelMetadata.ClassNames(weights, classes) ?? ClassLabels.ForCount(classes);
            return new OnnxModel(file, weights, constants, input, network, preset, names, new(StringComparer.Ordinal) { [Key(input, [])] = new WeakReference<Network>(network) });
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Whether a file holds an ONNX model; false also when it cannot be read.</summary>
    internal static bool IsOnnx(string path)
    {
        try
        {
            if (InputFile.Length(path) == 0) return false;
            using FileStream stream = File.OpenRead(path);
            Span<byte> start = stackalloc byte[OnnxRecognition.LookAt];
            return OnnxRecognition.LooksLikeOnnx(start[..stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)]);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            return false;
        }
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        base.Dispose();
        file.Dispose();
    }

    /// <inheritdoc/>
    internal override Network Bind(int? height, int? width, ImmutableArray<string> outputs)
    {
        ReadBudget budget = file.NewBudget();
        OnnxInput bound = OnnxInput.Create(file, constants, height, width, Preset.CropSize, budget);
        string key = Key(bound, outputs);
        lock (networks)
        {
            // The model keeps the network of its own size and sessions keep theirs; one that nobody uses any more need not stay.
            if (!networks.TryGetValue(key, out WeakReference<Network>? kept) || !kept.TryGetTarget(out Network? made))
            {
                made = OnnxImporter.Import(file, bound, [.. outputs.Select(ValueOf)], constants, budget);
                if (outputs is not []) made = made with { Outputs = [.. made.Outputs.Zip(outputs, (view, name) => view.Named(name))] };
                networks[key] = new WeakReference<Network>(made);
            }
            return made;
        }

        // What info shows are nodes; the value that a node makes goes by the node's name too.
        string ValueOf(string name) => file.Graph.Nodes.FirstOrDefault(node => node.Name == name) is { Outputs: [var value, ..] }
            && !file.Graph.Nodes.Any(node => node.Outputs.Contains(name)) ? value : name;
    }

    /// <inheritdoc/>
    public override (int? Height, int? Width) SizeOf(ReadOnlySpan<int> shape) => input.SizeOf(shape);

    private static int ClassesOf(Network network) => network.IsClassifier ? network.Outputs[0].Count : 0;

    /// <summary>What a network depends on. Lengths keep names apart, whatever they consist of.</summary>
    private static string Key(OnnxInput input, ImmutableArray<string> outputs) =>
        string.Join(' ', outputs.Select(name => $"{name.Length}:{name}").Prepend(input.IsImage ? $"{input.Height}x{input.Width}" : ""));

    private protected override Model Renamed(ImmutableArray<string> classNames) =>
        new OnnxModel(file, Weights, constants, input, network, Preset, classNames, networks);
}
