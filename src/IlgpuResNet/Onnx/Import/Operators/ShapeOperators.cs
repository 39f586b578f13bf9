using System.Collections.Immutable;
using System.Runtime.InteropServices;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Onnx;

/// <summary>
/// Operators that rename and rearrange: they give an activation other dimensions over the same memory and compute nothing.
/// Each also works on constants.
/// </summary>
internal static class ShapeOperators
{
    // A number as int64 or double, where it is made, and again where it is kept; lists grow to twice their length.
    private const int BytesPerNumber = 64;

    /// <summary>In a target shape: the input's own size there.</summary>
    private const long OwnSize = 0;

    /// <summary>In a computed shape: the batch, whatever it is in a run. No file can mean anything by this number.</summary>
    private const long BatchSize = long.MinValue;

    public static object Identity(OnnxOperator op) => op.Input(0);

    /// <summary>Does nothing when it is not training.</summary>
    public static object Dropout(OnnxOperator op)
    {
        const int FirstInferenceByDefault = 7, FirstTrainingModeInput = 12;
        double ratio = op.NumberOfInput(1, "ratio", "ratio", 0.5);
        bool training = op.Opset >= FirstTrainingModeInput
            ? op.HasInput(2) && op.Constant(2, "training_mode") is var mode && (mode.Count == 1 ? mode.ToArray()[0] != 0 : throw op.Fail("its training_mode is not one value"))
            : op.Opset < FirstInferenceByDefault && op.Int("is_test", 0) == 0;
        return training && ratio != 0 ? throw op.Fail("it is in training mode; export the model for inference") : op.Input(0);
    }

    /// <summary>Conversion between types of floats, which are all float32 here.</summary>
    public static object Cast(OnnxOperator op)
    {
        int to = (int)Math.Clamp(op.Int("to", 0), int.MinValue, int.MaxValue);
        bool toFloat = to is OnnxElementType.Float or OnnxElementType.Float16 or OnnxElementType.Double or OnnxElementType.BFloat16;
        return op.Input(0) switch
        {
            Activation activation when toFloat => activation,
            StateTensor constant when toFloat == constant.IsFloat => constant,
            StateTensor constant when toFloat && constant.DataType is DataType.Int64 or DataType.Int32 && constant.Count <= OnnxOperator.MostDims =>
                OnnxConstants.OfDouble(constant.Name, constant.Shape, Array.ConvertAll(constant.ToInt64Array(), number =>
                    number == BatchSize ? throw op.Unfit("it computes with the number of images") : (double)number)),
            _ => throw op.Fail($"a conversion to {OnnxElementType.Name(to)} is not supported"),
        };
    }

    public static object Constant(OnnxOperator op, ReadBudget budget)
    {
        if (op.Tensor("value") is { } value) return value is RefusedTensor refused ? throw op.Fail(refused.Refusal().Message) : value;
        if (op.Has("value_float")) return OnnxConstants.OfDouble(op.Output, [], [op.Float("value_float", 0)]);
        if (op.Has("value_int")) return OnnxConstants.OfInt64(op.Output, [], [op.Int("value_int", 0)]);
        if (op.Floats("value_floats") is { } floats)
        {
            budget.Charge(floats.Length * (long)BytesPerNumber);
            return OnnxConstants.OfDouble(op.Output, [floats.Length], [.. floats.Select(number => (double)number)]);
        }
        if (op.Ints("value_ints") is { } ints)
        {
            budget.Charge(ints.Length * (long)BytesPerNumber);
            return OnnxConstants.OfInt64(op.Output, [ints.Length], ints.AsSpan());
        }
        throw op.Fail("it has no value of a type that is supported");
    }

    public static object ConstantOfShape(OnnxOperator op)
    {
        StateTensor? value = op.Tensor("value");
        if (value is RefusedTensor refused) throw op.Fail(refused.Refusal().Message);
        if (value is not null && value.Count != 1) throw op.Fail("its value is not one number");
        DataType type = value?.DataType ?? DataType.Float32;
        if (type is DataType.Float16 or DataType.BFloat16) type = DataType.Float32;
        if (type is DataType.Int32) type = DataType.Int64;
        if (type is not (DataType.Float32 or DataType.Float64 or DataType.Int64)) throw op.Fail($"a constant of {type} is not supported");
        ImmutableArray<int> shape = Sizes(op, IntsOfConstant(op, 0, "shape"));
        return new FilledTensor { Name = op.Output, Shape = shape, DataType = type, Value = value is null ? 0 : value.IsFloat ? value.ToDoubleArray()[0] : value.ToInt64Array()[0] };
    }

