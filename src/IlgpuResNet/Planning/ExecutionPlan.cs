using System.Collections.Immutable;
using System.Globalization;
using IlgpuResNet.Files;
using IlgpuResNet.Graphs;
using IlgpuResNet.Kernels;

namespace IlgpuResNet.Planning;

/// <summary>The place of a tensor in the arena: it starts at <see cref="Offset"/>, and its images follow one another.</summary>
/// <param name="Shape">Shape of one image.</param>
/// <param name="Offset">First element in the arena.</param>
/// <param name="Images">
/// Number of images that have room: the largest batch, or as many as its segment walks at a time, each of which replaces an earlier image.
/// </param>
public readonly record struct TensorSlot(MapShape Shape, long Offset, int Images);

/// <summary>One operation of a run.</summary>
/// <param name="Node">The operation.</param>
/// <param name="Input">The tensor that it reads.</param>
/// <param name="Residual">The tensor that it adds, or null.</param>
/// <param name="Output">The tensor that it writes; it has the residual's memory when no later step reads the residual.</param>
public sealed record PlanStep(Node Node, TensorSlot Input, TensorSlot? Residual, TensorSlot Output)
{
    /// <summary>The tensor besides the input that it multiplies, divides by or joins, or null.</summary>
    public TensorSlot? Second { get; init; }

    /// <summary>Multiply-accumulates per image.</summary>
    public long Macs => Node.Macs(Input.Shape, Output.Shape);

    /// <summary>Weights of the filter plus one scale and one shift per channel where the step has them.</summary>
    public long Parameters => Node is EpilogueNode { Epilogue: var spec, Filter: var filter }
        ? (filter?.Count ?? 0) + (spec.Scale?.Length ?? 0) + (spec.Shift?.Length ?? 0)
        : 0;

    /// <summary>The operation in words, with its window and stride: <c>conv 3x3/2</c>, <c>max pool 3x3/2</c>, <c>linear</c>.</summary>
    public string Operation => Node switch
    {
        Conv2dNode conv => string.Create(
            CultureInfo.InvariantCulture, $"conv {conv.Weight.Shape[2]}x{conv.Weight.Shape[3]}/{conv.Window.StrideH}"),
        LinearNode => "linear",
        PointwiseNode => "pointwise",
        CombineNode { Kind: CombineKind.Multiply } => "multiply",
        CombineNode { Kind: CombineKind.Divide } => "divide",
        CombineNode => "add",
        SelectNode { Inputs.Length: > 1 } => "join",
        SelectNode => "select",
        GroupNormNode => "group norm",
        TopKNode => "top k",
        Pool2dNode { Kernel: null, Kind: PoolKind.Max } => "global max pool",
        Pool2dNode { Kernel: null } => "global average pool",
        Pool2dNode { Kernel: var (r, s), Kind: var kind, Window: var window } => string.Create(
            CultureInfo.InvariantCulture, $"{(kind is PoolKind.Max ? "max" : "average")} pool {r}x{s}/{window.StrideH}"),
        _ => "softmax",
    };

    /// <summary>True when a convolution's kernels compute the step; a linear layer is a convolution of one pixel.</summary>
    internal bool IsConvolution => Node is Conv2dNode or LinearNode;

    /// <summary>
    /// Elements of the arena in use while the step runs: tensors that it reads or writes, and tensors that later steps read.
    /// </summary>
    public long ArenaInUse { get; internal init; }
}

/// <summary>
/// The order of operations and the place of every tensor for one input size and a largest batch.
/// Pure: no device is needed to make or print one.
/// </summary>
public sealed class ExecutionPlan
{
    private readonly TensorUses uses;

    private ExecutionPlan(TensorUses uses, ImmutableArray<PlanSegment> segments, int maxBatch)
    {
        this.uses = uses;
        Segments = segments;
        MaxBatch = maxBatch;
        (Func<string, TensorSlot> slotOf, List<Lifetime> blocks, MemoryPlan memory) = uses.Place(segments, maxBatch);
        Input = slotOf(uses.Input);
        Outputs = uses.Outputs.ToImmutableDictionary(name => name, slotOf);
        Steps = [.. uses.Nodes.Select((node, step) => new PlanStep(
            node, slotOf(node.Inputs[0]), TensorUses.ResidualOf(node) is { } residual ? slotOf(residual) : null, slotOf(node.Output))
        {
            Second = TensorUses.SecondOf(node) is { } second ? slotOf(second) : null,
            ArenaInUse = MemoryPlanner.InUse(blocks, step),
        })];
        ArenaLength = memory.Length;
        ArenaLowerBound = memory.LowerBound;
    }

