using System.Collections.Immutable;
using IlgpuResNet.Files;
using IlgpuResNet.Graphs;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Onnx;

/// <summary>Operators on maps: convolution, pools and padding. A map of three dimensions, <c>[N, C, W]</c>, has a height of 1.</summary>
internal static class SpatialOperators
{
    /// <summary>Bytes for an element of a bias, which is read as float, converted to double and kept.</summary>
    public const int BytesPerBias = sizeof(float) + 2 * sizeof(double);

    /// <summary>The handlers by the operators' names.</summary>
    public static Dictionary<string, OnnxHandler> Handlers { get; } = new()
    {
        ["AveragePool"] = (op, builder, _) => AveragePool(op, builder),
        ["Conv"] = Conv,
        ["GlobalAveragePool"] = (op, builder, _) => GlobalPool(op, builder, PoolKind.Average, op.Activation(0)),
        ["GlobalMaxPool"] = (op, builder, _) => GlobalPool(op, builder, PoolKind.Max, op.Activation(0)),
        ["MaxPool"] = (op, builder, _) => MaxPool(op, builder),
        ["Pad"] = (op, builder, _) => Pad(op, builder),
    };

    public static Activation? Conv(OnnxOperator op, OnnxGraphBuilder builder, ReadBudget budget)
    {
        StateTensor weight = op.Weight(1, "its filter", 3, 4);
        Activation input = op.Activation(0);
        if (weight.Shape.Length != input.Rank)
            throw op.Fail($"its filter is {FileText.Shape(weight.Shape)}, but its input has {input.Rank} dimensions");
        if (weight.Shape is [var k, var c, var s]) weight = weight.WithShape([k, c, 1, s]);

        SlidingWindow window = Window(op, input.Rank, weight.Shape[2], weight.Shape[3]);
        // Zeros around zeros are one padding, but rows that were cut off must not come back as padding.
        PendingPad? pad = input.Pad is { Value: 0 } pending && (PadsNothing(window) || !pending.Cuts) ? pending : null;
        if (pad is not null) window = window with { Pad = window.Pad.Plus(pad.Pad) };
        if (builder.AsMap(op, pad is null ? builder.WithoutPendingPad(input) : input with { Pad = null }) is not { } map) return null;

        long groups = op.Int("group", 1);
        if (groups < 1 || groups > weight.Shape[0] || weight.Shape[0] % groups != 0 || groups * weight.Shape[1] != map.Shape.C)
            throw op.Fail($"a filter {FileText.Shape(weight.Shape)} in {groups} groups does not fit an input of {map.Shape.C} channels");
        StateTensor? bias = op.HasInput(2) ? op.Weight(2, "its bias", 1) : null;
        if (bias is not null && bias.Shape[0] != weight.Shape[0])
            throw op.Fail($"its bias is {FileText.Shape(bias.Shape)}, but its filter has {weight.Shape[0]} output channels");

        if (bias is not null) budget.Charge(bias.Count * BytesPerBias);
        string tensor = builder.UniqueName(op.Output);
        MapShape shape = builder.Emit(new Conv2dNode
        {
            Name = op.Name,
            Inputs = [map.Tensor],
            Output = tensor,
            Weight = weight,
            Bias = bias,
            Groups = (int)groups,
            Window = window,
        }, map);
        return OnnxGraphBuilder.OfMap(map, input.Rank, tensor, shape);
    }

    public static Activation? MaxPool(OnnxOperator op, OnnxGraphBuilder builder) => Pool(op, builder, PoolKind.Max);

    public static Activation? AveragePool(OnnxOperator op, OnnxGraphBuilder builder) => Pool(op, builder, PoolKind.Average);

    /// <summary>The maximum or the mean of each map.</summary>
    public static Activation? GlobalPool(OnnxOperator op, OnnxGraphBuilder builder, PoolKind kind, Activation padded)
    {
        Activation input = builder.WithoutPendingPad(padded);
        if (builder.AsMap(op, input) is not { } map) return null;
        string tensor = builder.UniqueName(op.Output);
        var pool = new Pool2dNode { Name = op.Name, Inputs = [map.Tensor], Output = tensor, Kind = kind };
        MapShape shape = builder.Emit(pool, map);
        return OnnxGraphBuilder.OfMap(map, input.Rank, tensor, shape);
    }

