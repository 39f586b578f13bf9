using System.Collections.Immutable;
using System.Diagnostics;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Onnx;

/// <summary>
/// Operators that rearrange dimensions: they give an activation other dimensions over the same memory and compute nothing, or compute with
/// constants, such as the sizes of a shape.
/// </summary>
internal static class ShapeOperators
{
    // A number as int64 or double, in the list that grows to twice its length and in the tensor.
    private const int BytesPerNumber = 64;

    /// <summary>Entry of a target shape: the input's own size there.</summary>
    private const long OwnSize = 0;

    /// <summary>Entry of a computed shape: the batch, whose size is decided at each run. No file uses this number for anything.</summary>
    public const long BatchSize = long.MinValue;

    /// <summary>The handlers by the operators' names.</summary>
    public static Dictionary<string, OnnxHandler> Handlers { get; } = new()
    {
        ["Cast"] = (op, _, _) => Cast(op),
        ["Constant"] = (op, _, budget) => Constant(op, budget),
        ["ConstantOfShape"] = (op, _, _) => ConstantOfShape(op),
        ["Dropout"] = (op, _, _) => Dropout(op),
        ["Flatten"] = (op, _, _) => Flatten(op),
        ["Identity"] = (op, _, _) => Identity(op),
        ["Reshape"] = (op, _, _) => Reshape(op),
        ["Shape"] = (op, _, _) => Shape(op),
        ["Squeeze"] = (op, _, _) => Squeeze(op),
        ["Transpose"] = (op, _, budget) => Transpose(op, budget),
        ["Unsqueeze"] = (op, _, _) => Unsqueeze(op),
    };

    public static ImportedValue Identity(OnnxOperator op) => op.Input(0);

    /// <summary>Passes its input on, unless it is in training mode.</summary>
    public static ImportedValue Dropout(OnnxOperator op)
    {
        const int FirstInferenceByDefault = 7, FirstTrainingModeInput = 12;
        double ratio = op.NumberOfInput(1, "ratio", "ratio", 0.5);
        bool training = op.Opset >= FirstTrainingModeInput
            ? op.HasInput(2) && IsTrue(op.Constant(2, "training_mode"))
            : op.Opset < FirstInferenceByDefault && op.Int("is_test", 0) == 0;
        return training && ratio != 0 ? throw op.Fail("it is in training mode; export the model for inference") : op.Input(0);

        bool IsTrue(StateTensor mode) => mode.Count == 1 ? mode.ToArray()[0] != 0 : throw op.Fail("its training_mode is not one value");
    }

    /// <summary>Conversion between types of floats, which are all float32 in the network.</summary>
    public static ImportedValue? Cast(OnnxOperator op)
    {
        int to = (int)Math.Clamp(op.Int("to", 0), int.MinValue, int.MaxValue);
        bool toFloat = OnnxElementType.IsFloat(to);
        ImportedValue input = op.Input(0);
        if (toFloat && input is Activation) return input;
        if (input is ConstantValue { Tensor: var constant })
        {
            if (toFloat == constant.IsFloat) return input;
            bool isWhole = constant.DataType is DataType.Int64 or DataType.Int32, isFew = constant.Count <= OnnxOperator.MostDims;
            if (toFloat && isWhole && isFew) return ToDoubles(op, constant);
            if (to is OnnxElementType.Int64 or OnnxElementType.Int32 && isFew) return ToIntegers(op, constant);
        }
        throw op.Fail($"a conversion to {OnnxElementType.Name(to)} is not supported");
    }

    public static ConstantValue Constant(OnnxOperator op, ReadBudget budget)
    {
        if (op.Tensor("value") is { } value)
            return value is RefusedTensor refused ? throw op.Fail(refused.Refusal().Message) : new ConstantValue(value);
        if (op.Has("value_float")) return new ConstantValue(OnnxConstants.OfDouble(op.Output, [], [op.Float("value_float", 0)]));
        if (op.Has("value_int")) return new ConstantValue(OnnxConstants.OfInt64(op.Output, [], [op.Int("value_int", 0)]));
        if (op.Floats("value_floats") is { } floats)
        {
            budget.Charge(floats.Length * (long)BytesPerNumber);
            return new ConstantValue(OnnxConstants.OfDouble(op.Output, [floats.Length], [.. floats.Select(number => (double)number)]));
        }
        if (op.Ints("value_ints") is { } ints)
        {
            budget.Charge(ints.Length * (long)BytesPerNumber);
            return new ConstantValue(OnnxConstants.OfInt64(op.Output, [ints.Length], ints.AsSpan()));
        }
        throw op.Fail("it has no value of a type that is supported");
    }

