using System.Runtime.CompilerServices;

namespace IlgpuResNet.Kernels.Simd;

/// <summary>
/// The filter layout of direct convolution: <c>[panels][R][S][L][width]</c> with the L input channels that a panel reads
/// (<see cref="SimdPanels"/>), so that a register tile reads its panel from its beginning to its end; output channels past K are zeros.
/// </summary>
internal static class SimdFilter
{
    /// <summary>Floats of each filter that are transposed at a time: a cache line.</summary>
    private const int Block = 16;

    /// <summary>Floats of the packed filter.</summary>
    public static int PackedLength(in Conv2dShape shape, int lanes)
    {
        SimdPanels panels = SimdPanels.Of(shape, lanes);
        return checked(panels.Count * panels.Width * panels.GemmK);
    }

    /// <summary>Packs <c>[K, C / Groups, R, S]</c>.</summary>
    public static void Pack(in Conv2dShape shape, int lanes, ReadOnlySpan<float> filter, Span<float> packed)
    {
        SimdPanels panels = SimdPanels.Of(shape, lanes);
        if (shape.Groups == 1) PackWhole(shape, panels.Width, filter, packed);
        else PackGroups(shape, panels, filter, packed);
    }

    // Compiled to optimised code at once: a network packs its filters once, before .NET would have optimised the method.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static unsafe void PackWhole(in Conv2dShape shape, int width, ReadOnlySpan<float> filter, Span<float> packed)
    {
        int length = shape.GemmK, taps = shape.R * shape.S;
        // Rows of a filter are often a multiple of 4 KB apart, so that the cache lines of a column evict one another from the first-level
        // cache.
        float* rows = stackalloc float[width * Block];
        fixed (float* source = filter, target = packed)
        {
            for (int first = 0; first < shape.K; first += width)
            {
                int channels = Math.Min(width, shape.K - first);
                float* panel = target + (nint)first * length;
                if (channels < width) new Span<float>(panel, width * length).Clear();
                for (int i = 0; i < length; i += Block)
                {
                    int count = Math.Min(Block, length - i);
                    for (int k = 0; k < channels; k++)
                    {
                        float* row = source + (nint)(first + k) * length + i;
                        for (int j = 0; j < count; j++) rows[k * Block + j] = row[j];
                    }
                    (int c, int tap) = Math.DivRem(i, taps);
                    for (int j = 0; j < count; j++)
                    {
                        float* column = panel + ((nint)tap * shape.C + c) * width;
                        for (int k = 0; k < channels; k++) column[k] = rows[k * Block + j];
                        if (++tap < taps) continue;
                        tap = 0;
                        c++;
                    }
                }
            }
        }
    }

    private static void PackGroups(in Conv2dShape shape, in SimdPanels panels, ReadOnlySpan<float> filter, Span<float> packed)
    {
        int taps = shape.R * shape.S, width = panels.Width;
        packed.Clear();
        for (int k = 0; k < shape.K; k++)
        {
            ReadOnlySpan<float> source = filter.Slice(k * shape.GemmK, shape.GemmK);
            Span<float> panel = packed.Slice(k / width * width * panels.GemmK, width * panels.GemmK);
            int offset = panels.Offset(k);
            for (int c = 0; c < shape.GroupC; c++)
                for (int tap = 0; tap < taps; tap++)
                    panel[(tap * panels.Length + offset + c) * width + k % width] = source[c * taps + tap];
        }
    }
}