    /// <summary>
    /// Padding. For a constant around a map no node is emitted yet: the next convolution or pool may pad as it reads.
    /// </summary>
    public static Activation? Pad(OnnxOperator op, OnnxGraphBuilder builder)
    {
        Activation input = builder.WithoutPendingPad(op.Activation(0));
        string mode = op.Text("mode", "constant");
        if (mode is not ("constant" or "reflect" or "edge" or "wrap")) throw op.Fail($"its mode '{FileText.Clean(mode)}' is unknown");
        long[] pads = op.IntsOfInput(1, "pads", "pads") ?? op.Ints("paddings")?.ToArray() ?? throw op.Fail("it has no pads");
        int rank = input.Rank;
        if (op.IntsOfInput(3, "axes", "") is { } axes)
        {
            long[] all = new long[2 * rank];
            for (int i = 0; i < Math.Min(axes.Length, pads.Length / 2); i++)
            {
                int axis = op.Axis(axes[i], rank);
                (all[axis], all[rank + axis]) = (pads[i], pads[i + pads.Length / 2]);
            }
            pads = axes.Length * 2 == pads.Length ? all : throw op.Fail($"it has {pads.Length} pads for {axes.Length} axes");
        }
        if (pads.Length != 2 * rank || pads.Any(pad => Math.Abs(pad) > OnnxOperator.Largest))
            throw op.Fail($"its pads are {OnnxOperator.List(pads)}, but {2 * rank} small numbers were expected");
        double value = op.NumberOfInput(2, "value", "value", 0);
        // Zeros around a map are left to the next convolution; any other padding is a selection along its dimension.
        bool isOfMap = rank is 3 or 4 && mode == "constant";
        Activation? padded = input;
        for (int axis = 0; axis < rank && padded is not null; axis++)
        {
            if ((isOfMap && axis >= 2) || (pads[axis] == 0 && pads[rank + axis] == 0)) continue;
            int[] indices = PaddedIndices(op, mode, padded.Size(axis), (int)pads[axis], (int)pads[rank + axis]);
            padded = OnnxSelection.Select(op, builder, padded, axis, indices, value);
        }
        if (padded is null || !isOfMap) return padded;
        input = padded;
        var padding = rank == 4
            ? new Padding((int)pads[2], (int)pads[3], (int)pads[6], (int)pads[7])
            : new Padding(0, (int)pads[2], 0, (int)pads[5]);
        if (padding == default) return input;
        return builder.AsMap(op, input) is { } map ? map with { Dims = input.Dims, Pad = new PendingPad(padding, value) } : null;
    }

    /// <summary>The index of each element of a padded dimension; -1 for a constant.</summary>
    private static int[] PaddedIndices(OnnxOperator op, string mode, int size, int before, int after)
    {
        if (mode == "reflect" && (before >= size || after >= size) || mode == "wrap" && (before > size || after > size))
            throw op.Fail($"its pads {before} and {after} are larger than the {size} elements of mode '{mode}'");
        int length = checked(size + before + after);
        return [.. Enumerable.Range(-before, Math.Max(length, 0)).Select(index => mode switch
        {
            "constant" => index < 0 || index >= size ? -1 : index,
            "edge" => Math.Clamp(index, 0, size - 1),
            "wrap" => (index + size) % size,
            _ => index < 0 ? -index : index >= size ? 2 * (size - 1) - index : index,
        })];
    }

