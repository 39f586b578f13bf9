using System.Collections.Immutable;
using IlgpuResNet.Graphs;
using IlgpuResNet.Models;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Execution;

/// <summary>Where a tensor lies: at <see cref="Offset"/> of the arena, images one after another.</summary>
/// <param name="Shape">Shape of one image.</param>
/// <param name="Offset">First element in the arena.</param>
public readonly record struct TensorSlot(MapShape Shape, long Offset);

/// <summary>One operation of a run.</summary>
/// <param name="Node">What is computed.</param>
/// <param name="Input">What is read.</param>
/// <param name="Residual">What is added, or null.</param>
/// <param name="Output">What is written; the residual's own memory when nobody needs that any more.</param>
public sealed record PlanStep(Node Node, TensorSlot Input, TensorSlot? Residual, TensorSlot Output)
{
    /// <summary>Multiply-accumulates per image.</summary>
    public long Macs => Node.Macs(Input.Shape, Output.Shape);

    /// <summary>Weights of the filter plus one scale and one shift per channel where the step has them.</summary>
    public long Parameters => Node is EpilogueNode { Epilogue: var spec, Filter: var filter }
        ? (filter?.Count ?? 0) + (spec.Scale?.Length ?? 0) + (spec.Shift?.Length ?? 0)
        : 0;
}

/// <summary>
/// The order of operations and the place of every tensor for one input size and a largest batch.
/// Pure: no device is needed to make or print one.
/// </summary>
public sealed class ExecutionPlan
{
    private ExecutionPlan(int maxBatch, TensorSlot input, ImmutableDictionary<string, TensorSlot> outputs, ImmutableArray<PlanStep> steps, MemoryPlan memory)
    {
        MaxBatch = maxBatch;
        Input = input;
        Outputs = outputs;
        Steps = steps;
        ArenaLength = memory.Length;
        ArenaLowerBound = memory.LowerBound;
    }

    /// <summary>The most images one run takes.</summary>
    public int MaxBatch { get; }

    /// <summary>Where the input is uploaded, <c>[N, H, W, C]</c>.</summary>
    public TensorSlot Input { get; }

    /// <summary>Where each output is left, by its name in the graph.</summary>
    public ImmutableDictionary<string, TensorSlot> Outputs { get; }

    /// <summary>Operations in order.</summary>
    public ImmutableArray<PlanStep> Steps { get; }

    /// <summary>Length of the arena that holds all activations, in floats.</summary>
    public long ArenaLength { get; }

    /// <summary>The largest sum of tensors alive at once, in floats: no arena can be smaller.</summary>
    public long ArenaLowerBound { get; }

    /// <summary>Multiply-accumulates per image.</summary>
    public long Macs => Steps.Sum(step => step.Macs);

    /// <summary>Plans a network for images of one size; needs no device.</summary>
    /// <param name="model">The network.</param>
    /// <param name="height">Height of the input in pixels, or null for the network's own.</param>
    /// <param name="width">Width of the input in pixels, or null for the network's own.</param>
    /// <param name="maxBatch">The most images one run takes.</param>
    /// <exception cref="GraphException">The network cannot take that size, or a tensor would pass 2^31 elements.</exception>
    public static ExecutionPlan Create(Model model, int? height = null, int? width = null, int maxBatch = 1)
    {
        ArgumentNullException.ThrowIfNull(model);
        return Create(model.Bind(height, width, []), maxBatch);
    }

    /// <summary>Plans a network.</summary>
    /// <exception cref="GraphException">The batch is not positive, or a tensor would pass 2^31 elements.</exception>
    internal static ExecutionPlan Create(Network network, int maxBatch)
    {
        if (!network.Input.HasBatch && maxBatch != 1)
            throw new GraphException($"{network.Graph.Name} computes across its images, so it takes a batch of 1, but {maxBatch} was asked for.");
        return Create(network.Graph, network.InputShape.H, network.InputShape.W, maxBatch);
    }

    /// <summary>Plans an optimised graph.</summary>
    /// <exception cref="GraphException">The graph does not fit the input size, or a tensor would pass 2^31 elements.</exception>
    internal static ExecutionPlan Create(Graph graph, int height, int width, int maxBatch)
    {
        if (maxBatch < 1) throw new GraphException($"The batch must be at least 1, but is {maxBatch}.");
        IReadOnlyDictionary<string, MapShape> shapes = graph.InferShapes(height, width);
        foreach ((string name, MapShape shape) in shapes)
        {
            if (shape.Count > int.MaxValue / maxBatch)
                throw new GraphException($"{Message.Clean(name)}: {maxBatch} images of {shape} pass the limit of {int.MaxValue} elements a tensor; use a smaller batch or image.");
        }

        // Views share the memory of what they view: it is memory that lives and dies, not names.
        var memoryOf = new Dictionary<string, string> { [graph.Input] = graph.Input };
        var lastUse = new Dictionary<string, int>();
        for (int i = 0; i < graph.Nodes.Length; i++)
        {
            Node node = graph.Nodes[i];
            memoryOf.Add(node.Output, node is ViewNode ? memoryOf[node.Inputs[0]] : node.Output);
            foreach (string input in node.Inputs) lastUse[memoryOf[input]] = i;
        }
        foreach (string output in graph.Outputs) lastUse[memoryOf[output]] = graph.Nodes.Length;

        // The input is written before step 0. A tensor written over its residual lives on in the residual's block.
        var blockOf = new Dictionary<string, int> { [graph.Input] = 0 };
        var blocks = new List<Lifetime> { new(shapes[graph.Input].Count * maxBatch, -1, lastUse.GetValueOrDefault(graph.Input)) };
        for (int i = 0; i < graph.Nodes.Length; i++)
        {
            Node node = graph.Nodes[i];
            if (node is ViewNode) continue;
            int last = lastUse.GetValueOrDefault(node.Output, i);
            if (ResidualOf(node) is { } summand && memoryOf[summand] is var residual && lastUse[residual] == i && residual != memoryOf[node.Inputs[0]])
            {
                int block = blockOf[residual];
                blocks[block] = blocks[block] with { Last = last };
                blockOf[node.Output] = block;
            }
            else
            {
                blockOf[node.Output] = blocks.Count;
                blocks.Add(new Lifetime(shapes[node.Output].Count * maxBatch, i, last));
            }
        }

        MemoryPlan memory = MemoryPlanner.Plan(blocks);
        TensorSlot Slot(string name) => new(shapes[name], memory.Offsets[blockOf[memoryOf[name]]]);
        return new ExecutionPlan(maxBatch, Slot(graph.Input), graph.Outputs.ToImmutableDictionary(name => name, Slot), [.. graph.Nodes.Where(node => node is not ViewNode).Select(node => new PlanStep(
            node,
            Slot(node.Inputs[0]),
            ResidualOf(node) is { } residual ? Slot(residual) : null,
            Slot(node.Output)))], memory);
    }

    private static string? ResidualOf(Node node) =>
        node is EpilogueNode { Epilogue.HasResidual: true } ? node.Inputs[1] : null;
}
