using System.Collections.Immutable;
using IlgpuResNet.Files;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Onnx;

/// <summary>Elements of constants picked and joined: integers at once, for shape arithmetic; floats whenever they are read.</summary>
internal static class ConstantIndexing
{
    // A number in the array of places, as it is read, and in the tensor.
    private const int BytesPerElement = 32;

    /// <summary>Picks elements along a dimension (NumPy, <c>take</c>).</summary>
    public static StateTensor Taken(this StateTensor tensor, OnnxOperator op, int axis, int[] indices, ReadBudget budget)
    {
        ImmutableArray<int> shape = tensor.Shape;
        long inner = 1;
        for (int i = axis + 1; i < shape.Length; i++) inner *= shape[i];
        int size = shape[axis];
        return Picked(tensor, op, shape.SetItem(axis, indices.Length), budget, place =>
        {
            (long rest, long within) = Math.DivRem(place, inner);
            (long outer, long index) = Math.DivRem(rest, indices.Length);
            return (outer * size + indices[index]) * inner + within;
        });
    }

    /// <summary>Permutes the dimensions of a tensor of integers.</summary>
    public static StateTensor Transposed(this StateTensor tensor, OnnxOperator op, ImmutableArray<int> permutation, ReadBudget budget)
    {
        ImmutableArray<int> shape = [.. permutation.Select(axis => tensor.Shape[axis])];
        long[] strides = new long[shape.Length];
        long stride = 1;
        for (int axis = shape.Length - 1; axis >= 0; stride *= tensor.Shape[axis--]) strides[permutation.IndexOf(axis)] = stride;
        return Picked(tensor, op, shape, budget, place =>
        {
            long source = 0;
            for (int axis = shape.Length - 1; axis >= 0; axis--)
            {
                (place, long index) = Math.DivRem(place, shape[axis]);
                source += index * strides[axis];
            }
            return source;
        });
    }

    /// <summary>Joins constants along a dimension, all of integers or all of floats.</summary>
    public static StateTensor Joined(OnnxOperator op, StateTensor[] parts, int axis, ReadBudget budget)
    {
        ImmutableArray<int> first = parts[0].Shape;
        foreach (StateTensor part in parts)
        {
            if (part.Shape.Length != first.Length || !part.Shape.SetItem(axis, first[axis]).SequenceEqual(first))
                throw op.Fail($"constants of shape {FileText.Shape(first)} and {FileText.Shape(part.Shape)} cannot be joined");
            if (part.IsFloat != parts[0].IsFloat) throw op.Fail("it joins constants of integers and of floats");
        }
        ImmutableArray<int> shape = first.SetItem(axis, checked(parts.Sum(part => part.Shape[axis])));
        long outer = 1, inner = 1;
        for (int i = 0; i < axis; i++) outer *= shape[i];
        for (int i = axis + 1; i < shape.Length; i++) inner *= shape[i];
        Charge(op, shape, budget);
        StateTensor[] stored = [.. parts.Select(part => part.IsFloat ? part.Stored(budget) : part)];
        if (!parts[0].IsFloat) return OnnxConstants.OfInt64(op.Output, shape, Merged(part => part.ToInt64Array()));
        return new ComputedTensor
        {
            Name = op.Output,
            Shape = shape,
            DataType = DataType.Float32,
            Compute = destination => Merged(part => part.ToArray()).CopyTo(destination),
        };

        T[] Merged<T>(Func<StateTensor, T[]> read)
        {
            var merged = new List<T>();
            T[][] values = [.. stored.Select(read)];
            for (int o = 0; o < outer; o++)
            {
                for (int i = 0; i < values.Length; i++)
                {
                    int length = (int)(parts[i].Shape[axis] * inner);
                    merged.AddRange(values[i].AsSpan(o * length, length));
                }
            }
            return [.. merged];
        }
    }

    private static StateTensor Picked(
        StateTensor tensor, OnnxOperator op, ImmutableArray<int> shape, ReadBudget budget, Func<long, long> sourceOf)
    {
        long count = Charge(op, shape, budget);
        if (!tensor.IsFloat)
        {
            long[] integers = tensor.ToInt64Array(), picked = new long[count];
            for (long i = 0; i < count; i++) picked[i] = integers[sourceOf(i)];
            return OnnxConstants.OfInt64(op.Output, shape, picked);
        }
        StateTensor stored = tensor.Stored(budget);
        return new ComputedTensor
        {
            Name = op.Output,
            Shape = shape,
            DataType = DataType.Float32,
            Compute = destination =>
            {
                float[] values = stored.ToArray();
                for (int i = 0; i < destination.Length; i++) destination[i] = values[sourceOf(i)];
            },
        };
    }

    private static long Charge(OnnxOperator op, ImmutableArray<int> shape, ReadBudget budget)
    {
        Int128 count = 1;
        foreach (int size in shape) count = Int128.Min(count * size, long.MaxValue);
        if (count > int.MaxValue) throw op.Fail($"a constant of {count} elements is too large");
        budget.Charge((long)count * BytesPerElement);
        return (long)count;
    }
}
