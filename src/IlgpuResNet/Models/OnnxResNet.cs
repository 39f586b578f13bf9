using System.Collections.Immutable;
using IlgpuResNet.Files;
using IlgpuResNet.Graphs;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Models;

/// <summary>
/// Recognises the ResNet of an ONNX file's initializers by name and shape, and checks that the file's graph computes that ResNet: strides,
/// dilation and epsilons are in the graph alone.
/// </summary>
internal static class OnnxResNet
{
    /// <summary>Relative difference above which scales or shifts have different epsilons; rounding of a float epsilon is less.</summary>
    private const double Tolerance = 1e-6;

    /// <summary>Finds the variant with which the weights compute what the file's graph computes.</summary>
    /// <param name="path">The ONNX file.</param>
    /// <param name="weights">Its initializers.</param>
    /// <param name="variant">The variant that the user asks for, or null for any that fits.</param>
    /// <exception cref="WeightsException">The weights are no ResNet's, or no variant fits; the message names a difference.</exception>
    /// <exception cref="GraphException">The graph cannot run here.</exception>
    public static ResNet Recognise(string path, StateDict weights, ResNetVariant? variant)
    {
        using OnnxModel model = OnnxModel.Load(path);
        Graph graph = model.Bind(null, null, []).Graph;
        ResNet network = ResNet.FromWeights(weights, variant, model.Preset);
        if (Difference(network.Graph, graph) is not { } difference) return network;
        // The tensors tell v2 from the other variants, but not these from one another.
        if (variant is null && !network.Config.PreActivation)
        {
            foreach (ResNetVariant candidate in (ResNetVariant[])[ResNetVariant.V1, ResNetVariant.V1ReluBeforeAdd])
            {
                ResNet other = ResNet.FromWeights(weights, candidate, model.Preset);
                if (Difference(other.Graph, graph) is null) return other;
            }
        }
        throw new WeightsException(
            $"{path}: its tensors are named as a ResNet's, but its graph computes something else: {difference}; run the ONNX file itself.");
    }

    /// <summary>The first difference between what two graphs compute with the same weights; null when there is none.</summary>
    private static string? Difference(Graph expected, Graph actual)
    {
        Dictionary<string, EpilogueNode> filters = [];
        foreach (EpilogueNode node in actual.Nodes.OfType<EpilogueNode>().Where(node => node.Filter is not null))
        {
            if (!filters.TryAdd(node.Filter!.Name, node)) return $"{FileText.Clean(node.Filter.Name)} is used twice";
        }
        foreach (EpilogueNode node in expected.Nodes.OfType<EpilogueNode>())
        {
            if (node.Filter is not { } filter) continue;
            if (!filters.Remove(filter.Name, out EpilogueNode? other)) return $"no node uses {FileText.Clean(filter.Name)}";
            if (node is Conv2dNode conv && (other is not Conv2dNode found || found.Window != conv.Window || found.Groups != conv.Groups))
                return $"the stride, padding, dilation or groups of {FileText.Clean(filter.Name)} differ";
            if (!Same(node.Epilogue, other.Epilogue)) return $"the batch norm or activation after {FileText.Clean(filter.Name)} differs";
        }
        if (filters.Count > 0) return $"{FileText.Clean(filters.Keys.First())} is one layer more";
        // Names of tensors differ; the other nodes must agree in order.
        Node[] others = [.. Others(expected)], remaining = [.. Others(actual)];
        return others.Length == remaining.Length && others.Zip(remaining, SameOperation).All(same => same)
            ? null
            : "its pools or its batch norms before convolutions differ";
    }

    private static IEnumerable<Node> Others(Graph graph) =>
        graph.Nodes.Where(node => node is not ViewNode and not EpilogueNode { Filter: not null });

    private static bool SameOperation(Node a, Node b) => (a, b) switch
    {
        (Pool2dNode x, Pool2dNode y) => x.Kind == y.Kind && x.Kernel == y.Kernel && x.Window == y.Window
            && x.CountIncludePad == y.CountIncludePad && x.PadValue.Equals(y.PadValue),
        (PointwiseNode x, PointwiseNode y) => Same(x.Epilogue, y.Epilogue),
        _ => a.GetType() == b.GetType(),
    };

    private static bool Same(EpilogueSpec a, EpilogueSpec b) =>
        a.HasResidual == b.HasResidual && a.ReluBeforeAdd == b.ReluBeforeAdd && a.Relu == b.Relu && a.Clip == b.Clip
        && Same(a.Scale, b.Scale) && Same(a.Shift, b.Shift);

    private static bool Same(ImmutableArray<double>? a, ImmutableArray<double>? b) => a is null || b is null
        ? a is null == b is null
        : a.Value.Length == b.Value.Length && a.Value.Zip(b.Value, IsClose).All(same => same);

    private static bool IsClose(double x, double y) => Math.Abs(x - y) <= Tolerance * Math.Max(Math.Abs(x), Math.Abs(y)) || x.Equals(y);
}
