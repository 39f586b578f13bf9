using System.Collections.Immutable;
using System.Runtime.InteropServices;
using IlgpuResNet.Files;
using IlgpuResNet.Graphs;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Onnx;

/// <summary>Builds the graph of an import: emits nodes and tracks the order of axes in memory.</summary>
internal sealed class OnnxGraphBuilder
{
    /// <summary>
    /// Bytes for scale and shift of one channel: the place of their constants, both numbers, and both again where a convolution fuses them.
    /// </summary>
    public const long BytesPerChannel = sizeof(int) + 4 * sizeof(double);

    private readonly List<Node> nodes = [];
    private readonly Dictionary<string, int> names = new(StringComparer.Ordinal);

    /// <summary>The nodes so far, in order.</summary>
    public IReadOnlyList<Node> Nodes => nodes;

    /// <summary>Node that is being imported, or null; errors of the nodes that are emitted for it name it.</summary>
    public OnnxOperator? Operator { get; set; }

    /// <summary>Makes a tensor's name unique by appending a number where it is taken.</summary>
    public string UniqueName(string wanted)
    {
        if (names.TryAdd(wanted, 1)) return wanted;
        // Continues from the last number: one name may be wanted thousands of times.
        string name;
        int number = names[wanted];
        do name = $"{wanted}/{++number}";
        while (!names.TryAdd(name, 1));
        names[wanted] = number;
        return name;
    }

    /// <summary>Adds a node that reads activations in the shapes they have, and returns the shape of its output.</summary>
    /// <exception cref="GraphException">The node does not fit its inputs, or its output is too large.</exception>
    public MapShape Emit(Node node, params ReadOnlySpan<Activation> inputs)
    {
        var shapes = new MapShape[inputs.Length];
        for (int i = 0; i < shapes.Length; i++) shapes[i] = inputs[i].Shape;
        MapShape shape = ShapeOf(node, shapes);
        nodes.Add(node);
        return shape;
    }

    private MapShape ShapeOf(Node node, ReadOnlySpan<MapShape> inputs)
    {
        try
        {
            return Graph.Limit(FileText.Clean(node.Name), node.InferShape(inputs));
        }
        catch (GraphException e) when (Operator is { } op)
        {
            throw op.Fail(e.Message.TrimEnd('.'), e);
        }
    }

    /// <summary>Emits a node that computes element by element; the result has the input's dimensions and order in memory.</summary>
    public Activation EmitElementwise(Activation input, string output, Func<string, Node> node, params ReadOnlySpan<Activation> others)
    {
        string tensor = UniqueName(output);
        Emit(node(tensor), [input, .. others]);
        return input with { Tensor = tensor };
    }

    /// <summary>Views the memory as rows of a number of channels.</summary>
    public Activation AsRows(Activation input, int channels) =>
        input.Shape.C == channels ? input : AsShape(input, new MapShape(1, (int)(input.Shape.Count / channels), channels));

    /// <summary>Views the memory in another shape.</summary>
    public Activation AsShape(Activation input, MapShape shape)
    {
        if (input.Shape == shape) return input;
        string tensor = UniqueName($"{input.Tensor}/view");
        Emit(new ViewNode { Name = tensor, Inputs = [input.Tensor], Output = tensor, Shape = shape }, input);
        return input with { Tensor = tensor, Shape = shape };
    }

    /// <summary>
    /// Views a value <c>[N, C, H, W]</c>, or <c>[N, C, W]</c> with a height of 1, as a map with channels last, which convolutions and pools
    /// read.
    /// </summary>
    /// <returns>The map, or null when the order in memory does not fit.</returns>
    public Activation? AsMap(OnnxOperator op, Activation input)
    {
        if (input.Rank is not (3 or 4)) throw op.Fail($"its input has {input.Rank} dimensions, but [N, C, H, W] was expected");
        ImmutableArray<ImmutableArray<Axis>> dims = DimsOfMap(input);
        Axis[] needed = [.. dims[0], .. dims[2], .. dims[3], .. dims[1]];
        if (!needed.AsSpan().SequenceEqual(input.Memory.AsSpan())) return op.Misfits("its input does not lie in memory with channels last");
        if (!input.HasBatch && dims[0].Length > 0) return op.Misfits("it works on several images, but an operator elsewhere mixes images");
        Activation map = input with { Dims = dims };
        return AsShape(map, new MapShape(map.Size(2), map.Size(3), map.Size(1)));
    }

    /// <summary>The dimensions <c>[N, C, H, W]</c> of a value that may lack H.</summary>
    private static ImmutableArray<ImmutableArray<Axis>> DimsOfMap(Activation input) =>
        input.Rank == 4 ? input.Dims : [input.Dims[0], input.Dims[1], [], input.Dims[2]];

    /// <summary>Describes the output of a convolution or pool over a map.</summary>
    public static Activation OfMap(Activation input, int rank, string tensor, MapShape shape)
    {
        ImmutableArray<Axis> batch = input.HasBatch ? [input.Memory[0]] : [];
        ImmutableArray<Axis> h = AxesOf(shape.H), w = AxesOf(shape.W), c = AxesOf(shape.C);
        return new Activation(tensor, shape, [.. batch, .. h, .. w, .. c], rank == 4 ? [batch, c, h, w] : [batch, c, w]);
    }

