namespace IlgpuResNet.Kernels;

/// <summary>
/// The problem size of one 2-D pooling: activations <c>[N, H, W, C]</c>, a window of R x S,
/// output <c>[N, P, Q, C]</c>. Blittable, so that kernels take it by value.
/// </summary>
/// <remarks>
/// Output pixel (p, q) sees rows p·StrideH - PadH + r·DilationH and columns q·StrideW - PadW + s·DilationW. With P and Q rounded up
/// (<c>ceil_mode</c>) a window may reach past the padding below and right; its cells there are ignored.
/// </remarks>
/// <param name="N">Images in the batch.</param>
/// <param name="H">Input height in pixels.</param>
/// <param name="W">Input width in pixels.</param>
/// <param name="C">Channels.</param>
/// <param name="R">Window height.</param>
/// <param name="S">Window width.</param>
/// <param name="StrideH">Vertical stride.</param>
/// <param name="StrideW">Horizontal stride.</param>
/// <param name="PadH">Rows of padding above the input; negative when rows are cut off instead.</param>
/// <param name="PadW">Columns of padding left of the input; negative when columns are cut off instead.</param>
/// <param name="P">Output height in pixels.</param>
/// <param name="Q">Output width in pixels.</param>
/// <param name="DilationH">Rows from one cell of the window to the next.</param>
/// <param name="DilationW">Columns from one cell of the window to the next.</param>
/// <param name="PadEndH">
/// Rows of padding below the input; negative when rows are cut off instead. It matters where padding counts: with
/// <paramref name="CountIncludePad"/>, or with a <paramref name="PadValue"/> other than minus infinity.
/// </param>
/// <param name="PadEndW">Columns of padding right of the input, with the meaning of <paramref name="PadEndH"/>.</param>
/// <param name="CountIncludePad">
/// For an average: 1 when the divisor counts the window's cells in image and padding, 0 when it counts only the cells in the image.
/// </param>
/// <param name="PadValue">For a maximum: the value of padding; minus infinity never wins.</param>
internal readonly record struct Pool2dShape(
    int N, int H, int W, int C,
    int R, int S,
    int StrideH, int StrideW,
    int PadH, int PadW,
    int P, int Q,
    int DilationH = 1, int DilationW = 1,
    int PadEndH = 0, int PadEndW = 0,
    int CountIncludePad = 0,
    float PadValue = float.NegativeInfinity)
{
    /// <summary>Elements of the input: N·H·W·C.</summary>
    public long InputLength => (long)N * H * W * C;

    /// <summary>Elements of the output: N·P·Q·C.</summary>
    public long OutputLength => (long)N * P * Q * C;

    /// <summary>
    /// The shape of a pooling with equal padding on opposite sides; P and Q are rounded down, as PyTorch does by default.
    /// </summary>
    public static Pool2dShape Create(int n, int h, int w, int c, int window, int stride, int pad) =>
        new(n, h, w, c, window, window, stride, stride, pad, pad,
            (h + 2 * pad - window) / stride + 1, (w + 2 * pad - window) / stride + 1, PadEndH: pad, PadEndW: pad);

    /// <summary>The shape of a global pooling: one window over the whole map.</summary>
    public static Pool2dShape Global(int n, int h, int w, int c) => new(n, h, w, c, h, w, 1, 1, 0, 0, 1, 1);
}
