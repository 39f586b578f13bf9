using System.Runtime.CompilerServices;
using ILGPU;

namespace IlgpuResNet.Kernels.Tiled;

/// <summary>
/// The outputs of one thread in <see cref="ImplicitGemm"/>. Nested value structs, passed and returned by value, stay in registers; a local
/// array would go to local memory. Eight rows are two quads of neighbours, half a tile of the group apart, and so are eight columns.
/// </summary>
internal interface IThreadTile<TSelf>
    where TSelf : unmanaged, IThreadTile<TSelf>
{
    /// <summary>Adds the outer product of a column of A and a row of B, both read from shared memory, to the tile.</summary>
    /// <param name="tile">Sums so far.</param>
    /// <param name="a">A, beginning at the thread's first pixels.</param>
    /// <param name="lower">Quads from its upper to its lower pixels.</param>
    /// <param name="indexA">Position in <paramref name="a"/> of the column; a constant becomes part of the instruction.</param>
    /// <param name="b">B, beginning at the thread's first channels.</param>
    /// <param name="right">Quads from its left to its right channels.</param>
    /// <param name="indexB">Position in <paramref name="b"/> of the row.</param>
    static abstract TSelf AddOuterProduct(
        TSelf tile, ArrayView<Float4> a, int lower, int indexA, ArrayView<Float4> b, int right, int indexB);

    /// <summary>
    /// Adds the outer product of one of the last four of a slice's eight steps; returns the tile unchanged where a thread computes only
    /// four. It is a method, because with a condition in the loop the loop's variables come in another order, for which the assembler finds
    /// no registers.
    /// </summary>
    static abstract TSelf AddLateOuterProduct(
        TSelf tile, ArrayView<Float4> a, int lower, int indexA, ArrayView<Float4> b, int right, int indexB);

    /// <summary>Stores the tile. Every thread of the group must call it, after all have finished with <paramref name="shared"/>.</summary>
    /// <param name="output">Receives the outputs.</param>
    /// <param name="tile">The thread's sums, over its partition of <paramref name="partitions"/>.</param>
    /// <param name="shared">Shared memory for four quads of each thread, used where there are several partitions.</param>
    /// <param name="partitions"><see cref="GemmTile.PartitionsK"/>, a constant.</param>
    /// <param name="m">The thread's first pixel.</param>
    /// <param name="lower">Pixels from its upper to its lower pixels.</param>
    /// <param name="n">The thread's first channel.</param>
    /// <param name="right">Channels from its left to its right channels.</param>
    static abstract void Store(
        in OutputTile output, TSelf tile, ArrayView<Float4> shared, int partitions, int m, int lower, int n, int right);
}

/// <summary>One pixel's row of a <see cref="IThreadTile{TSelf}"/>, or a row of B of equal length.</summary>
internal interface IThreadRow<TSelf>
    where TSelf : unmanaged, IThreadRow<TSelf>
{
    /// <summary>Loads a row of B.</summary>
    static abstract TSelf Load(ArrayView<Float4> b, int right, int index);

    /// <summary>sums + pixel * b.</summary>
    static abstract TSelf MultiplyAdd(TSelf sums, float pixel, TSelf b);

    /// <summary>The quad of channels on the left.</summary>
    static abstract Float4 Left(TSelf row);

    /// <summary>The quad of channels on the right; the left one again where there is none.</summary>
    static abstract Float4 Right(TSelf row);

    /// <summary>True when there are eight channels.</summary>
    static abstract bool HasRight { get; }
}

/// <summary>Eight channels.</summary>
internal struct Columns8 : IThreadRow<Columns8>
{
    private Float4 left;
    private Float4 right;

    public static bool HasRight => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Columns8 Load(ArrayView<Float4> b, int right, int index) => new() { left = b[index], right = b[index + right] };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Columns8 MultiplyAdd(Columns8 sums, float pixel, Columns8 b) => new()
    {
        left = Float4.MultiplyAdd(sums.left, pixel, b.left),
        right = Float4.MultiplyAdd(sums.right, pixel, b.right),
    };

    public static Float4 Left(Columns8 row) => row.left;

    public static Float4 Right(Columns8 row) => row.right;
}

/// <summary>Four channels.</summary>
internal struct Columns4 : IThreadRow<Columns4>
{
    private Float4 left;

    public static bool HasRight => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Columns4 Load(ArrayView<Float4> b, int right, int index) => new() { left = b[index] };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Columns4 MultiplyAdd(Columns4 sums, float pixel, Columns4 b) =>
        new() { left = Float4.MultiplyAdd(sums.left, pixel, b.left) };