    private static Activation? Pool(OnnxOperator op, OnnxGraphBuilder builder, PoolKind kind)
    {
        Activation input = op.Activation(0);
        int axes = input.Rank - 2;
        if (axes is not (1 or 2)) throw op.Fail($"its input has {input.Rank} dimensions, but [N, C, H, W] was expected");
        if (op.Ints("kernel_shape") is null) throw op.Fail("it has no kernel_shape");
        int[] kernel = op.Positive("kernel_shape", axes, 1);
        (int r, int s) = axes == 2 ? (kernel[0], kernel[1]) : (1, kernel[0]);
        if ((long)r * s > int.MaxValue) throw op.Fail($"its window of {r}x{s} is too large");
        SlidingWindow window = Window(op, input.Rank, r, s) with { CeilMode = op.Int("ceil_mode", 0) != 0 };
        bool countIncludePad = op.Int("count_include_pad", 0) != 0;

        // Elements that a Pad node adds count as pixels, those that the pool adds do not: a pool with its own padding cannot make both.
        PendingPad? pad = input.Pad is { Cuts: false } pending && PadsNothing(window) && !window.CeilMode
            && (kind is PoolKind.Max || pending.Value == 0) ? pending : null;
        if (builder.AsMap(op, pad is null ? builder.WithoutPendingPad(input) : input with { Pad = null }) is not { } map) return null;
        if (kind is PoolKind.Average && pad is null && !countIncludePad
            && (window.Pad.Top >= Extent(r, window.DilationH) || window.Pad.Left >= Extent(s, window.DilationW)
                || window.Pad.Bottom >= Extent(r, window.DilationH) || window.Pad.Right >= Extent(s, window.DilationW)))
        {
            throw op.Fail("its padding is as large as its window, whose mean would be of nothing");
        }
        string tensor = builder.UniqueName(op.Output);
        MapShape shape = builder.Emit(new Pool2dNode
        {
            Name = op.Name,
            Inputs = [map.Tensor],
            Output = tensor,
            Kind = kind,
            Kernel = (r, s),
            Window = pad is null ? window : window with { Pad = pad.Pad },
            CountIncludePad = countIncludePad || (pad is not null && kind is PoolKind.Average),
            PadValue = pad is not null && kind is PoolKind.Max ? pad.Value : double.NegativeInfinity,
        }, map);
        return OnnxGraphBuilder.OfMap(map, input.Rank, tensor, shape);
    }

    private static bool PadsNothing(SlidingWindow window) => window.Pad == default && window.AutoPad is AutoPad.None;

    private static long Extent(int taps, int dilation) => (taps - 1L) * dilation + 1;

    private static SlidingWindow Window(OnnxOperator op, int rank, int r, int s)
    {
        int axes = rank - 2;
        int[] strides = op.Positive("strides", axes, 1), dilations = op.Positive("dilations", axes, 1);
        if (op.Ints("kernel_shape") is { } kernel && !kernel.SequenceEqual(axes == 2 ? [r, s] : [s]))
            throw op.Fail($"its kernel_shape is {OnnxOperator.List(kernel)}, but its filter is {r}x{s}");
        AutoPad auto = op.Text("auto_pad", "NOTSET") switch
        {
            "NOTSET" or "VALID" or "" => AutoPad.None,
            "SAME_UPPER" => AutoPad.SameUpper,
            "SAME_LOWER" => AutoPad.SameLower,
            var other => throw op.Fail($"its auto_pad '{FileText.Clean(other)}' is unknown"),
        };
        ImmutableArray<long> pads = op.Ints("pads") ?? [.. Enumerable.Repeat(0L, 2 * axes)];
        if (pads.Length != 2 * axes || pads.Any(pad => pad is < 0 or > OnnxOperator.Largest))
            throw op.Fail($"its pads are {OnnxOperator.List(pads)}, but {2 * axes} numbers from 0 to {OnnxOperator.Largest} were expected");
        bool stated = op.Text("auto_pad", "NOTSET") is "NOTSET" or "";
        return new SlidingWindow
        {
            StrideH = axes == 2 ? strides[0] : 1,
            StrideW = strides[^1],
            DilationH = axes == 2 ? dilations[0] : 1,
            DilationW = dilations[^1],
            AutoPad = auto,
            Pad = !stated ? default
                : axes == 2 ? new Padding((int)pads[0], (int)pads[1], (int)pads[2], (int)pads[3])
                : new Padding(0, (int)pads[0], 0, (int)pads[1]),
        };
    }
}
