using System.Collections.Immutable;

namespace IlgpuResNet.Graphs;

/// <summary>Graph to graph: fewer nodes, the same function. Pure, no device.</summary>
internal static class Passes
{
    /// <summary>All passes: what remains is convolutions, linear layers, pools and softmax, with everything else in their epilogues where it fits.</summary>
    public static Graph Optimize(Graph graph) => FuseEpilogues(LowerPointwise(RemoveDead(graph)));

    /// <summary>Drops nodes that no output depends on.</summary>
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
    /// Writes batch norms, ReLUs, adds and biases as epilogues: of the node itself where it has one, else of a
    /// <see cref="PointwiseNode"/>. Batch norm is folded to scale and shift in double.
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
                // The operand made last comes first: only its producer can take up the add, as the other is ready by then.
                AddNode => Pointwise(node, [.. node.Inputs.OrderByDescending(input => position[input])], new EpilogueSpec { HasResidual = true }),
                Conv2dNode { Bias: { } bias } conv => conv with { Bias = null, Epilogue = new EpilogueSpec { Shift = [.. bias.ToDoubleArray()] } },
                LinearNode { Bias: { } bias } linear => linear with { Bias = null, Epilogue = new EpilogueSpec { Shift = [.. bias.ToDoubleArray()] } },
                _ => node,
            });
        }
        return graph with { Nodes = nodes.DrainToImmutable() };
    }

    /// <summary>
    /// Moves each pointwise node into the node that makes its first input, where nobody else reads that, it is no output
    /// and one epilogue can do both.
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

    private static EpilogueSpec Affine((double[] Scale, double[] Shift) constants) => new() { Scale = [.. constants.Scale], Shift = [.. constants.Shift] };
}
