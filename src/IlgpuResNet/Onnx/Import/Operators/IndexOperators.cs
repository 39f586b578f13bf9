using System.Collections.Immutable;
using IlgpuResNet.Files;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Onnx;

/// <summary>Operators that pick, join and repeat elements along a dimension.</summary>
internal static class IndexOperators
{
    /// <summary>Bytes for an index of a selection, here and on the device.</summary>
    private const long BytesPerIndex = 16;

    /// <summary>The handlers by the operators' names.</summary>
    public static Dictionary<string, OnnxHandler> Handlers { get; } = new()
    {
        ["Concat"] = Concat,
        ["Expand"] = (op, builder, _) => Expand(op, builder),
        ["Gather"] = Gather,
        ["Slice"] = Slice,
        ["Split"] = Split,
    };

    /// <summary>Elements by their indices along a dimension.</summary>
    public static ImportedValue? Gather(OnnxOperator op, OnnxGraphBuilder builder, ReadBudget budget)
    {
        StateTensor indices = op.HasInput(1) ? op.Constant(1, "indices") : throw op.Fail("its indices is missing");
        if (indices.DataType is not (DataType.Int64 or DataType.Int32))
            throw op.Fail($"its indices are {indices.DataType}, but integers were expected");
        if (op.Input(0) is Activation input)
        {
            if (indices.Shape.Length > 1) throw op.Fail($"its indices are {FileText.Shape(indices.Shape)}; a list was expected");
            int dimension = op.Axis(op.Int("axis", 0), input.Rank);
            if (dimension == 0 && input.HasBatch) return op.Misfits("it picks images of a batch");
            budget.Charge(indices.Count * BytesPerIndex);
            int[] picked = [.. indices.ToInt64Array().Select(index => op.Axis(index, input.Size(dimension)))];
            Activation? result = OnnxSelection.Select(op, builder, input, dimension, picked);
            return result is null || indices.Shape.Length == 1 ? result : result with { Dims = result.Dims.RemoveAt(dimension) };
        }
        StateTensor data = op.Constant(0, "data");
        int axis = op.Axis(op.Int("axis", 0), data.Shape.Length), size = data.Shape[axis];
        int[] places = [.. indices.ToInt64Array().Select(index => op.Axis(index, size))];
        ImmutableArray<int> shape = [.. data.Shape[..axis], .. indices.Shape, .. data.Shape[(axis + 1)..]];
        return new ConstantValue(data.Taken(op, axis, places, budget).WithShape(shape));
    }

    /// <summary>Elements at equal distances along some dimensions.</summary>
    public static ImportedValue? Slice(OnnxOperator op, OnnxGraphBuilder builder, ReadBudget budget)
    {
        ImportedValue value = op.Input(0);
        long[] starts = op.IntsOfInput(1, "starts", "starts") ?? throw op.Fail("it has no starts");
        long[] ends = op.IntsOfInput(2, "ends", "ends") ?? throw op.Fail("it has no ends");
        long[] axes = op.IntsOfInput(3, "axes", "axes") ?? [.. Enumerable.Range(0, starts.Length).Select(axis => (long)axis)];
        long[] steps = op.IntsOfInput(4, "steps", "") ?? [.. Enumerable.Repeat(1L, starts.Length)];
        if (ends.Length != starts.Length || axes.Length != starts.Length || steps.Length != starts.Length)
            throw op.Fail($"it has {starts.Length} starts, {ends.Length} ends, {axes.Length} axes and {steps.Length} steps");
        for (int i = 0; i < starts.Length; i++)
        {
            int axis = op.Axis(axes[i], value.Rank);
            if (value is ConstantValue { Tensor: var tensor })
            {
                value = new ConstantValue(tensor.Taken(op, axis, Range(op, starts[i], ends[i], steps[i], tensor.Shape[axis]), budget));
                continue;
            }
            var input = (Activation)value;
            bool isAll = starts[i] == 0 && ends[i] >= int.MaxValue && steps[i] == 1;
            if (isAll) continue;
            if (axis == 0 && input.HasBatch) return op.Misfits("it picks images of a batch");
            int[] indices = Range(op, starts[i], ends[i], steps[i], input.Size(axis));
            budget.Charge(indices.Length * BytesPerIndex);
            if (OnnxSelection.Select(op, builder, input, axis, indices) is not { } picked) return null;
            value = picked;
        }
        return value;
    }

    /// <summary>Parts that follow one another along a dimension.</summary>
    public static ImportedValue? Split(OnnxOperator op, OnnxGraphBuilder builder, ReadBudget budget)
    {
        ImportedValue data = op.Input(0);
        int axis = op.Axis(op.Int("axis", 0), data.Rank);
        if (axis == 0 && data is Activation { HasBatch: true }) return op.Misfits("it splits the images of a batch");
        int[] sizes = SizesOfParts(op, data is Activation input ? input.Size(axis) : op.Constant(0, "data").Shape[axis]);
        int first = 0;
        ImportedValue? whole = null;
        for (int i = 0; i < sizes.Length; first += sizes[i++])
        {
            if (!op.HasOutput(i) && i > 0) continue;
            int[] indices = [.. Enumerable.Range(first, sizes[i])];
            budget.Charge(indices.Length * BytesPerIndex);
            ImportedValue? part = data is Activation activation
                ? OnnxSelection.Select(op, builder, activation, axis, indices)
                : new ConstantValue(op.Constant(0, "data").Taken(op, axis, indices, budget));
            if (part is null) return null;
            if (i == 0) whole = part;
            else op.Give(i, part);
        }
        return whole;
    }

