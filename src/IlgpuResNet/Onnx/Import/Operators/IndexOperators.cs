using System.Collections.Immutable;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Onnx;

/// <summary>Operators that pick, join and repeat elements along a dimension.</summary>
internal static class IndexOperators
{
    /// <summary>The handlers by the operators' names.</summary>
    public static Dictionary<string, OnnxHandler> Handlers { get; } = new()
    {
        ["Concat"] = (op, _, budget) => Concat(op, budget),
        ["Gather"] = (op, _, budget) => Gather(op, budget),
        ["Slice"] = Slice,
        ["Split"] = (op, _, budget) => Split(op, budget),
    };

    /// <summary>Elements of a constant by their indices along a dimension.</summary>
    public static ConstantValue Gather(OnnxOperator op, ReadBudget budget)
    {
        StateTensor indices = op.HasInput(1) ? op.Constant(1, "indices") : throw op.Fail("its indices is missing");
        if (indices.DataType is not (DataType.Int64 or DataType.Int32))
            throw op.Fail($"its indices are {indices.DataType}, but integers were expected");
        if (op.Input(0) is Activation) throw op.Fail("picking elements of a computed tensor is not supported, only those of its shape");
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
            if (value is not ConstantValue { Tensor: var tensor })
                throw op.Fail("a slice of a computed tensor is not supported, only of its shape");
            int axis = op.Axis(axes[i], value.Rank);
            value = new ConstantValue(tensor.Taken(op, axis, Range(op, starts[i], ends[i], steps[i], tensor.Shape[axis]), budget));
        }
        return value;
    }

    /// <summary>Parts of a constant that follow one another along a dimension.</summary>
    public static ConstantValue Split(OnnxOperator op, ReadBudget budget)
    {
        StateTensor data = op.Constant(0, "data");
        int axis = op.Axis(op.Int("axis", 0), data.Shape.Length);
        int[] sizes = SizesOfParts(op, data.Shape[axis]);
        int first = 0;
        ConstantValue? whole = null;
        for (int i = 0; i < sizes.Length; first += sizes[i++])
        {
            var part = new ConstantValue(data.Taken(op, axis, [.. Enumerable.Range(first, sizes[i])], budget));
            if (i == 0) whole = part;
            else op.Give(i, part);
        }
        return whole!;
    }

    /// <summary>Constants, joined along a dimension.</summary>
    public static ConstantValue Concat(OnnxOperator op, ReadBudget budget)
    {
        if (op.InputCount == 0) throw op.Fail("it has no inputs");
        if (Enumerable.Range(0, op.InputCount).Any(i => op.Input(i) is Activation))
            throw op.Fail("joining computed tensors is not supported, only the sizes of a shape");
        StateTensor[] parts = [.. Enumerable.Range(0, op.InputCount).Select(i => op.Constant(i, "part"))];
        int axis = op.Axis(op.Int("axis", 0), parts[0].Shape.Length);
        return new ConstantValue(ConstantIndexing.Joined(op, parts, axis, budget));
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
