using System.Runtime.CompilerServices;

namespace IlgpuResNet.Kernels;

/// <summary>
/// The 8x8 outputs of one thread. Nested value structs, passed and returned by value, stay in registers; a local array
/// would go to local memory. Columns come as two quads half a group tile apart, rows likewise.
/// </summary>
internal struct AccumulatorTile
{
    public AccumulatorRow R0;
    public AccumulatorRow R1;
    public AccumulatorRow R2;
    public AccumulatorRow R3;
    public AccumulatorRow R4;
    public AccumulatorRow R5;
    public AccumulatorRow R6;
    public AccumulatorRow R7;

    /// <summary>The tile plus the outer product of eight pixels (upper, lower half) and eight filters (left, right half).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static AccumulatorTile AddOuterProduct(AccumulatorTile tile, Float4 upper, Float4 lower, Float4 left, Float4 right)
    {
        tile.R0 = AccumulatorRow.MultiplyAdd(tile.R0, upper.X, left, right);
        tile.R1 = AccumulatorRow.MultiplyAdd(tile.R1, upper.Y, left, right);
        tile.R2 = AccumulatorRow.MultiplyAdd(tile.R2, upper.Z, left, right);
        tile.R3 = AccumulatorRow.MultiplyAdd(tile.R3, upper.W, left, right);
        tile.R4 = AccumulatorRow.MultiplyAdd(tile.R4, lower.X, left, right);
        tile.R5 = AccumulatorRow.MultiplyAdd(tile.R5, lower.Y, left, right);
        tile.R6 = AccumulatorRow.MultiplyAdd(tile.R6, lower.Z, left, right);
        tile.R7 = AccumulatorRow.MultiplyAdd(tile.R7, lower.W, left, right);
        return tile;
    }
}

/// <summary>One pixel's row of an <see cref="AccumulatorTile"/>.</summary>
internal struct AccumulatorRow
{
    public Float4 Left;
    public Float4 Right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static AccumulatorRow MultiplyAdd(AccumulatorRow row, float pixel, Float4 left, Float4 right)
    {
        row.Left = Float4.MultiplyAdd(row.Left, pixel, left);
        row.Right = Float4.MultiplyAdd(row.Right, pixel, right);
        return row;
    }
}
