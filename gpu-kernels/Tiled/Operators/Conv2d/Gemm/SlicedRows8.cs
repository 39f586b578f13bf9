using System.Runtime.CompilerServices;
using ILGPU;

namespace IlgpuResNet.Kernels.Tiled;

/// <summary>
/// Eight pixels of eight channels whose sums are computed by two or four threads, each over its partition of every slice
/// (<see cref="GemmTile.PartitionsK"/>). At the end the threads exchange sums, so that each stores its share: of two threads, one the upper
/// and the other the lower pixels; of four, two pixels each.
/// </summary>
internal struct SlicedRows8<TSteps> : IThreadTile<SlicedRows8<TSteps>>
    where TSteps : struct, ISteps
{
    private Rows8<Columns8> sums;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SlicedRows8<TSteps> AddOuterProduct(
        SlicedRows8<TSteps> tile, ArrayView<Float4> a, int lower, int indexA, ArrayView<Float4> b, int right, int indexB)
    {
        tile.sums = Rows8<Columns8>.AddOuterProduct(tile.sums, a, lower, indexA, b, right, indexB);
        return tile;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SlicedRows8<TSteps> AddLateOuterProduct(
        SlicedRows8<TSteps> tile, ArrayView<Float4> a, int lower, int indexA, ArrayView<Float4> b, int right, int indexB)
    {
        tile.sums = TSteps.AddLateOuterProduct(tile.sums, a, lower, indexA, b, right, indexB);
        return tile;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(
        in OutputTile output, SlicedRows8<TSteps> tile, ArrayView<Float4> shared, int partitions, int m, int lower, int n, int right)
    {
        int threads = Group.DimX / partitions, partition = Group.IdxX / threads;
        Rows4<Columns8> upperRows = Rows8<Columns8>.Upper(tile.sums), lowerRows = Rows8<Columns8>.Lower(tile.sums);
        bool isLower = (partition & 1) != 0;
        int partner = Group.IdxX ^ threads;
        int pixel = isLower ? m + lower : m;
        FourQuads leftQuads = FourQuads.Exchange(
            Rows4<Columns8>.Left(upperRows), Rows4<Columns8>.Left(lowerRows), isLower, shared, partner);
        if (partitions == 2)
        {
            Rows4<Columns8>.StoreColumn(output, output.Column(n), leftQuads, pixel);
            FourQuads other = FourQuads.Exchange(
                Rows4<Columns8>.Right(upperRows), Rows4<Columns8>.Right(lowerRows), isLower, shared, partner);
            Rows4<Columns8>.StoreColumn(output, output.Column(n + right), other, pixel);
            return;
        }
        FourQuads rightQuads = FourQuads.Exchange(
            Rows4<Columns8>.Right(upperRows), Rows4<Columns8>.Right(lowerRows), isLower, shared, partner);
        bool isLast = (partition & 2) != 0;
        var first = new FourQuads
        {
            First = leftQuads.First,
            Second = leftQuads.Second,
            Third = rightQuads.First,
            Fourth = rightQuads.Second,
        };
        var last = new FourQuads
        {
            First = leftQuads.Third,
            Second = leftQuads.Fourth,
            Third = rightQuads.Third,
            Fourth = rightQuads.Fourth,
        };
        FourQuads pair = FourQuads.Exchange(first, last, isLast, shared, Group.IdxX ^ (2 * threads));
        if (isLast) pixel += 2;
        StorePair(output, output.Column(n), pair.First, pair.Second, pixel);
        StorePair(output, output.Column(n + right), pair.Third, pair.Fourth, pixel);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StorePair(in OutputTile output, OutputColumn column, Float4 upper, Float4 lower, int m)
    {
        output.Store(column, upper, m);
        output.Store(column, lower, m + 1);
    }
}

/// <summary>The number of steps of a slice that a thread computes.</summary>
internal interface ISteps
{
    /// <inheritdoc cref="IThreadTile{TSelf}.AddLateOuterProduct"/>
    static abstract Rows8<Columns8> AddLateOuterProduct(
        Rows8<Columns8> sums, ArrayView<Float4> a, int lower, int indexA, ArrayView<Float4> b, int right, int indexB);
}

/// <summary>Eight steps: half of a slice of 16.</summary>
internal readonly struct EightSteps : ISteps
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Rows8<Columns8> AddLateOuterProduct(
        Rows8<Columns8> sums, ArrayView<Float4> a, int lower, int indexA, ArrayView<Float4> b, int right, int indexB) =>
        Rows8<Columns8>.AddOuterProduct(sums, a, lower, indexA, b, right, indexB);
}

/// <summary>Four steps: a quarter of a slice of 16.</summary>
internal readonly struct FourSteps : ISteps
{
    public static Rows8<Columns8> AddLateOuterProduct(
        Rows8<Columns8> sums, ArrayView<Float4> a, int lower, int indexA, ArrayView<Float4> b, int right, int indexB) => sums;
}
