using System.Collections.Immutable;
using IlgpuResNet.Files;
using IlgpuResNet.Graphs;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Models;

/// <summary>
/// The ResNet that an ONNX file's initializers are, by name and shape, and whether its graph computes what that ResNet does.
/// Strides, dilation and epsilons stand in the graph alone.
/// </summary>
internal static class OnnxResNet
{
    /// <summary>Relative difference of a scale or shift that comes from another epsilon; rounding of the file's float epsilon is far below.</summary>
    private const double Tolerance = 1e-6;

    /// <summary>Finds the variant under which the weights compute what the file's graph does.</summary>
    /// <param name="path">The ONNX file.</param>
    /// <param name="weights">Its initializers.</param>
    /// <param name="variant">The variant that was asked for, or null for any that fits.</param>
    /// <exception cref="WeightsException">The weights are no ResNet's, or no variant does what the graph does: the message names the first difference.</exception>
    /// <exception cref="GraphException">The graph cannot run here.</exception>
    public static ResNet Recognise(string path, StateDict weights, ResNetVariant? variant)
    {
        using OnnxModel model = OnnxModel.Load(path);
        Graph graph = model.Bind(null, null, []).Graph;
        string? first = null;
        ImmutableArray<ResNetVariant?> candidates = variant is not null ? [variant] : [null, ResNetVariant.V1, ResNetVariant.Note];
        foreach (ResNetVariant? candidate in candidates)
        {
            ResNet network;
            try
            {
                network = ResNet.FromWeights(weights, candidate);
            }
            catch (WeightsException) when (candidate is not null && first is not null)
            {
                continue;
            }
            if (Difference(network.Graph, graph) is not { } difference) return network;
            first ??= difference;
        }
        throw new WeightsException($"{path}: its tensors are named as a ResNet's, but its graph computes something else: {first}; run the ONNX file itself.");
    }

    /// <summary>Null when both graphs do the same with the same weights.</summary>
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
        // Names of tensors differ; what remains must agree in order.
        Node[] others = [.. Others(expected)], remaining = [.. Others(actual)];
        return others.Length == remaining.Length && others.Zip(remaining, SameOperation).All(same => same) ? null : "its pools or its batch norms before convolutions differ";
    }

    private static IEnumerable<Node> Others(Graph graph) => graph.Nodes.Where(node => node is not ViewNode and not EpilogueNode { Filter: not null });

    private static bool SameOperation(Node a, Node b) => (a, b) switch
    {
        (Pool2dNode x, Pool2dNode y) => x.Kind == y.Kind && x.Kernel == y.Kernel && x.Window == y.Window && x.CountIncludePad == y.CountIncludePad && x.PadValue.Equals(y.PadValue),
        (PointwiseNode x, PointwiseNode y) => Same(x.Epilogue, y.Epilogue),
        _ => a.GetType() == b.GetType(),
    };

    private static bool Same(EpilogueSpec a, EpilogueSpec b) =>
        a.HasResidual == b.HasResidual && a.ReluBeforeAdd == b.ReluBeforeAdd && a.Relu == b.Relu && a.Clip == b.Clip && Same(a.Scale, b.Scale) && Same(a.Shift, b.Shift);

    private static bool Same(ImmutableArray<double>? a, ImmutableArray<double>? b) => a is null || b is null
        ? a is null == b is null
        : a.Value.Length == b.Value.Length && a.Value.Zip(b.Value, (x, y) => Math.Abs(x - y) <= Tolerance * Math.Max(Math.Abs(x), Math.Abs(y)) || x.Equals(y)).All(same => same);
}
