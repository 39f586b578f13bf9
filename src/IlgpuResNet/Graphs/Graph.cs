using System.Collections.Immutable;

namespace IlgpuResNet.Graphs;

/// <summary>
/// A network as nodes in an order in which they can run, with one input.
/// Immutable and without a device; passes make new graphs.
/// </summary>
/// <param name="Name">Name for tables and messages.</param>
/// <param name="Input">Name of the input tensor.</param>
/// <param name="InputChannels">Channels of the input.</param>
/// <param name="Outputs">Names of the tensors that are wanted, at least one.</param>
/// <param name="Nodes">Nodes, each after those it reads from.</param>
public sealed record Graph(string Name, string Input, int InputChannels, ImmutableArray<string> Outputs, ImmutableArray<Node> Nodes)
{
    /// <summary>The shape of every tensor for an input of the given size, by tensor name.</summary>
    /// <exception cref="GraphException">A node does not fit its input, or a tensor would pass 2^31 elements: the message names it.</exception>
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

    /// <summary>Kernels index with 32 bits. Checked before another shape is made of this one, so that none overflows.</summary>
    internal static MapShape Limit(string name, MapShape shape) =>
        (long)shape.H * shape.W <= int.MaxValue && shape.Count <= int.MaxValue
            ? shape
            : throw new GraphException($"{name}: an image of {shape} passes the limit of {int.MaxValue} elements a tensor; use a smaller image.");
}