    /// <summary>One axis of a size; none for a size of 1.</summary>
    public static ImmutableArray<Axis> AxesOf(int size) => size == 1 ? [] : [new Axis(size)];

    /// <summary>Makes the padding that is pending, if any. A value with pending padding is a map with channels last.</summary>
    public Activation WithoutPendingPad(Activation input)
    {
        if (input.Pad is not { } pending) return input;
        Activation map = input with { Pad = null, Dims = DimsOfMap(input) };
        string tensor = UniqueName($"{input.Tensor}/pad");
        // A maximum over windows of one pixel copies the map.
        MapShape shape = Emit(new Pool2dNode
        {
            Name = tensor,
            Inputs = [map.Tensor],
            Output = tensor,
            Kind = PoolKind.Max,
            Kernel = (1, 1),
            Window = new SlidingWindow { Pad = pending.Pad },
            PadValue = pending.Value,
        }, map);
        return OfMap(map, input.Rank, tensor, shape);
    }

    /// <summary>Emits <c>x * scale + shift</c> with constants that broadcast to the value, as in NumPy.</summary>
    /// <param name="op">The node that is imported.</param>
    /// <param name="input">The value x.</param>
    /// <param name="shape">Shape of the constants.</param>
    /// <param name="scale">Factors, or null for 1.</param>
    /// <param name="shift">Summands, or null for 0.</param>
    /// <param name="budget">Budget that the expanded constants are charged to.</param>
    /// <returns>The result, or null when the order in memory does not fit.</returns>
    public Activation? Affine(
        OnnxOperator op, Activation input, ImmutableArray<int> shape, double[]? scale, double[]? shift, ReadBudget budget) =>
        Constants(op, input, shape, budget, (rows, expand) => tensor => new PointwiseNode
        {
            Name = op.Name,
            Inputs = [rows.Tensor],
            Output = tensor,
            Epilogue = new EpilogueSpec { Scale = expand(scale), Shift = expand(shift) },
        });

    /// <summary>Emits a node that computes element by element with constants that broadcast to the value, as in NumPy.</summary>
    /// <param name="op">The node that is imported.</param>
    /// <param name="input">The value.</param>
    /// <param name="shape">Shape of the constants.</param>
    /// <param name="budget">Budget that the expanded constants are charged to.</param>
    /// <param name="node">
    /// Makes the node by the name of its output, from the value as it is read, and a function that repeats constants to its channels.
    /// </param>
    /// <returns>The result, or null when the order in memory does not fit.</returns>
    public Activation? Constants(
        OnnxOperator op, Activation input, ImmutableArray<int> shape, ReadBudget budget,
        Func<Activation, Func<double[]?, ImmutableArray<double>?>, Func<string, Node>> node)
    {
        if (shape.Length > input.Rank)
        {
            if (input.HasBatch) return op.Misfits("its constant has more dimensions than its input, whose batch would not come first");
            input = input with { Dims = [.. Enumerable.Repeat(ImmutableArray<Axis>.Empty, shape.Length - input.Rank), .. input.Dims] };
        }
        int missing = input.Rank - shape.Length;
        var strides = new Dictionary<Axis, int>();
        int count = 1;
        for (int i = shape.Length - 1; i >= 0; i--)
        {
            if (shape[i] == 1) continue;
            int dimension = i + missing;
            if (dimension < 0 || shape[i] != input.Size(dimension))
                throw op.Fail($"a constant of shape {FileText.Shape(shape)} does not broadcast to its input of shape {input.Sizes()}");
            foreach (Axis axis in input.Dims[dimension].Reverse())
            {
                if (axis.IsBatch) return op.Misfits("a constant differs from image to image");
                strides.Add(axis, count);
                count *= axis.Size;
            }
        }

        // The constant repeats over the innermost axes that include all those it varies along. It is made at least as long as the shape has
        // channels, so that it can be fused with the node that makes them.
        int channels = input.SuffixLength(strides.Keys);
        if (input.Shape.C % channels == 0) channels = input.Shape.C;
        budget.Charge(channels * BytesPerChannel);
        Activation rows = AsRows(input, channels);
        int[] places = Places(input, channels, strides);
        return EmitElementwise(rows, op.Output, node(rows, Expand));

        ImmutableArray<double>? Expand(double[]? values) =>
            values is null ? null : ImmutableCollectionsMarshal.AsImmutableArray(Array.ConvertAll(places, place => values[place]));
    }

    /// <summary>Place of each of the innermost elements of memory in a constant with these strides.</summary>
    private static int[] Places(Activation input, int count, Dictionary<Axis, int> strides)
    {
        int[] places = new int[count];
        int length = 1;
        foreach (Axis axis in input.Memory.Reverse())
        {
            if (length >= count) break;
            int stride = strides.GetValueOrDefault(axis);
            for (int i = length; i < Math.Min(length * axis.Size, count); i++) places[i] = places[i % length] + i / length * stride;
            length *= axis.Size;
        }
        return places;
    }
}
