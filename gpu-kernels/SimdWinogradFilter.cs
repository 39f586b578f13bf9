using System.Numerics;

namespace IlgpuResNet.Kernels;

/// <summary>
/// Layout of transformed filters in the SIMD family: <c>[ceil(K / width)][(m + 2)²][C][width]</c> with a width of 2 vectors, so
/// that a panel of output channels lies together and each of its matrix products reads it from front to back; output channels
/// past K are zeros.
/// </summary>
internal static class SimdWinogradFilter
{
    /// <summary>
    /// True when a convolution can be computed so: its channels fill whole vectors, as those of every ResNet of full width do,
    /// and its filter is not too long.
    /// </summary>
    public static bool Fits(in Conv2dShape shape, Conv2dAlgorithm algorithm, int width) =>
        WinogradFilter.Fits(shape) && shape.C % (width / 2) == 0 && Length(shape, algorithm, width) <= int.MaxValue;

    /// <summary>Floats of the packed filter of a convolution that fits.</summary>
    public static int PackedLength(in Conv2dShape shape, Conv2dAlgorithm algorithm, int width) => (int)Length(shape, algorithm, width);

    /// <summary>Transforms and packs <c>[K, C, 3, 3]</c>.</summary>
    public static void Pack(in Conv2dShape shape, Conv2dAlgorithm algorithm, int width, ReadOnlySpan<float> filter, Span<float> packed)
    {
        const int Taps = WinogradFilter.Taps;
        double[,] g = WinogradFilter.Matrix(algorithm);
        int side = g.GetLength(0), elements = side * side;

        // Of one input channel, for all output channels of a panel at once: the filter, G times it, and that times Gᵀ.
        double[] taps = new double[Taps * Taps * width];
        double[] rows = new double[side * Taps * width];
        double[] element = new double[width];
        for (int panel = 0; panel * width < shape.K; panel++)
        {
            int channels = Math.Min(width, shape.K - panel * width);
            Span<float> destination = packed.Slice(panel * elements * shape.C * width, elements * shape.C * width);
            taps.AsSpan().Clear();
            for (int c = 0; c < shape.C; c++)
            {
                for (int k = 0; k < channels; k++)
                {
                    ReadOnlySpan<float> source = filter.Slice(((panel * width + k) * shape.C + c) * Taps * Taps, Taps * Taps);
                    for (int tap = 0; tap < source.Length; tap++) taps[tap * width + k] = source[tap];
                }
                for (int i = 0; i < side; i++)
                    for (int s = 0; s < Taps; s++)
                        Combine(taps.AsSpan(s * width), Taps * width, g, i, rows.AsSpan((i * Taps + s) * width, width));
                for (int i = 0; i < side; i++)
                {
                    for (int j = 0; j < side; j++)
                    {
                        Combine(rows.AsSpan(i * Taps * width), width, g, j, element);
                        Span<float> target = destination.Slice(((i * side + j) * shape.C + c) * width, width);
                        for (int k = 0; k < width; k++) target[k] = (float)element[k];
                    }
                }
            }
        }
    }

    private static long Length(in Conv2dShape shape, Conv2dAlgorithm algorithm, int width) =>
        (long)SimdSplit.DivideRoundUp(shape.K, width) * width * shape.C * WinogradFilter.Elements(algorithm);

    /// <summary>Three vectors, <paramref name="stride"/> apart, combined by a row of the matrix.</summary>
    private static void Combine(ReadOnlySpan<double> source, int stride, double[,] matrix, int row, Span<double> result)
    {
        double g0 = matrix[row, 0], g1 = matrix[row, 1], g2 = matrix[row, 2];
        int k = 0;
        for (; k + Vector<double>.Count <= result.Length; k += Vector<double>.Count)
            (g0 * new Vector<double>(source[k..]) + g1 * new Vector<double>(source[(stride + k)..]) + g2 * new Vector<double>(source[(2 * stride + k)..]))
                .CopyTo(result[k..]);
        for (; k < result.Length; k++) result[k] = g0 * source[k] + g1 * source[stride + k] + g2 * source[2 * stride + k];
    }
}