    /// <summary>The most images one run takes.</summary>
    public int MaxBatch { get; }

    /// <summary>The segments in which the steps are walked; every step is in one segment, in order.</summary>
    public ImmutableArray<PlanSegment> Segments { get; }

    /// <summary>The place of the input, <c>[N, H, W, C]</c>.</summary>
    public TensorSlot Input { get; }

    /// <summary>The place of each output, by its name in the graph.</summary>
    public ImmutableDictionary<string, TensorSlot> Outputs { get; }

    /// <summary>The operations in order.</summary>
    public ImmutableArray<PlanStep> Steps { get; }

    /// <summary>Length of the arena that holds all activations, in floats.</summary>
    public long ArenaLength { get; }

    /// <summary>The largest sum of tensors that are alive at the same time, in floats: no arena can be shorter.</summary>
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
            throw new GraphException(
                $"{network.Graph.Name} computes across its images, so it takes a batch of 1, but {maxBatch} was asked for.");
        return Create(network.Graph, network.InputShape.H, network.InputShape.W, maxBatch);
    }

    /// <summary>Plans an optimised graph; each step is walked for the whole batch.</summary>
    /// <exception cref="GraphException">The graph does not fit the input size, or a tensor would pass 2^31 elements.</exception>
    internal static ExecutionPlan Create(Graph graph, int height, int width, int maxBatch)
    {
        if (maxBatch < 1) throw new GraphException($"The batch must be at least 1, but is {maxBatch}.");
        IReadOnlyDictionary<string, MapShape> shapes = graph.InferShapes(height, width);
        foreach ((string name, MapShape shape) in shapes)
        {
            if (shape.Count > int.MaxValue / maxBatch)
                throw new GraphException(
                    $"{FileText.Clean(name)}: {maxBatch} images of {shape} pass the limit of {int.MaxValue} elements a tensor; "
                    + "use a smaller batch or image.");
        }
        var uses = new TensorUses(graph, shapes);
        return new ExecutionPlan(uses, [new PlanSegment(0, uses.Nodes.Length, maxBatch)], maxBatch);
    }

    /// <summary>This plan with its steps walked in other segments.</summary>
    /// <param name="segments">Segments of all steps, in order.</param>
    internal ExecutionPlan Walked(ImmutableArray<PlanSegment> segments) => new(uses, segments, MaxBatch);

    /// <summary>Number of images for which a step is launched at a time with the largest batch.</summary>
    internal int ImagesOf(int step) => SegmentOf(step).Images;

    /// <summary>The segment that a step belongs to.</summary>
    internal PlanSegment SegmentOf(int step)
    {
        foreach (PlanSegment segment in Segments)
        {
            if (step < segment.End) return segment;
        }
        throw new ArgumentOutOfRangeException(nameof(step), step, $"The plan has {Steps.Length} steps.");
    }

    /// <summary>The steps that read what a step writes.</summary>
    internal int[] ReadersOf(int step) => uses.ReadersOf(step);

    /// <summary>
    /// Number of images processed between writing and reading each tensor of a step, in a segment that processes some images at a time.
    /// </summary>
    internal MapsInFlight MapsInFlight(int step, PlanSegment segment, int images)
    {
        Node node = uses.Nodes[step];
        return new MapsInFlight(
            OfRead(node.Inputs[0]), TensorUses.ResidualOf(node) is { } residual ? OfRead(residual) : images,
            uses.IsReadFrom(node.Output, segment.End) ? MaxBatch : images, uses.Waiting(step));

        int OfRead(string tensor) => uses.IsWrittenBefore(tensor, segment.First) ? MaxBatch : images;
    }

    /// <summary>Calls a delegate for each launch of a run, in order.</summary>
    /// <param name="batch">Number of images of the run.</param>
    /// <param name="steps">Number of steps to run; later steps are left out.</param>
    /// <param name="launch">Receives the number of a step, its first image, and its number of images.</param>
    internal void Walk(int batch, int steps, Action<int, int, int> launch)
    {
        foreach (PlanSegment segment in Segments)
        {
            int end = Math.Min(segment.End, steps);
            for (int image = 0; image < batch; image += segment.Images)
            {
                for (int i = segment.First; i < end; i++) launch(i, image, Math.Min(segment.Images, batch - image));
            }
        }
    }
}
