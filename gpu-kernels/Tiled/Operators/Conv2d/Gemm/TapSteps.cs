namespace IlgpuResNet.Kernels.Tiled;

/// <summary>
/// The steps from one filter tap to the next, which are equal in all threads of a launch. Blittable, so that kernels take it by value: a
/// kernel's parameters are operands of its instructions and need no registers.
/// </summary>
/// <param name="SlicesOfTap">Slices of the reduction in one tap.</param>
/// <param name="TapGap">Quads from the end of one tap's channels to the first channel of the next tap.</param>
/// <param name="RowGap">Quads from the end of the channels of a row's last tap to the first channel of the next row.</param>
/// <param name="Rows">Has the bit of the first tap of each row set.</param>
internal readonly record struct TapSteps(int SlicesOfTap, int TapGap, int RowGap, int Rows)
{
    /// <summary>Largest number of taps: one bit for each.</summary>
    public const int MostTaps = 31;

    /// <summary>The steps of a convolution whose pixels are whole quads, in slices of <paramref name="tileK"/> elements.</summary>
    public static TapSteps Of(in Conv2dShape shape, in ChannelWindow window, int tileK)
    {
        int channels = shape.C / Float4.Width;
        int tapGap = shape.DilationW * channels - window.Length / Float4.Width;
        int rows = 0;
        for (int r = 0; r < shape.R && r * shape.S < MostTaps; r++) rows |= 1 << (r * shape.S);
        return new TapSteps(
            window.Length / tileK, tapGap, tapGap + (shape.DilationH * shape.W - shape.DilationW * shape.S) * channels, rows);
    }
}