    public static object Reshape(OnnxOperator op)
    {
        long[] target = op.IntsOfInput(1, "shape", "shape") ?? throw op.Fail("it has no shape");
        if (target.Length > OnnxOperator.MostDims) throw op.Fail($"{target.Length} dimensions are more than the {OnnxOperator.MostDims} that are supported");
        if (op.Int("allowzero", 0) != 0 && target.Contains(0)) throw op.Fail("it makes a tensor without elements");
        if (target.LastIndexOf(BatchSize) > 0) throw op.Unfit("it moves the batch away from the front");
        if (op.Input(0) is not Activation input)
        {
            StateTensor constant = op.Constant(0, "data");
            if (target is [BatchSize, ..]) throw op.Unfit("it gives a constant the batch as a size");
            return constant.WithShape(Resolve(op, target, [.. constant.Shape], constant.Count));
        }
        // Without a batch nobody speaks of one: its number is stated.
        if (!input.HasBatch) return Reshaped(op, input, Resolve(op, target, [.. Enumerable.Range(0, input.Rank).Select(input.Size)], input.Shape.Count));

        // The batch stays the first dimension, whatever number stands for it; the others must hold one image.
        if (target.Length == 0) throw op.Unfit("it mixes the images of a batch");
        long[] image = target[1..];
        if (image.Contains(-1) && target[0] == -1) throw op.Fail("its shape has two -1");
        ImmutableArray<int> sizes = Resolve(op, image, [.. Enumerable.Range(1, input.Rank - 1).Select(input.Size)], input.Shape.Count, first: 1);
        bool isBatch = target[0] is -1 or OwnSize or BatchSize || target[0] == input.Size(0) || input.Size(0) == 0;
        if (!isBatch) throw op.Unfit("it mixes the images of a batch");
        return Reshaped(op, input, [0, .. sizes]);
    }

    public static object Flatten(OnnxOperator op)
    {
        Activation input = op.Activation(0);
        long axis = op.Int("axis", 1);
        int split = axis == input.Rank ? input.Rank : op.Axis(axis, input.Rank);
        ImmutableArray<Axis> first = [.. input.Dims[..split].SelectMany(axes => axes)], rest = [.. input.Dims[split..].SelectMany(axes => axes)];
        if (input.HasBatch && first is not [{ IsBatch: true }]) throw op.Unfit("it mixes the images of a batch");
        return input with { Dims = [first, rest] };
    }

    public static object Squeeze(OnnxOperator op)
    {
        long[]? axes = op.IntsOfInput(1, "axes", "axes");
        object input = op.Input(0);
        int rank = Rank(input);
        var dropped = axes?.Select(axis => op.Axis(axis, rank)).ToHashSet();
        if (input is StateTensor constant)
            return constant.WithShape([.. constant.Shape.Where((size, i) => dropped?.Contains(i) == true ? size == 1 ? false : throw NotOne(i) : dropped is not null || size != 1)]);
        Activation activation = (Activation)input;
        if (dropped is null && activation.HasBatch && activation.Size(0) is 0 or 1) throw op.Unfit("it may drop the batch");
        return activation with { Dims = [.. activation.Dims.Where((dim, i) => dropped?.Contains(i) == true ? dim is [] ? false : throw NotOne(i) : dropped is not null || dim is not [])] };

        Exception NotOne(int axis) => input is Activation { HasBatch: true } && axis == 0
            ? op.Unfit("it drops the batch")
            : op.Fail($"axis {axis} that it drops is not of size 1");
    }

    public static object Unsqueeze(OnnxOperator op)
    {
        long[] axes = op.IntsOfInput(1, "axes", "axes") ?? throw op.Fail("it has no axes");
        object input = op.Input(0);
        int rank = Rank(input) + axes.Length;
        if (rank > OnnxOperator.MostDims) throw op.Fail($"{rank} dimensions are more than the {OnnxOperator.MostDims} that are supported");
        int[] places = [.. axes.Select(axis => op.Axis(axis, rank)).Order()];
        if (places.Distinct().Count() != places.Length) throw op.Fail("it names an axis twice");
        if (input is StateTensor constant) return constant.WithShape([.. Insert([.. constant.Shape], 1)]);
        Activation activation = (Activation)input;
        if (activation.HasBatch && places is [0, ..]) throw op.Unfit("it puts a dimension before the batch");
        return activation with { Dims = [.. Insert([.. activation.Dims], [])] };

        List<T> Insert<T>(List<T> list, T item)
        {
            foreach (int place in places) list.Insert(place, item);
            return list;
        }
    }

    public static object Transpose(OnnxOperator op, ReadBudget budget)
    {
        object input = op.Input(0);
        int rank = Rank(input);
        ImmutableArray<long> stated = op.Ints("perm") ?? [.. Enumerable.Range(0, rank).Reverse().Select(axis => (long)axis)];
        if (stated.Length != rank || !stated.Order().SequenceEqual(Enumerable.Range(0, rank).Select(axis => (long)axis)))
            throw op.Fail($"its perm {OnnxOperator.List(stated)} is no permutation of {rank} dimensions");
        ImmutableArray<int> permutation = [.. stated.Select(axis => (int)axis)];
        if (input is StateTensor constant)
            return constant.IsFloat ? OnnxConstants.Transpose(constant.Stored(budget), permutation) : throw op.Fail("it transposes constant integers");
        Activation activation = (Activation)input;
        if (activation.HasBatch && permutation[0] != 0) throw op.Unfit("it moves the batch away from the front");
        return activation with { Dims = [.. permutation.Select(axis => activation.Dims[axis])] };
    }

