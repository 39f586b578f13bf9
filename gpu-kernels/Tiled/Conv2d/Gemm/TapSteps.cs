namespace IlgpuResNet.Kernels.Tiled;

/// <summary>
/// What all threads of a launch know of the way from one filter tap to the next. Blittable, so that kernels take it by value: a kernel's parameters are
/// operands of its instructions and need no registers.
/// </summary>
/// <param name="SlicesOfTap">Slices of the reduction that lie in one tap.</param>
/// <param name="TapGap">Quads from behind one tap's last channel to the next tap's first.</param>
/// <param name="RowGap">The same from the last tap of a row to the first of the next.</param>
/// <param name="Rows">A bit for the first tap of each row.</param>
internal readonly record struct TapSteps(int SlicesOfTap, int TapGap, int RowGap, int Rows)
{
    /// <summary>Taps that there are bits for.</summary>
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
