using System.Collections.Immutable;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Graphs;

/// <summary>Rewrites graphs into graphs with fewer nodes that compute the same function. Pure, and independent of devices.</summary>
internal static class Passes
{
    /// <summary>
    /// Runs all passes. Convolutions, linear layers, pools and softmax remain; everything else becomes part of their epilogues where it
    /// fits.
    /// </summary>
    public static Graph Optimize(Graph graph) => FuseEpilogues(LowerPointwise(RemoveDead(ActivationPatterns.Recognise(RemoveDead(graph)))));

    /// <summary>Removes nodes that no output depends on.</summary>
    public static Graph RemoveDead(Graph graph)
    {
        var needed = new HashSet<string>(graph.Outputs);
        var nodes = new List<Node>(graph.Nodes.Length);
        foreach (Node node in graph.Nodes.Reverse())
        {
            if (!needed.Contains(node.Output)) continue;
            needed.UnionWith(node.Inputs);
            nodes.Add(node);
        }
        nodes.Reverse();
        return nodes.Count == graph.Nodes.Length ? graph : graph with { Nodes = [.. nodes] };
    }

    /// <summary>
    /// Turns batch norms, ReLUs, adds and biases into epilogues: of the node itself where it has one, otherwise of a
    /// <see cref="PointwiseNode"/>. A batch norm becomes scale and shift in double.
    /// </summary>
    public static Graph LowerPointwise(Graph graph)
    {
        var position = new Dictionary<string, int> { [graph.Input] = -1 };
        var nodes = ImmutableArray.CreateBuilder<Node>(graph.Nodes.Length);
        foreach (Node node in graph.Nodes)
        {
            position[node.Output] = nodes.Count;
            nodes.Add(node switch
            {
                BatchNormNode norm => Pointwise(norm, norm.Inputs, Affine(norm.Fold())),
                ReluNode => Pointwise(node, node.Inputs, new EpilogueSpec { Relu = true }),
                ClipNode clip => Pointwise(node, node.Inputs, new EpilogueSpec { Clip = (clip.Min, clip.Max) }),
                ActivationNode activation => Pointwise(
                    node, node.Inputs, new EpilogueSpec { Activation = activation.Function, Slopes = activation.Slopes }),
                GroupNormNode { Weight: var weight, Bias: var bias } norm when (weight ?? bias) is not null => norm with
                {
                    Weight = null,
                    Bias = null,
                    Epilogue = new EpilogueSpec { Scale = weight?.ToImmutableDoubles(), Shift = bias?.ToImmutableDoubles() },
                },
                // The operand computed last comes first: only its producer can absorb the add, because the other operand is ready by then.
                AddNode =>
                    Pointwise(node, [.. node.Inputs.OrderByDescending(input => position[input])], new EpilogueSpec { HasResidual = true }),
                Conv2dNode { Bias: { } bias } conv => conv with { Bias = null, Epilogue = AddedTo(bias) },
                LinearNode { Bias: { } bias } linear => linear with { Bias = null, Epilogue = AddedTo(bias) },
                _ => node,
            });
        }
        return graph with { Nodes = nodes.DrainToImmutable() };
    }

    /// <summary>
    /// Fuses each pointwise node into the node that computes its first input, if nothing else reads that tensor, it is no output of the
    /// graph, and one epilogue can express both.
    /// </summary>
    public static Graph FuseEpilogues(Graph graph)
    {
        var readers = graph.Nodes.SelectMany(node => node.Inputs).Concat(graph.Outputs).CountBy(name => name).ToDictionary();
        var nodes = new List<Node>(graph.Nodes.Length);
        var maker = new Dictionary<string, int> { [graph.Input] = -1 };
        foreach (Node node in graph.Nodes)
        {
            int index = maker[node.Inputs[0]];
            if (node is PointwiseNode pointwise
                && index >= 0
                && nodes[index] is EpilogueNode producer
                && readers[producer.Output] == 1
                && pointwise.Inputs.Skip(1).All(residual => maker[residual] < index)
                && (pointwise.Epilogue.Slopes is null || producer is PointwiseNode)
                && producer.Epilogue.TryThen(pointwise.Epilogue, out EpilogueSpec? both))
            {
                nodes[index] = producer with
                {
                    Epilogue = both,
                    Inputs = [.. producer.Inputs, .. pointwise.Inputs.Skip(1)],
                    Output = pointwise.Output,
                };
                maker[pointwise.Output] = index;
            }
            else
            {
                maker[node.Output] = nodes.Count;
                nodes.Add(node);
            }
        }
        return graph with { Nodes = [.. nodes] };
    }

    private static PointwiseNode Pointwise(Node node, ImmutableArray<string> inputs, EpilogueSpec epilogue) =>
        new() { Name = node.Name, Inputs = inputs, Output = node.Output, Epilogue = epilogue };

    private static EpilogueSpec AddedTo(StateTensor bias) => new() { Shift = [.. bias.ToDoubleArray()] };

    private static EpilogueSpec Affine((double[] Scale, double[] Shift) constants) =>
        new() { Scale = [.. constants.Scale], Shift = [.. constants.Shift] };

    private static ImmutableArray<double> ToImmutableDoubles(this StateTensor tensor) => [.. tensor.ToDoubleArray()];
}