    public static ConstantValue? ConstantOfShape(OnnxOperator op)
    {
        StateTensor? value = op.Tensor("value");
        if (value is RefusedTensor refused) throw op.Fail(refused.Refusal().Message);
        if (value is not null && value.Count != 1) throw op.Fail("its value is not one number");
        DataType type = value?.DataType ?? DataType.Float32;
        if (type is DataType.Float16 or DataType.BFloat16) type = DataType.Float32;
        if (type is DataType.Int32) type = DataType.Int64;
        if (type is not (DataType.Float32 or DataType.Float64 or DataType.Int64)) throw op.Fail($"a constant of {type} is not supported");
        if (Sizes(op, IntsOfConstant(op, 0, "shape")) is not { } shape) return null;
        double number = value is null ? 0 : value.IsFloat ? value.ToDoubleArray()[0] : value.ToInt64Array()[0];
        return new ConstantValue(new FilledTensor { Name = op.Output, Shape = shape, DataType = type, Value = number });
    }

    public static ImportedValue? Reshape(OnnxOperator op)
    {
        long[] target = op.IntsOfInput(1, "shape", "shape") ?? throw op.Fail("it has no shape");
        if (target.Length > OnnxOperator.MostDims)
            throw op.Fail($"{target.Length} dimensions are more than the {OnnxOperator.MostDims} that are supported");
        if (op.Int("allowzero", 0) != 0 && target.Contains(0)) throw op.Fail("it makes a tensor without elements");
        if (target.LastIndexOf(BatchSize) > 0) return op.Misfits("it moves the batch away from the front");
        if (op.Input(0) is not Activation input)
        {
            StateTensor constant = op.Constant(0, "data");
            if (target is [BatchSize, ..]) return op.Misfits("it gives a constant the batch as a size");
            return Resolve(op, target, [.. constant.Shape], constant.Count) is { } shape
                ? new ConstantValue(constant.WithShape(shape))
                : null;
        }
        if (!input.HasBatch)
        {
            // The first size is a number like any other.
            int[] own = [.. Enumerable.Range(0, input.Rank).Select(input.Size)];
            return Resolve(op, target, own, input.Shape.Count) is { } all ? Reshaped(op, input, all) : null;
        }

        // The batch stays the first dimension, whatever number stands for it; the other sizes must hold one image.
        if (target.Length == 0) return op.Misfits("it mixes the images of a batch");
        long[] image = target[1..];
        if (image.Contains(-1) && target[0] == -1) throw op.Fail("its shape has two -1");
        int[] ownImage = [.. Enumerable.Range(1, input.Rank - 1).Select(input.Size)];
        if (Resolve(op, image, ownImage, input.Shape.Count, first: 1) is not { } sizes) return null;
        bool isBatch = target[0] is -1 or OwnSize or BatchSize || target[0] == input.Size(0) || input.Size(0) == 0;
        return isBatch ? Reshaped(op, input, [0, .. sizes]) : op.Misfits("it mixes the images of a batch");
    }

    public static Activation? Flatten(OnnxOperator op)
    {
        Activation input = op.Activation(0);
        long axis = op.Int("axis", 1);
        int split = axis == input.Rank ? input.Rank : op.Axis(axis, input.Rank);
        ImmutableArray<Axis> first = [.. input.Dims[..split].SelectMany(axes => axes)];
        ImmutableArray<Axis> rest = [.. input.Dims[split..].SelectMany(axes => axes)];
        if (input.HasBatch && first is not [{ IsBatch: true }]) return op.Misfits("it mixes the images of a batch");
        return input with { Dims = [first, rest] };
    }

