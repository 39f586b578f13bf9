using System.Collections.Immutable;
using System.Runtime.InteropServices;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Onnx;

/// <summary>Arithmetic and rearrangement of constants.</summary>
internal static class OnnxConstants
{
    /// <summary>Gives a tensor another shape with the same number of elements.</summary>
    public static StateTensor WithShape(this StateTensor tensor, ImmutableArray<int> shape) => tensor is FilledTensor filled
        ? new FilledTensor { Name = tensor.Name, Shape = shape, DataType = tensor.DataType, Value = filled.Value }
        : new ReshapedTensor { Name = tensor.Name, Shape = shape, DataType = tensor.DataType, Source = Unwrapped(tensor) };

    /// <summary>Returns the tensor if its elements are stored, else a copy, so that computed tensors never read one another.</summary>
    public static StateTensor Stored(this StateTensor tensor, ReadBudget budget)
    {
        if (Unwrapped(tensor) is not ComputedTensor) return tensor;
        budget.Charge(tensor.Count * 2 * sizeof(float));
        return new ArrayTensor { Name = tensor.Name, Shape = tensor.Shape, DataType = DataType.Float32, Values = tensor.ToArray() };
    }

    /// <summary>The tensor behind a reshaped one: a tensor that is reshaped many times must not become a chain.</summary>
    private static StateTensor Unwrapped(StateTensor tensor) => tensor is ReshapedTensor reshaped ? reshaped.Source : tensor;

    /// <summary>Makes a tensor of int64.</summary>
    public static StateTensor OfInt64(string name, ImmutableArray<int> shape, ReadOnlySpan<long> values) =>
        new BytesTensor { Name = name, Shape = shape, DataType = DataType.Int64, Values = MemoryMarshal.AsBytes(values).ToArray() };

    /// <summary>Makes a tensor of doubles.</summary>
    public static StateTensor OfDouble(string name, ImmutableArray<int> shape, ReadOnlySpan<double> values) =>
        new BytesTensor { Name = name, Shape = shape, DataType = DataType.Float64, Values = MemoryMarshal.AsBytes(values).ToArray() };

    /// <summary>Permutes the dimensions of a tensor.</summary>
    /// <param name="tensor">Any tensor of floats.</param>
    /// <param name="permutation">Dimension i of the result is dimension permutation[i] of the tensor.</param>
    public static StateTensor Transpose(StateTensor tensor, ImmutableArray<int> permutation)
    {
        ImmutableArray<int> shape = tensor.Shape;
        int[] strides = new int[shape.Length];
        for (int i = shape.Length - 1, stride = 1; i >= 0; stride *= shape[i--]) strides[i] = stride;
        return Gathered(tensor, tensor.Name, [.. permutation.Select(i => shape[i])], [.. permutation.Select(i => (shape[i], strides[i]))]);
    }

    /// <summary>Makes a tensor whose elements are read from computed places of another tensor.</summary>
    /// <param name="tensor">Any tensor of floats.</param>
    /// <param name="name">Name of the result.</param>
    /// <param name="shape">Shape of the result.</param>
    /// <param name="axes">Sizes, and strides in the source tensor, from the result's outermost axis to its innermost.</param>
    /// <param name="factor">Factor of every element.</param>
    public static StateTensor Gathered(
        StateTensor tensor, string name, ImmutableArray<int> shape, ImmutableArray<(int Size, int Stride)> axes, float factor = 1)
    {
        return new ComputedTensor { Name = name, Shape = shape, DataType = DataType.Float32, Compute = Gather };

        void Gather(Span<float> destination)
        {
            float[] source = tensor.ToArray();
            int[] index = new int[axes.Length];
            int position = 0;
            for (int i = 0; i < destination.Length; i++)
            {
                destination[i] = factor * source[position];
                for (int axis = index.Length - 1; axis >= 0; axis--)
                {
                    position += axes[axis].Stride;
                    if (++index[axis] < axes[axis].Size) break;
                    position -= index[axis] * axes[axis].Stride;
                    index[axis] = 0;
                }
            }
        }
    }

    /// <summary>Combines two tensors element by element with NumPy's broadcasting.</summary>
    /// <param name="name">Name of the result.</param>
    /// <param name="a">Any tensor of floats.</param>
    /// <param name="b">Another one.</param>
    /// <param name="operation">Function of two elements.</param>
    /// <param name="budget">Budget that the result and the copies of the operands are charged to.</param>
    /// <returns>A tensor of doubles, or null when the shapes do not broadcast to each other.</returns>
    public static StateTensor? Combine(
        string name, StateTensor a, StateTensor b, Func<double, double, double> operation, ReadBudget budget) =>
        Combine(a, b, static tensor => tensor.ToDoubleArray(), operation, budget) is var (shape, values)
            ? OfDouble(name, shape, values)
            : null;

    /// <summary>Combines two tensors of int64 or int32 as tensors of floats are combined; a tensor of int64.</summary>
    public static StateTensor? CombineIntegers(
        string name, StateTensor a, StateTensor b, Func<long, long, long> operation, ReadBudget budget) =>
        Combine(a, b, static tensor => tensor.ToInt64Array(), operation, budget) is var (shape, values)
            ? OfInt64(name, shape, values)
            : null;

    private static (ImmutableArray<int> Shape, T[] Values)? Combine<T>(
        StateTensor a, StateTensor b, Func<StateTensor, T[]> read, Func<T, T, T> operation, ReadBudget budget)
    {
        // Each operand is read as floats, then as doubles; the result is held as doubles and as bytes.
        const int BytesPerOperand = sizeof(float) + sizeof(double), BytesPerElement = 2 * sizeof(double);
        int rank = Math.Max(a.Shape.Length, b.Shape.Length);
        int[] shape = new int[rank], strideA = new int[rank], strideB = new int[rank];
        for (int i = rank - 1, countA = 1, countB = 1; i >= 0; i--)
        {
            int sizeA = SizeAt(a, i), sizeB = SizeAt(b, i);
            if (sizeA != sizeB && sizeA != 1 && sizeB != 1) return null;
            shape[i] = sizeA == 1 ? sizeB : sizeA;
            strideA[i] = sizeA == 1 ? 0 : countA;
            strideB[i] = sizeB == 1 ? 0 : countB;
            countA *= sizeA;
            countB *= sizeB;
        }
        int count = shape.Aggregate(1, (product, size) => checked(product * size));
        budget.Charge((a.Count + b.Count) * BytesPerOperand + (long)count * BytesPerElement);
        T[] x = read(a), y = read(b);
        var result = new T[count];
        for (int i = 0; i < result.Length; i++)
        {
            int rest = i, placeA = 0, placeB = 0;
            for (int axis = rank - 1; axis >= 0; axis--)
            {
                (rest, int index) = Math.DivRem(rest, shape[axis]);
                placeA += index * strideA[axis];
                placeB += index * strideB[axis];
            }
            result[i] = operation(x[placeA], y[placeB]);
        }
        return ([.. shape], result);

        int SizeAt(StateTensor tensor, int axis)
        {
            int missing = rank - tensor.Shape.Length;
            return axis < missing ? 1 : tensor.Shape[axis - missing];
        }
    }
}