    /// <summary>The sizes of a value, for a Reshape further on.</summary>
    public static object Shape(OnnxOperator op)
    {
        object input = op.Input(0);
        int rank = Rank(input);
        int start = (int)Math.Clamp(op.Int("start", 0) is var s && s < 0 ? s + rank : s, 0, rank);
        int end = (int)Math.Clamp(op.Int("end", rank) is var e && e < 0 ? e + rank : e, start, rank);
        long[] sizes = input is Activation activation
            ? [.. Enumerable.Range(0, rank).Select(i => i == 0 && activation.HasBatch ? BatchSize : activation.Size(i))]
            : [.. ((StateTensor)input).Shape.Select(size => (long)size)];
        return OnnxConstants.OfInt64(op.Output, [end - start], sizes.AsSpan(start, end - start));
    }

    /// <summary>Elements of a computed shape.</summary>
    public static object Gather(OnnxOperator op)
    {
        if (op.Input(0) is Activation) throw op.Fail("picking elements of a computed tensor is not supported, only those of its shape");
        long[] data = IntsOfConstant(op, 0, "data"), indices = IntsOfConstant(op, 1, "indices");
        op.Axis(op.Int("axis", 0), 1);
        ImmutableArray<int> shape = op.Constant(1, "indices").Shape;
        return OnnxConstants.OfInt64(op.Output, shape, [.. indices.Select(index => data[op.Axis(index, data.Length)])]);
    }

    /// <summary>Parts of a computed shape.</summary>
    public static object Concat(OnnxOperator op, ReadBudget budget)
    {
        op.Axis(op.Int("axis", 0), 1);
        var all = new List<long>();
        for (int i = 0; i < op.InputCount; i++)
        {
            if (op.HasInput(i) && op.Input(i) is Activation) throw op.Fail("joining computed tensors is not supported, only the sizes of a shape");
            long[] part = IntsOfConstant(op, i, "part");
            budget.Charge((1 + part.Length) * (long)BytesPerNumber);
            all.AddRange(part);
        }
        return OnnxConstants.OfInt64(op.Output, [all.Count], CollectionsMarshal.AsSpan(all));
    }

    private static long[] IntsOfConstant(OnnxOperator op, int index, string what) =>
        op.HasInput(index) ? op.IntsOfInput(index, what, "")! : throw op.Fail($"its {what} is missing");

    private static int Rank(object value) => value is Activation activation ? activation.Rank : ((StateTensor)value).Shape.Length;

    private static Activation Reshaped(OnnxOperator op, Activation input, ImmutableArray<int> sizes) =>
        input.Reshape(sizes) ?? throw op.Unfit("it would have to move elements in memory");

    /// <summary>Writes sizes for 0, the input's own size, and for -1, what is left over.</summary>
    private static ImmutableArray<int> Resolve(OnnxOperator op, long[] target, int[] own, long count, int first = 0)
    {
        long[] sizes = [.. target];
        for (int i = 0; i < sizes.Length; i++)
        {
            if (sizes[i] == OwnSize) sizes[i] = i < own.Length ? own[i] : throw op.Fail($"its shape keeps the size of axis {i + first}, which its input does not have");
            if (sizes[i] is < -1 or > int.MaxValue) throw SizeOf(op, sizes[i]);
        }
        Int128 product = 1;
        foreach (long size in sizes) product = Int128.Min(product * (size == -1 ? 1 : size), long.MaxValue);
        int open = Array.IndexOf(sizes, -1);
        if (sizes.Count(size => size == -1) > 1) throw op.Fail("its shape has two -1");
        if (open >= 0 && product > 0 && count % product == 0) sizes[open] = (long)(count / product);
        else if (product != count) throw op.Unfit($"its shape {OnnxOperator.List(target)} does not hold the {count} elements of its input");
        return [.. sizes.Select(size => (int)size)];
    }

    private static Exception SizeOf(OnnxOperator op, long size) =>
        size == BatchSize ? op.Unfit("it makes a constant of the number of images") : op.Fail($"its shape has a size of {size}");

    private static ImmutableArray<int> Sizes(OnnxOperator op, long[] sizes)
    {
        Int128 count = 1;
        foreach (long size in sizes)
        {
            if (size is < 0 or > int.MaxValue) throw SizeOf(op, size);
            count = Int128.Min(count * size, long.MaxValue);
        }
        if (count > int.MaxValue) throw op.Fail($"a constant of {count} elements is too large");
        return [.. sizes.Select(size => (int)size)];
    }
}