    public static Float4 Left(Columns4 row) => row.left;

    public static Float4 Right(Columns4 row) => row.left;
}

/// <summary>Four pixels.</summary>
internal struct Rows4<TRow> : IThreadTile<Rows4<TRow>>
    where TRow : unmanaged, IThreadRow<TRow>
{
    private TRow r0;
    private TRow r1;
    private TRow r2;
    private TRow r3;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Rows4<TRow> AddOuterProduct(
        Rows4<TRow> tile, ArrayView<Float4> a, int lower, int indexA, ArrayView<Float4> b, int right, int indexB) =>
        AddOuterProduct(tile, a[indexA], TRow.Load(b, right, indexB));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Rows4<TRow> AddLateOuterProduct(
        Rows4<TRow> tile, ArrayView<Float4> a, int lower, int indexA, ArrayView<Float4> b, int right, int indexB) =>
        AddOuterProduct(tile, a, lower, indexA, b, right, indexB);

    /// <summary>Adds the outer product of four pixels and a row of B to the tile.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Rows4<TRow> AddOuterProduct(Rows4<TRow> tile, Float4 pixels, TRow row)
    {
        tile.r0 = TRow.MultiplyAdd(tile.r0, pixels.X, row);
        tile.r1 = TRow.MultiplyAdd(tile.r1, pixels.Y, row);
        tile.r2 = TRow.MultiplyAdd(tile.r2, pixels.Z, row);
        tile.r3 = TRow.MultiplyAdd(tile.r3, pixels.W, row);
        return tile;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(
        in OutputTile output, Rows4<TRow> tile, ArrayView<Float4> shared, int partitions, int m, int lower, int n, int right)
    {
        StoreColumn(output, output.Column(n), Left(tile), m);
        if (TRow.HasRight) StoreColumn(output, output.Column(n + right), Right(tile), m);
    }

    /// <summary>The pixels' channels on the left.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FourQuads Left(Rows4<TRow> tile) => new()
    {
        First = TRow.Left(tile.r0),
        Second = TRow.Left(tile.r1),
        Third = TRow.Left(tile.r2),
        Fourth = TRow.Left(tile.r3),
    };

    /// <summary>The pixels' channels on the right.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FourQuads Right(Rows4<TRow> tile) => new()
    {
        First = TRow.Right(tile.r0),
        Second = TRow.Right(tile.r1),
        Third = TRow.Right(tile.r2),
        Fourth = TRow.Right(tile.r3),
    };

    /// <summary>Stores one quad of channels of each pixel.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreColumn(in OutputTile output, OutputColumn column, FourQuads quads, int m)
    {
        output.Store(column, quads.First, m);
        output.Store(column, quads.Second, m + 1);
        output.Store(column, quads.Third, m + 2);
        output.Store(column, quads.Fourth, m + 3);
    }
}

/// <summary>Eight pixels.</summary>
internal struct Rows8<TRow> : IThreadTile<Rows8<TRow>>
    where TRow : unmanaged, IThreadRow<TRow>
{
    private Rows4<TRow> upper;
    private Rows4<TRow> lower;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Rows8<TRow> AddOuterProduct(
        Rows8<TRow> tile, ArrayView<Float4> a, int lower, int indexA, ArrayView<Float4> b, int right, int indexB)
    {
        TRow row = TRow.Load(b, right, indexB);
        tile.upper = Rows4<TRow>.AddOuterProduct(tile.upper, a[indexA], row);
        tile.lower = Rows4<TRow>.AddOuterProduct(tile.lower, a[indexA + lower], row);
        return tile;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Rows8<TRow> AddLateOuterProduct(
        Rows8<TRow> tile, ArrayView<Float4> a, int lower, int indexA, ArrayView<Float4> b, int right, int indexB) =>
        AddOuterProduct(tile, a, lower, indexA, b, right, indexB);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(
        in OutputTile output, Rows8<TRow> tile, ArrayView<Float4> shared, int partitions, int m, int lower, int n, int right)
    {
        Rows4<TRow>.Store(output, tile.upper, shared, partitions, m, lower, n, right);
        Rows4<TRow>.Store(output, tile.lower, shared, partitions, m + lower, lower, n, right);
    }

    /// <summary>The upper four pixels.</summary>
    public static Rows4<TRow> Upper(Rows8<TRow> tile) => tile.upper;

    /// <summary>The lower four pixels.</summary>
    public static Rows4<TRow> Lower(Rows8<TRow> tile) => tile.lower;
}
