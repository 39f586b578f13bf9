using System.Runtime.CompilerServices;
using ILGPU;

namespace IlgpuResNet.Kernels;

/// <summary>
/// The outputs of one thread in <see cref="ImplicitGemm"/>. Nested value structs, passed and returned by value, stay in registers; a local
/// array would go to local memory. Eight rows come as two quads of neighbours half a group tile apart, and so do eight columns.
/// </summary>
internal interface IThreadTile<TSelf>
    where TSelf : unmanaged, IThreadTile<TSelf>
{
    /// <summary>The tile plus the outer product of a column of A and a row of B, both read from shared memory.</summary>
    /// <param name="tile">Sums so far.</param>
    /// <param name="a">From the thread's first pixels on.</param>
    /// <param name="lower">Quads from its upper to its lower pixels.</param>
    /// <param name="indexA">Where in <paramref name="a"/> the column starts; constants become part of the instruction.</param>
    /// <param name="b">From the thread's first channels on.</param>
    /// <param name="right">Quads from its left to its right channels.</param>
    /// <param name="indexB">Where in <paramref name="b"/> the row starts.</param>
    static abstract TSelf AddOuterProduct(TSelf tile, ArrayView<Float4> a, int lower, int indexA, ArrayView<Float4> b, int right, int indexB);

    /// <summary>Stores the tile; its first row is that of pixel <paramref name="m"/>.</summary>
    static abstract void Store(in OutputTile output, TSelf tile, int m, int lower, int n, int right);
}

/// <summary>One pixel's row of a <see cref="IThreadTile{TSelf}"/>, or as many elements of B.</summary>
internal interface IThreadRow<TSelf>
    where TSelf : unmanaged, IThreadRow<TSelf>
{
    /// <summary>A row of B.</summary>
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
    public static Columns4 MultiplyAdd(Columns4 sums, float pixel, Columns4 b) => new() { left = Float4.MultiplyAdd(sums.left, pixel, b.left) };

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
    public static Rows4<TRow> AddOuterProduct(Rows4<TRow> tile, ArrayView<Float4> a, int lower, int indexA, ArrayView<Float4> b, int right, int indexB) =>
        AddOuterProduct(tile, a[indexA], TRow.Load(b, right, indexB));

    /// <summary>The tile plus the outer product of four pixels and a row of B.</summary>
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
    public static void Store(in OutputTile output, Rows4<TRow> tile, int m, int lower, int n, int right)
    {
        StoreColumn(output, output.Column(n), TRow.Left(tile.r0), TRow.Left(tile.r1), TRow.Left(tile.r2), TRow.Left(tile.r3), m);
        if (TRow.HasRight)
            StoreColumn(output, output.Column(n + right), TRow.Right(tile.r0), TRow.Right(tile.r1), TRow.Right(tile.r2), TRow.Right(tile.r3), m);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreColumn(in OutputTile output, OutputColumn column, Float4 v0, Float4 v1, Float4 v2, Float4 v3, int m)
    {
        output.Store(column, v0, m);
        output.Store(column, v1, m + 1);
        output.Store(column, v2, m + 2);
        output.Store(column, v3, m + 3);
    }
}

/// <summary>Eight pixels.</summary>
internal struct Rows8<TRow> : IThreadTile<Rows8<TRow>>
    where TRow : unmanaged, IThreadRow<TRow>
{
    private Rows4<TRow> upper;
    private Rows4<TRow> lower;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Rows8<TRow> AddOuterProduct(Rows8<TRow> tile, ArrayView<Float4> a, int lower, int indexA, ArrayView<Float4> b, int right, int indexB)
    {
        TRow row = TRow.Load(b, right, indexB);
        tile.upper = Rows4<TRow>.AddOuterProduct(tile.upper, a[indexA], row);
        tile.lower = Rows4<TRow>.AddOuterProduct(tile.lower, a[indexA + lower], row);
        return tile;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(in OutputTile output, Rows8<TRow> tile, int m, int lower, int n, int right)
    {
        Rows4<TRow>.Store(output, tile.upper, m, lower, n, right);
        Rows4<TRow>.Store(output, tile.lower, m + lower, lower, n, right);
    }
}
