using System.Collections.Immutable;
using IlgpuResNet.Graphs;

namespace IlgpuResNet.Onnx;

/// <summary>Products, quotients and sums of two computed tensors, of which one may be repeated as NumPy broadcasts.</summary>
internal static class CombineOperators
{
    /// <summary>The product of a value with itself.</summary>
    public static Activation? Square(OnnxOperator op, OnnxGraphBuilder builder, Activation input) =>
        Combine(op, builder, CombineKind.Multiply, input, input);

    /// <summary>Combines two values; null when the order in memory does not allow it.</summary>
    public static Activation? Combine(OnnxOperator op, OnnxGraphBuilder builder, CombineKind kind, Activation a, Activation b)
    {
        if (a.HasBatch != b.HasBatch) return op.Misfits("it combines a value of each image with one of all images");
        if (a.Rank != b.Rank)
        {
            if (a.HasBatch) throw op.Fail($"it combines {a.Sizes()} and {b.Sizes()}, whose batches are different dimensions");
            (a, b) = (Widened(a, b.Rank), Widened(b, a.Rank));
        }
        int rank = a.Rank, first = a.HasBatch ? 1 : 0;
        bool repeatsA = false, repeatsB = false;
        for (int dimension = first; dimension < rank; dimension++)
        {
            (int sizeA, int sizeB) = (a.Size(dimension), b.Size(dimension));
            if (sizeA != sizeB && sizeA != 1 && sizeB != 1) throw op.Fail($"{a.Sizes()} and {b.Sizes()} do not broadcast to each other");
            repeatsA |= sizeA < sizeB;
            repeatsB |= sizeB < sizeA;
        }
        if (repeatsA && repeatsB) throw op.Fail($"{a.Sizes()} and {b.Sizes()} would both have to be repeated, which is not supported");
        if (repeatsA && kind is CombineKind.Divide)
            throw op.Fail($"it divides {a.Sizes()} by the larger {b.Sizes()}, which is not supported");
        (Activation whole, Activation part) = repeatsA ? (b, a) : (a, b);
        if (whole.HasLayoutOf(part)) return Emit(op, builder, kind, whole, builder.AsShape(part, whole.Shape));

        // Axes of the whole that the part has, too, in the order of memory; they must be the first or the last ones.
        ImmutableArray<Axis> memory = whole.ImageMemory;
        bool[] covered = [.. memory.Select(axis => part.Dims[DimensionOf(whole, axis)] is not [])];
        if (!Places(whole, memory.Where((_, i) => covered[i])).SequenceEqual(Places(part, part.ImageMemory)))
            return op.Misfits($"it combines {a.Sizes()} and {b.Sizes()} that differ in their order in memory");
        int change = Enumerable.Range(0, Math.Max(covered.Length - 1, 0)).Count(i => covered[i] != covered[i + 1]);
        if (change > 1) return op.Misfits("what it repeats does not lie together in memory");
        if (!covered.Contains(true)) return Emit(op, builder, kind, whole, builder.AsShape(part, new MapShape(1, 1, 1)));
        int border = Array.IndexOf(covered, !covered[0]);
        int channels = memory[border..].Aggregate(1, (product, axis) => product * axis.Size);
        Activation rows = builder.AsRows(whole, channels);
        MapShape shape = covered[0] ? rows.Shape with { C = 1 } : new MapShape(1, 1, channels);
        return Emit(op, builder, kind, rows, builder.AsShape(part, shape));
    }

    private static Activation Emit(OnnxOperator op, OnnxGraphBuilder builder, CombineKind kind, Activation whole, Activation part) =>
        builder.EmitElementwise(
            whole, op.Output,
            tensor => new CombineNode { Name = op.Name, Inputs = [whole.Tensor, part.Tensor], Output = tensor, Kind = kind }, part);

    private static Activation Widened(Activation value, int rank) => value.Rank >= rank ? value
        : value with { Dims = [.. Enumerable.Repeat(ImmutableArray<Axis>.Empty, rank - value.Rank), .. value.Dims] };

    private static int DimensionOf(Activation value, Axis axis)
    {
        int dimension = 0;
        while (!value.Dims[dimension].Contains(axis)) dimension++;
        return dimension;
    }

    /// <summary>Dimension, place in it, and size of axes.</summary>
    private static IEnumerable<(int Dimension, int Place, int Size)> Places(Activation value, IEnumerable<Axis> axes) =>
        from axis in axes
        let dimension = DimensionOf(value, axis)
        select (dimension, value.Dims[dimension].IndexOf(axis), axis.Size);
}
