using System.Collections.Immutable;
using IlgpuResNet.Files;
using IlgpuResNet.Graphs;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Onnx;

/// <summary>
/// Converts a graph to ONNX node by node, before any pass has fused nodes. A map <c>[H, W, C]</c> becomes <c>[N, C, H, W]</c>, a vector
/// after a <see cref="ViewNode"/> becomes <c>[N, C]</c>. Constants other than weights become nodes, so that the initializers are exactly
/// the state dict.
/// </summary>
internal sealed partial class OnnxExporter
{
    /// <summary>Version of ONNX's operators in the exported model.</summary>
    public const long Opset = 17;

    /// <summary>Name of the batch's open size.</summary>
    private const string Batch = "N";

    private static readonly ImmutableArray<long> ChannelsLast = [0, 2, 3, 1];

    private readonly Graph graph;
    private readonly IReadOnlyDictionary<string, MapShape> shapes;
    private readonly bool dynamicSize;
    private readonly HashSet<string> vectors = [];
    private readonly ImmutableArray<OnnxNode>.Builder nodes = ImmutableArray.CreateBuilder<OnnxNode>();
    private readonly OrderedDictionary<string, StateTensor> initializers = [];

    private OnnxExporter(Graph graph, IReadOnlyDictionary<string, MapShape> shapes, bool dynamicSize)
    {
        this.graph = graph;
        this.shapes = shapes;
        this.dynamicSize = dynamicSize;
    }

    /// <summary>Converts the nodes that the graph's outputs depend on.</summary>
    /// <param name="graph">A graph that no pass has fused.</param>
    /// <param name="options">Options, with height and width.</param>
    /// <param name="metadata">Free text by key.</param>
    /// <exception cref="GraphException">A node does not fit the image, or has no equivalent in ONNX's operators.</exception>
    public static OnnxModelToWrite Export(Graph graph, OnnxExportOptions options, IReadOnlyDictionary<string, string> metadata)
    {
        Graph needed = Passes.RemoveDead(graph);
        if (options.FoldBatchNorms) needed = OnnxExporterFolding.Fold(needed);
        int height = options.Height!.Value, width = options.Width!.Value;
        var exporter = new OnnxExporter(needed, needed.InferShapes(height, width), options.DynamicSize);
        foreach (Node node in needed.Nodes) exporter.Write(node);
        OnnxDimension[] size = options.DynamicSize ? [new(null, "H"), new(null, "W")] : [new(height, null), new(width, null)];
        return new OnnxModelToWrite(
            graph.Name,
            Opset,
            exporter.nodes.DrainToImmutable(),
            [.. exporter.initializers.Values],
            [new OnnxValue(graph.Input, OnnxElementType.Float, [new(null, Batch), new(graph.InputChannels, null), .. size])],
            [.. needed.Outputs.Select(output => exporter.Output(output))],
            metadata);
    }

    private OnnxValue Output(string name)
    {
        MapShape shape = shapes[name];
        ImmutableArray<OnnxDimension> size = vectors.Contains(name) ? []
            : dynamicSize ? [default, default]
            : [new(shape.H, null), new(shape.W, null)];
        return new OnnxValue(name, OnnxElementType.Float, [new(null, Batch), new(shape.C, null), .. size]);
    }

    private void Write(Node node)
    {
        if (node is EpilogueNode epilogue && epilogue.Epilogue != EpilogueSpec.Identity) throw Unsupported(node, "a fused epilogue");
        if (node is not (ViewNode or LinearNode) && node.Inputs.Any(vectors.Contains)) vectors.Add(node.Output);
        switch (node)
        {
            case Conv2dNode conv:
                WriteConv(conv);
                break;
            case BatchNormNode norm:
                Add(
                    node, "BatchNormalization",
                    [Float(norm.Weight), Float(norm.Bias), Float(norm.RunningMean), Float(norm.RunningVar)],
                    Attribute("epsilon", (float)norm.Epsilon));
                break;
            case ReluNode:
                Add(node, "Relu");
                break;
            case ClipNode clip:
                Add(node, "Clip", [Limit($"{node.Name}/min", clip.Min), Limit($"{node.Name}/max", clip.Max)]);
                break;
            case AddNode when node.Inputs.Count(vectors.Contains) != 1:
                Add(node, "Add");
                break;
            case Pool2dNode pool:
                WritePool(pool);
                break;
            case ViewNode view:
                WriteFlatten(view);
                break;
            case LinearNode linear when vectors.Contains(node.Inputs[0]):
                vectors.Add(node.Output);
                ImmutableArray<string> weights = [Float(linear.Weight)];
                Add(node, "Gemm", linear.Bias is { } bias ? weights.Add(Float(bias)) : weights, Attribute("transB", 1));
                break;
            case SoftmaxNode:
                Add(node, "Softmax", [], Attribute("axis", 1));
                break;
            default:
                throw Unsupported(node, $"a {node.GetType().Name} of these inputs");
        }
    }

