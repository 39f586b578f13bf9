using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace IlgpuResNet.Kernels;

/// <summary>
/// Winograd's transformed filters in panels of output channels: <c>[ceil(K / width)][elements][C][width]</c>. A panel lies together,
/// element by element in the order of <see cref="WinogradFilter.Order"/>; output channels past K are zeros. The SIMD family multiplies
/// panels of two vectors as they are; the tiled family lays panels of a tile side by side.
/// </summary>
internal static class WinogradPanels
{
    /// <summary>
    /// Input channels whose filters are copied together before they are turned from rows to columns. Rows of a filter are often a multiple
    /// of 4 KB apart, so that a column of them evicts itself from the first-level cache.
    /// </summary>
    private const int BlockChannels = 16;

    /// <summary>Floats of the packed filter.</summary>
    public static long Length(in Conv2dShape shape, Conv2dAlgorithm algorithm, int width) =>
        (long)IntegerMath.DivideRoundUp(shape.K, width) * width * shape.C * WinogradFilter.Elements(algorithm);

    /// <summary>Transforms and packs <c>[K, C, 3, 3]</c>.</summary>
    // Compiled to optimised code at once: a network packs its filters once, before .NET would have optimised the method.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static unsafe void Pack(
        in Conv2dShape shape, Conv2dAlgorithm algorithm, int width, ReadOnlySpan<float> filter, Span<float> packed)
    {
        const int Taps = WinogradFilter.Taps, Area = Taps * Taps;
        double[,] g = WinogradFilter.Matrix(algorithm);
        int side = g.GetLength(0);
        int* order = stackalloc int[side * side];
        WinogradFilter.Order(algorithm, new Span<int>(order, side * side));

        // rows: the filters of a panel for some input channels, in the file's order. For one input channel and all output channels of the
        // panel, taps is the filter g, half is G g; their product with Gᵀ goes to the packed filter.
        float* rows = stackalloc float[width * BlockChannels * Area];
        double* taps = stackalloc double[Area * width];
        double* half = stackalloc double[side * Taps * width];
        new Span<double>(taps, Area * width).Clear();
        fixed (double* matrix = g)
        fixed (float* source = filter, target = packed)
        {
            for (int first = 0; first < shape.K; first += width)
            {
                int channels = Math.Min(width, shape.K - first);
                float* panel = target + (nint)first * side * side * shape.C;
                if (channels < width) new Span<double>(taps, Area * width).Clear();
                for (int block = 0; block < shape.C; block += BlockChannels)
                {
                    int blockFloats = Math.Min(BlockChannels, shape.C - block) * Area;
                    for (int k = 0; k < channels; k++)
                        new ReadOnlySpan<float>(source + ((nint)(first + k) * shape.C + block) * Area, blockFloats)
                            .CopyTo(new Span<float>(rows + k * blockFloats, blockFloats));
                    for (int i = 0; i < blockFloats; i += Area)
                    {
                        for (int k = 0; k < channels; k++)
                            for (int tap = 0; tap < Area; tap++) taps[tap * width + k] = rows[k * blockFloats + i + tap];
                        for (int row = 0; row < side; row++)
                            for (int s = 0; s < Taps; s++)
                                Combine(taps + s * width, Taps * width, matrix + row * Taps, half + (row * Taps + s) * width, width);
                        float* element = panel + ((nint)block + i / Area) * width;
                        for (int position = 0; position < side * side; position++)
                        {
                            (int row, int column) = Math.DivRem(order[position], side);
                            Combine(half + row * Taps * width, width, matrix + column * Taps, element, width);
                            element += (nint)shape.C * width;
                        }
                    }
                }
            }
        }
    }

    /// <summary>Combines three vectors, <paramref name="stride"/> doubles apart, by a row of the matrix.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static unsafe void Combine(double* source, int stride, double* matrixRow, double* result, int width)
    {
        int k = 0;
        for (; k + Vector256<double>.Count <= width; k += Vector256<double>.Count)
            CombineVector(source + k, stride, matrixRow).Store(result + k);
        for (; k < width; k++) result[k] = CombineOne(source + k, stride, matrixRow);
    }

    /// <summary>Combines three vectors by a row of the matrix and rounds the result to float.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static unsafe void Combine(double* source, int stride, double* matrixRow, float* result, int width)
    {
        int k = 0;
        for (; k + Vector256<float>.Count <= width; k += Vector256<float>.Count)
            Vector256.Narrow(
                CombineVector(source + k, stride, matrixRow),
                CombineVector(source + k + Vector256<double>.Count, stride, matrixRow)).Store(result + k);
        for (; k < width; k++) result[k] = (float)CombineOne(source + k, stride, matrixRow);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static unsafe Vector256<double> CombineVector(double* source, int stride, double* matrixRow) =>
        matrixRow[0] * Vector256.Load(source) + matrixRow[1] * Vector256.Load(source + stride)
            + matrixRow[2] * Vector256.Load(source + 2 * stride);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static unsafe double CombineOne(double* source, int stride, double* matrixRow) =>
        matrixRow[0] * source[0] + matrixRow[1] * source[stride] + matrixRow[2] * source[2 * stride];
}