    public static ImportedValue? Squeeze(OnnxOperator op)
    {
        long[]? axes = op.IntsOfInput(1, "axes", "axes");
        ImportedValue input = op.Input(0);
        HashSet<int>? dropped = axes?.Select(axis => op.Axis(axis, input.Rank)).ToHashSet();
        foreach (int axis in dropped?.Order() ?? Enumerable.Empty<int>())
        {
            if (input.IsOne(axis)) continue;
            return input is Activation { HasBatch: true } && axis == 0
                ? op.Misfits("it drops the batch")
                : throw op.Fail($"axis {axis} that it drops is not of size 1");
        }
        switch (input)
        {
            case Activation { HasBatch: true } batch when dropped is null && batch.Size(0) is 0 or 1:
                return op.Misfits("it may drop the batch");
            case Activation activation:
                return activation with { Dims = Kept(activation.Dims) };
            case ConstantValue { Tensor: var constant }:
                return new ConstantValue(constant.WithShape(Kept(constant.Shape)));
            default:
                throw new UnreachableException();
        }

        ImmutableArray<T> Kept<T>(ImmutableArray<T> all) => [.. all.Where((_, axis) => !(dropped?.Contains(axis) ?? input.IsOne(axis)))];
    }

    public static ImportedValue? Unsqueeze(OnnxOperator op)
    {
        long[] axes = op.IntsOfInput(1, "axes", "axes") ?? throw op.Fail("it has no axes");
        ImportedValue input = op.Input(0);
        int rank = input.Rank + axes.Length;
        if (rank > OnnxOperator.MostDims) throw op.Fail($"{rank} dimensions are more than the {OnnxOperator.MostDims} that are supported");
        int[] places = [.. axes.Select(axis => op.Axis(axis, rank)).Order()];
        if (places.Distinct().Count() != places.Length) throw op.Fail("it names an axis twice");
        switch (input)
        {
            case Activation { HasBatch: true } when places is [0, ..]:
                return op.Misfits("it puts a dimension before the batch");
            case Activation activation:
                return activation with { Dims = [.. Insert([.. activation.Dims], [])] };
            case ConstantValue { Tensor: var constant }:
                return new ConstantValue(constant.WithShape([.. Insert([.. constant.Shape], 1)]));
            default:
                throw new UnreachableException();
        }

        List<T> Insert<T>(List<T> list, T item)
        {
            foreach (int place in places) list.Insert(place, item);
            return list;
        }
    }

    public static ImportedValue? Transpose(OnnxOperator op, ReadBudget budget)
    {
        ImportedValue input = op.Input(0);
        int rank = input.Rank;
        ImmutableArray<long> stated = op.Ints("perm") ?? [.. Enumerable.Range(0, rank).Reverse().Select(axis => (long)axis)];
        if (stated.Length != rank || !stated.Order().SequenceEqual(Enumerable.Range(0, rank).Select(axis => (long)axis)))
            throw op.Fail($"its perm {OnnxOperator.List(stated)} is no permutation of {rank} dimensions");
        ImmutableArray<int> permutation = [.. stated.Select(axis => (int)axis)];
        switch (input)
        {
            case Activation { HasBatch: true } when permutation[0] != 0:
                return op.Misfits("it moves the batch away from the front");
            case Activation activation:
                return activation with { Dims = [.. permutation.Select(axis => activation.Dims[axis])] };
            case ConstantValue { Tensor: { IsFloat: true } constant }:
                return new ConstantValue(OnnxConstants.Transpose(constant.Stored(budget), permutation));
            default:
                return new ConstantValue(op.Constant(0, "data").Transposed(op, permutation, budget));
        }
    }

    /// <summary>The sizes of a value, for a Reshape further on.</summary>
    public static ConstantValue Shape(OnnxOperator op)
    {
        ImportedValue input = op.Input(0);
        int rank = input.Rank;
        int start = (int)Math.Clamp(op.Int("start", 0) is var s && s < 0 ? s + rank : s, 0, rank);
        int end = (int)Math.Clamp(op.Int("end", rank) is var e && e < 0 ? e + rank : e, start, rank);
        long[] sizes = input is Activation activation
            ? [.. Enumerable.Range(0, rank).Select(i => i == 0 && activation.HasBatch ? BatchSize : activation.Size(i))]
            : [.. op.Constant(0, "data").Shape.Select(size => (long)size)];
        return new ConstantValue(OnnxConstants.OfInt64(op.Output, [end - start], sizes.AsSpan(start, end - start)));
    }

