using System.Collections.Immutable;
using IlgpuResNet.Graphs;
using IlgpuResNet.Models;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Execution;

/// <summary>Where a tensor lies: at <see cref="Offset"/> of the arena, images one after another.</summary>
/// <param name="Shape">Shape of one image.</param>
/// <param name="Offset">First element in the arena.</param>
/// <param name="Images">Images there is room for: the largest batch, or 1 where each image takes the place of the one before.</param>
public readonly record struct TensorSlot(MapShape Shape, long Offset, int Images);

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

    /// <summary>Elements of the arena that hold tensors while it runs: what it reads and writes, and what later steps read.</summary>
    public long ArenaInUse { get; internal init; }
}

/// <summary>
/// The order of operations and the place of every tensor for one input size and a largest batch.
/// Pure: no device is needed to make or print one.
/// </summary>
public sealed class ExecutionPlan
{
    /// <summary>
    /// Pixels whose products take about as long as one weight takes from memory to a processor, and again as much: 14 at the peaks of
    /// two AVX-512 cores (236 GFLOP/s, 33 GB/s).
    /// </summary>
    private const int PixelsPerWeight = 28;

    /// <summary>When the input is written, among the numbers of steps.</summary>
    private const int BeforeSteps = -1;

    private ExecutionPlan(
        int maxBatch, int singleSteps, TensorSlot input, ImmutableDictionary<string, TensorSlot> outputs, ImmutableArray<PlanStep> steps, MemoryPlan memory)
    {
        MaxBatch = maxBatch;
        SingleSteps = singleSteps;
        Input = input;
        Outputs = outputs;
        Steps = steps;
        ArenaLength = memory.Length;
        ArenaLowerBound = memory.LowerBound;
    }

    /// <summary>The most images one run takes.</summary>
    public int MaxBatch { get; }

    /// <summary>
    /// So many steps at the beginning are walked for one image after the other, the rest for the whole batch at once; 0 when all are. On a
    /// processor the maps of one image fit the caches and those of a batch do not, while weights that an image uses a few
    /// times only are worth fetching once for all images.
    /// </summary>
    public int SingleSteps { get; }

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
    internal static ExecutionPlan Create(Network network, int maxBatch, bool imagesSingly = false)
    {
        if (!network.Input.HasBatch && maxBatch != 1)
            throw new GraphException($"{network.Graph.Name} computes across its images, so it takes a batch of 1, but {maxBatch} was asked for.");
        return Create(network.Graph, network.InputShape.H, network.InputShape.W, maxBatch, imagesSingly);
    }

    /// <summary>Plans an optimised graph; <paramref name="imagesSingly"/> allows <see cref="SingleSteps"/>.</summary>
    /// <exception cref="GraphException">The graph does not fit the input size, or a tensor would pass 2^31 elements.</exception>
    internal static ExecutionPlan Create(Graph graph, int height, int width, int maxBatch, bool imagesSingly = false)
    {
        if (maxBatch < 1) throw new GraphException($"The batch must be at least 1, but is {maxBatch}.");
        IReadOnlyDictionary<string, MapShape> shapes = graph.InferShapes(height, width);
        foreach ((string name, MapShape shape) in shapes)
        {
            if (shape.Count > int.MaxValue / maxBatch)
                throw new GraphException($"{Message.Clean(name)}: {maxBatch} images of {shape} pass the limit of {int.MaxValue} elements a tensor; use a smaller batch or image.");
        }

        // Views share the memory of what they view: it is memory that lives and dies, not names.
        Node[] nodes = [.. graph.Nodes.Where(node => node is not ViewNode)];
        var memoryOf = new Dictionary<string, string> { [graph.Input] = graph.Input };
        foreach (Node node in graph.Nodes) memoryOf.Add(node.Output, node is ViewNode ? memoryOf[node.Inputs[0]] : node.Output);
        var lastUse = new Dictionary<string, int>();
        for (int i = 0; i < nodes.Length; i++)
        {
            foreach (string input in nodes[i].Inputs) lastUse[memoryOf[input]] = i;
        }
        foreach (string output in graph.Outputs) lastUse[memoryOf[output]] = nodes.Length;

        // Single steps run again for every image: what one image's steps leave for the whole batch must survive those of the others.
        int single = imagesSingly && maxBatch > 1 ? SingleStepsOf(nodes, shapes) : 0;
        bool IsOfBatch(string memory, int written) =>
            written is BeforeSteps || written >= single || lastUse.GetValueOrDefault(memory, written) >= single;
        Lifetime LifeOf(string memory, int written)
        {
            int last = lastUse.GetValueOrDefault(memory, written);
            return IsOfBatch(memory, written)
                ? new Lifetime(shapes[memory].Count * maxBatch, written < single ? Math.Min(written, 0) : written, Math.Max(last, single - 1))
                : new Lifetime(shapes[memory].Count, written, last);
        }

        // A tensor written over its residual lives on in the residual's block.
        var blockOf = new Dictionary<string, int> { [graph.Input] = 0 };
        var ofBatch = new Dictionary<string, bool> { [graph.Input] = true };
        var blocks = new List<Lifetime> { LifeOf(graph.Input, BeforeSteps) };
        for (int i = 0; i < nodes.Length; i++)
        {
            Node node = nodes[i];
            Lifetime life = LifeOf(node.Output, i);
            ofBatch[node.Output] = IsOfBatch(node.Output, i);
            if (ResidualOf(node) is { } summand && memoryOf[summand] is var residual && lastUse[residual] == i
                && residual != memoryOf[node.Inputs[0]] && ofBatch[residual] == ofBatch[node.Output])
            {
                int block = blockOf[residual];
                blocks[block] = blocks[block] with { First = Math.Min(blocks[block].First, life.First), Last = life.Last };
                blockOf[node.Output] = block;
            }
            else
            {
                blockOf[node.Output] = blocks.Count;
                blocks.Add(life);
            }
        }

        MemoryPlan memory = MemoryPlanner.Plan(blocks);
        TensorSlot Slot(string name) => new(shapes[name], memory.Offsets[blockOf[memoryOf[name]]], ofBatch[memoryOf[name]] ? maxBatch : 1);
        return new ExecutionPlan(maxBatch, single, Slot(graph.Input), graph.Outputs.ToImmutableDictionary(name => name, Slot), [.. nodes.Select((node, step) => new PlanStep(
            node,
            Slot(node.Inputs[0]),
            ResidualOf(node) is { } residual ? Slot(residual) : null,
            Slot(node.Output))
        {
            ArenaInUse = MemoryPlanner.InUse(blocks, step),
        })], memory);
    }

    /// <summary>
    /// The steps up to the last layer of which each weight serves enough pixels of one image: its fetching then hides behind the
    /// products. What comes after, a linear layer at least, fetches its weights once for the whole batch.
    /// </summary>
    private static int SingleStepsOf(Node[] nodes, IReadOnlyDictionary<string, MapShape> shapes) =>
        1 + Array.FindLastIndex(nodes, node => node is Conv2dNode && (long)shapes[node.Output].H * shapes[node.Output].W >= PixelsPerWeight);

    private static string? ResidualOf(Node node) =>
        node is EpilogueNode { Epilogue.HasResidual: true } ? node.Inputs[1] : null;
}
