namespace IlgpuResNet.Kernels;

/// <summary>
/// Filter layout of the SIMD convolution: <c>[ceil(K / width)][R][S][L][width]</c> with a width of 2 vectors and the L input
/// channels that a panel reads (<see cref="ChannelWindow"/>), so that a register tile reads its panel from front to back;
/// output channels past K are zeros.
/// </summary>
internal static class SimdFilter
{
    /// <summary>Floats of the packed filter.</summary>
    public static int PackedLength(in Conv2dShape shape, int width) =>
        checked(SimdSplit.DivideRoundUp(shape.K, width) * width * ChannelWindow.Of(shape, width).GemmK);

    /// <summary>Packs <c>[K, C / Groups, R, S]</c>.</summary>
    public static void Pack(in Conv2dShape shape, int width, ReadOnlySpan<float> filter, Span<float> packed)
    {
        ChannelWindow window = ChannelWindow.Of(shape, width);
        int taps = shape.R * shape.S;
        packed.Clear();
        for (int k = 0; k < shape.K; k++)
        {
            ReadOnlySpan<float> source = filter.Slice(k * shape.GemmK, shape.GemmK);
            Span<float> panel = packed.Slice(k / width * width * window.GemmK, width * window.GemmK);
            int offset = window.Offset(k, width);
            for (int c = 0; c < shape.GroupC; c++)
                for (int tap = 0; tap < taps; tap++)
                    panel[(tap * window.Length + offset + c) * width + k % width] = source[c * taps + tap];
        }
    }
}