    /// <summary>Values, joined along a dimension: all constant or all computed.</summary>
    public static ImportedValue? Concat(OnnxOperator op, OnnxGraphBuilder builder, ReadBudget budget)
    {
        if (op.InputCount == 0) throw op.Fail("it has no inputs");
        ImportedValue[] parts = [.. Enumerable.Range(0, op.InputCount).Select(op.Input)];
        int axis = op.Axis(op.Int("axis", 0), parts[0].Rank);
        if (parts[0] is not Activation joined)
        {
            StateTensor[] constants = [.. Enumerable.Range(0, op.InputCount).Select(i => op.Constant(i, "part"))];
            return new ConstantValue(ConstantIndexing.Joined(op, constants, axis, budget));
        }
        for (int i = 1; i < parts.Length; i++)
        {
            Activation part = op.Activation(i);
            if (part.Rank != joined.Rank) throw op.Fail($"it joins {joined.Sizes()} and {part.Sizes()}");
            if (axis == 0 && joined.HasBatch) return op.Misfits("it joins the images of batches");
            budget.Charge(((long)joined.Size(axis) + part.Size(axis)) * BytesPerIndex);
            if (OnnxSelection.Join(op, builder, joined, part, axis) is not { } both) return null;
            joined = both;
        }
        return joined;
    }

    /// <summary>A value repeated along its dimensions of size 1.</summary>
    private static Activation? Expand(OnnxOperator op, OnnxGraphBuilder builder)
    {
        Activation? input = op.Activation(0);
        long[] target = op.IntsOfInput(1, "shape", "") ?? throw op.Fail("it has no shape");
        if (target.Length > input.Rank)
        {
            if (input.HasBatch) return op.Misfits("it puts a dimension before the batch");
            input = input with { Dims = [.. Enumerable.Repeat(ImmutableArray<Axis>.Empty, target.Length - input.Rank), .. input.Dims] };
        }
        int missing = input.Rank - target.Length;
        for (int i = 0; i < target.Length && input is not null; i++)
        {
            int dimension = i + missing;
            bool isBatch = dimension == 0 && input.HasBatch;
            if (target[i] == 1 || (isBatch && target[i] == ShapeOperators.BatchSize)) continue;
            if (isBatch) return op.Misfits("it repeats the images of a batch");
            int size = input.Size(dimension);
            if (target[i] == size) continue;
            if (size != 1 || target[i] is < 1 or > int.MaxValue / sizeof(float))
                throw op.Fail($"its input {input.Sizes()} cannot be repeated to {OnnxOperator.List(target)}");
            input = OnnxSelection.Select(op, builder, input, dimension, new int[target[i]]);
        }
        return input;
    }

    /// <summary>The sizes of the parts of a Split: stated, or equal but for the last.</summary>
    private static int[] SizesOfParts(OnnxOperator op, int size)
    {
        int parts = op.OutputCount;
        long[] stated = op.IntsOfInput(1, "split", "split")
            ?? [.. Enumerable.Range(0, parts).Select(i => (long)Math.Clamp(size - i * Rounded(size, parts), 0, Rounded(size, parts)))];
        if (stated.Length != parts || stated.Any(part => part < 0) || stated.Aggregate((Int128)0, (sum, part) => sum + part) != size)
            throw op.Fail($"its parts {OnnxOperator.List(stated)} are not {parts} that fill {size} elements");
        return [.. stated.Select(part => (int)part)];

        static int Rounded(int size, int parts) => (size + parts - 1) / parts;
    }

    /// <summary>Indices from a start to before an end, as in NumPy: negative ones count from the end, those outside are cut off.</summary>
    private static int[] Range(OnnxOperator op, long start, long end, long step, int size)
    {
        if (step is 0 or long.MinValue) throw op.Fail($"its step is {step}");
        // From the last element down, -1 would count from the end: the end before the first element is written as a very small number.
        (long least, long most) = step > 0 ? (0L, (long)size) : (-1L, size - 1L);
        long first = Math.Clamp(Absolute(start), least, most), past = Math.Clamp(Absolute(end), least, most);
        long count = step > 0 ? (past - first + step - 1) / step : (first - past - step - 1) / -step;
        var indices = new int[Math.Max(count, 0)];
        for (int i = 0; i < indices.Length; i++) indices[i] = (int)(first + i * step);
        return indices;

        long Absolute(long index) => index < 0 && index >= long.MinValue + size ? index + size : index;
    }
}
