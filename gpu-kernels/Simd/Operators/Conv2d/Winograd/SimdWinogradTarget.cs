using System.Runtime.CompilerServices;

namespace IlgpuResNet.Kernels.Simd;

/// <summary>Four vectors: the largest number that .NET keeps in registers as the fields of a structure.</summary>
internal readonly struct SimdFour<TVector>(TVector first, TVector second, TVector third, TVector fourth)
    where TVector : struct
{
    public TVector First { get; } = first;

    public TVector Second { get; } = second;

    public TVector Third { get; } = third;

    public TVector Fourth { get; } = fourth;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdFour<TVector> Add<TLanes>(in SimdFour<TVector> left, in SimdFour<TVector> right)
        where TLanes : struct, ISimdLanes<TVector> =>
        new(
            TLanes.Add(left.First, right.First), TLanes.Add(left.Second, right.Second),
            TLanes.Add(left.Third, right.Third), TLanes.Add(left.Fourth, right.Fourth));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SimdFour<TVector> Subtract<TLanes>(in SimdFour<TVector> left, in SimdFour<TVector> right)
        where TLanes : struct, ISimdLanes<TVector> =>
        new(
            TLanes.Subtract(left.First, right.First), TLanes.Subtract(left.Second, right.Second),
            TLanes.Subtract(left.Third, right.Third), TLanes.Subtract(left.Fourth, right.Fourth));
}

/// <summary>
/// The destination of one vector of channels of a tile's outputs: the output, after the epilogue, or a buffer, without it.
/// </summary>
internal readonly unsafe struct SimdWinogradTarget<TLanes, TVector>
    where TLanes : struct, ISimdLanes<TVector>
    where TVector : struct
{
    /// <summary>Address of the first pixel's channels.</summary>
    public required float* Output { get; init; }

    /// <summary>Address of the first pixel's channels in the residual; null when nothing is added.</summary>
    public required float* Residual { get; init; }

    /// <summary>Floats from one row of pixels to the next.</summary>
    public required nint RowStride { get; init; }

    /// <summary>Floats from one pixel of a row to the next.</summary>
    public required nint PixelStride { get; init; }

    /// <summary>Number of rows or columns that exist; a tile may reach over the edge.</summary>
    public required int Rows { get; init; }

    /// <inheritdoc cref="Rows"/>
    public required int Columns { get; init; }

    /// <summary>True to apply the epilogue before a value is stored.</summary>
    public required bool Finishes { get; init; }

    public required bool Relu { get; init; }

    public required TVector Scale { get; init; }

    public required TVector Shift { get; init; }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(TVector value, int row, int column)
    {
        if (row >= Rows || column >= Columns) return;
        nint offset = row * RowStride + column * PixelStride;
        if (Finishes)
        {
            value = TLanes.MultiplyAdd(value, Scale, Shift);
            if (Residual is not null) value = TLanes.Add(value, TLanes.Load(Residual + offset));
            if (Relu) value = TLanes.Relu(value);
        }
        TLanes.Store(value, Output + offset);
    }
}
