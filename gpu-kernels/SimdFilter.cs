namespace IlgpuResNet.Kernels;

/// <summary>
/// Filter layout of the SIMD convolution: <c>[panels][R][S][L][width]</c> with the L input channels that a panel reads
/// (<see cref="SimdPanels"/>), so that a register tile reads its panel from front to back; output channels past K are zeros.
/// </summary>
internal static class SimdFilter
{
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
