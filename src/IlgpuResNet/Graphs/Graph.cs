using System.Collections.Immutable;

namespace IlgpuResNet.Graphs;

/// <summary>A network as nodes in execution order, with one input. Immutable and independent of devices; passes make new graphs.</summary>
/// <param name="Name">Name for tables and messages.</param>
/// <param name="Input">Name of the input tensor.</param>
/// <param name="InputChannels">Channels of the input.</param>
/// <param name="Outputs">Names of the output tensors, at least one.</param>
/// <param name="Nodes">Nodes; each comes after the nodes that it reads from.</param>
public sealed record Graph(string Name, string Input, int InputChannels, ImmutableArray<string> Outputs, ImmutableArray<Node> Nodes)
{
    /// <summary>Computes the shape of every tensor for an input size, by tensor name.</summary>
    /// <exception cref="GraphException">
    /// A node does not fit its input, or a tensor would have 2^31 elements or more; the message names it.
    /// </exception>
    public IReadOnlyDictionary<string, MapShape> InferShapes(int height, int width)
    {
        if (height < 1 || width < 1) throw new GraphException($"{Name}: the input must be at least 1x1 pixels, but is {height}x{width}.");
        var shapes = new Dictionary<string, MapShape> { [Input] = Limit(Input, new MapShape(height, width, InputChannels)) };
        foreach (Node node in Nodes)
        {
            var inputs = new MapShape[node.Inputs.Length];
            for (int i = 0; i < inputs.Length; i++)
            {
                if (!shapes.TryGetValue(node.Inputs[i], out inputs[i]))
                    throw new GraphException($"{node.Name}: its input {node.Inputs[i]} is made by no node before it.");
            }
            if (!shapes.TryAdd(node.Output, Limit(node.Name, node.InferShape(inputs))))
                throw new GraphException($"{node.Name}: its output {node.Output} is already made by another node.");
        }
        foreach (string output in Outputs)
        {
            if (!shapes.ContainsKey(output)) throw new GraphException($"{Name}: no node makes the output {output}.");
        }
        return shapes;
    }

    /// <summary>
    /// Checks that a tensor has fewer than 2^31 elements, because kernels use 32-bit indices. Each shape is checked before the next one is
    /// computed from it, so that no computation overflows.
    /// </summary>
    internal static MapShape Limit(string name, MapShape shape) =>
        (long)shape.H * shape.W <= int.MaxValue && shape.Count <= int.MaxValue
            ? shape
            : throw new GraphException(
                $"{name}: an image of {shape} passes the limit of {int.MaxValue} elements a tensor; use a smaller image.");
}