    /// <summary>A few integers as doubles; null when one of them is the number of images, which is not known.</summary>
    private static ConstantValue? ToDoubles(OnnxOperator op, StateTensor constant)
    {
        long[] numbers = constant.ToInt64Array();
        if (numbers.Contains(BatchSize))
        {
            op.Misfits("it computes with the number of images");
            return null;
        }
        double[] doubles = Array.ConvertAll(numbers, number => (double)number);
        return new ConstantValue(OnnxConstants.OfDouble(constant.Name, constant.Shape, doubles));
    }

    /// <summary>A few floats without their fractions, as integers.</summary>
    private static ConstantValue ToIntegers(OnnxOperator op, StateTensor constant)
    {
        double[] numbers = constant.ToDoubleArray();
        if (numbers.Any(number => !(Math.Abs(number) <= int.MaxValue))) throw op.Fail("it makes an integer of a number above 2^31");
        return new ConstantValue(
            OnnxConstants.OfInt64(constant.Name, constant.Shape, Array.ConvertAll(numbers, number => (long)number)));
    }

    private static long[] IntsOfConstant(OnnxOperator op, int index, string what) =>
        op.HasInput(index) ? op.IntsOfInput(index, what, "")! : throw op.Fail($"its {what} is missing");

    private static Activation? Reshaped(OnnxOperator op, Activation input, ImmutableArray<int> sizes) =>
        input.Reshape(sizes) ?? op.Misfits("it would have to move elements in memory");

    /// <summary>
    /// Replaces 0 in a target shape by the input's own size there, and -1 by the size that is left over. Null when the order in memory that
    /// is tried does not allow the shape.
    /// </summary>
    private static ImmutableArray<int>? Resolve(OnnxOperator op, long[] target, int[] own, long count, int first = 0)
    {
        long[] sizes = [.. target];
        for (int i = 0; i < sizes.Length; i++)
        {
            if (sizes[i] == OwnSize)
            {
                if (i >= own.Length) throw op.Fail($"its shape keeps the size of axis {i + first}, which its input does not have");
                sizes[i] = own[i];
            }
            if (!IsSize(op, sizes[i], least: -1)) return null;
        }
        Int128 product = 1;
        foreach (long size in sizes) product = Int128.Min(product * (size == -1 ? 1 : size), long.MaxValue);
        int open = Array.IndexOf(sizes, -1);
        if (sizes.Count(size => size == -1) > 1) throw op.Fail("its shape has two -1");
        if (open >= 0 && product > 0 && count % product == 0)
        {
            sizes[open] = (long)(count / product);
        }
        else if (product != count)
        {
            op.Misfits($"its shape {OnnxOperator.List(target)} does not hold the {count} elements of its input");
            return null;
        }
        return [.. sizes.Select(size => (int)size)];
    }

    /// <summary>True for a size; false for the batch, of which no constant can be made in the order in memory that is tried.</summary>
    /// <exception cref="GraphException">The number is neither.</exception>
    private static bool IsSize(OnnxOperator op, long size, int least)
    {
        if (size >= least && size <= int.MaxValue) return true;
        if (size != BatchSize) throw op.Fail($"its shape has a size of {size}");
        op.Misfits("it makes a constant of the number of images");
        return false;
    }

    /// <summary>Sizes of a constant; null when one is the batch.</summary>
    private static ImmutableArray<int>? Sizes(OnnxOperator op, long[] sizes)
    {
        Int128 count = 1;
        foreach (long size in sizes)
        {
            if (!IsSize(op, size, least: 0)) return null;
            count = Int128.Min(count * size, long.MaxValue);
        }
        if (count > int.MaxValue) throw op.Fail($"a constant of {count} elements is too large");
        return [.. sizes.Select(size => (int)size)];
    }
}