    /// <summary>Writes a view of a map as a vector: its elements are ordered as <c>[H, W, C]</c>, ONNX's as <c>[C, H, W]</c>.</summary>
    private void WriteFlatten(ViewNode view)
    {
        MapShape input = shapes[view.Inputs[0]];
        if (view.Shape is not { H: 1, W: 1 } || vectors.Contains(view.Inputs[0]))
            throw Unsupported(view, "a view that does not flatten a map");
        vectors.Add(view.Output);
        Node flatten = view;
        if (input is not { H: 1, W: 1 })
        {
            string transposed = $"{view.Name}/transpose";
            Add(transposed, "Transpose", view.Inputs, transposed, Attribute("perm", ChannelsLast));
            flatten = view with { Inputs = [transposed] };
        }
        Add(flatten, "Flatten", [], Attribute("axis", 1));
    }

    /// <summary>Writes a limit of a clip and returns its name; empty for no limit.</summary>
    private string Limit(string name, double value) =>
        double.IsInfinity(value) ? "" : Constant(name, Attribute("value_float", (float)value));

    /// <summary>Writes a constant and returns its name.</summary>
    private string Constant(string name, OnnxAttribute value)
    {
        Add(name, "Constant", [], name, value);
        return name;
    }

    /// <summary>Writes a weight and returns its name as float32: its own, or the name of its cast.</summary>
    private string Float(StateTensor tensor)
    {
        string cast = $"{tensor.Name}/float32";
        bool isFloat = tensor.DataType is DataType.Float32;
        if (initializers.TryAdd(tensor.Name, tensor))
        {
            if (!isFloat) Add(cast, "Cast", [tensor.Name], cast, Attribute("to", OnnxElementType.Float));
        }
        else if (initializers[tensor.Name] != tensor)
        {
            throw new GraphException(
                $"{graph.Name}: cannot be written as ONNX: two of its weights are called {FileText.Clean(tensor.Name)}.");
        }
        return isFloat ? tensor.Name : cast;
    }

    private void Add(Node node, string opType, ImmutableArray<string> constants = default, params ReadOnlySpan<OnnxAttribute> attributes) =>
        Add(node.Name, opType, [.. node.Inputs, .. constants.IsDefault ? [] : constants], node.Output, attributes);

    private void Add(
        string name, string opType, ImmutableArray<string> inputs, string output, params ReadOnlySpan<OnnxAttribute> attributes)
    {
        var byName = ImmutableDictionary.CreateBuilder<string, OnnxAttribute>();
        foreach (OnnxAttribute attribute in attributes) byName.Add(attribute.Name, attribute);
        nodes.Add(new OnnxNode(name, opType, "", inputs, [output], byName.ToImmutable()));
    }

    private static OnnxAttribute Attribute(string name, float value) => new(name, OnnxAttributeType.Float) { F = value };

    private static OnnxAttribute Attribute(string name, long value) => new(name, OnnxAttributeType.Int) { I = value };

    private static OnnxAttribute Attribute(string name, string value) => new(name, OnnxAttributeType.String) { S = value };

    private static OnnxAttribute Attribute(string name, ImmutableArray<long> values) => new(name, OnnxAttributeType.Ints) { Ints = values };

    private static GraphException Unsupported(Node node, string what) =>
        new($"{FileText.Clean(node.Name)}: {what} cannot be written as ONNX; write the network as it was before its passes.");
}
