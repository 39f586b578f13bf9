namespace IlgpuResNet.Kernels;

/// <summary>
/// The problem size of one forward 2-D convolution (fprop), in CUTLASS's vocabulary: activations
/// <c>[N, H, W, C]</c>, filter <c>[K, C / Groups, R, S]</c>, output <c>[N, P, Q, K]</c>.
/// Blittable, so that kernels take it by value.
/// </summary>
/// <remarks>
/// Output pixel (p, q) sees input rows p·StrideH - PadH + r·DilationH and columns q·StrideW - PadW + s·DilationW. Padding below and right
/// of the input has no field of its own: it only changes P and Q. Output channel k belongs to group k / GroupK and sees the input channels
/// of that group, which begin at k / GroupK · GroupC.
/// </remarks>
/// <param name="N">Images in the batch.</param>
/// <param name="H">Input height in pixels.</param>
/// <param name="W">Input width in pixels.</param>
/// <param name="C">Input channels.</param>
/// <param name="K">Output channels.</param>
/// <param name="R">Filter height.</param>
/// <param name="S">Filter width.</param>
/// <param name="StrideH">Vertical stride.</param>
/// <param name="StrideW">Horizontal stride.</param>
/// <param name="PadH">Rows of zeros above the input; negative when rows are cut off instead.</param>
/// <param name="PadW">Columns of zeros left of the input; negative when columns are cut off instead.</param>
/// <param name="P">Output height in pixels.</param>
/// <param name="Q">Output width in pixels.</param>
/// <param name="DilationH">Rows from one filter tap to the next.</param>
/// <param name="DilationW">Columns from one filter tap to the next.</param>
/// <param name="Groups">Number of groups of equal size into which input and output channels are divided; divides C and K.</param>
internal readonly record struct Conv2dShape(
    int N, int H, int W, int C,
    int K, int R, int S,
    int StrideH, int StrideW,
    int PadH, int PadW,
    int P, int Q,
    int DilationH = 1, int DilationW = 1,
    int Groups = 1)
{
    /// <summary>Elements of the input: N·H·W·C.</summary>
    public long InputLength => (long)N * H * W * C;

    /// <summary>Elements of the output: N·P·Q·K.</summary>
    public long OutputLength => (long)N * P * Q * K;

    /// <summary>Input channels that an output channel sees: C / Groups.</summary>
    public int GroupC => C / Groups;

    /// <summary>Output channels of a group: K / Groups.</summary>
    public int GroupK => K / Groups;

    /// <summary>True when the groups divide the channels, as they must.</summary>
    public bool HasEqualGroups => Groups >= 1 && C % Groups == 0 && K % Groups == 0;

    /// <summary>Rows of the equivalent matrix product: N·P·Q output pixels.</summary>
    /// <exception cref="OverflowException">There are 2^31 or more.</exception>
    public int GemmM => checked(N * P * Q);

    /// <summary>Columns of the equivalent matrix product: K output channels.</summary>
    public int GemmN => K;

    /// <summary>Reduction length of the equivalent matrix product: R·S·C / Groups.</summary>
    /// <exception cref="OverflowException">It is 2^31 or more.</exception>
    public int GemmK => checked(R * S * GroupC);

    /// <summary>Multiply-accumulates of the convolution: N·P·Q·K·R·S·C / Groups.</summary>
    /// <exception cref="OverflowException">There are 2^63 or more.</exception>
    public long Macs => checked((long)N * P * Q * GemmN * GemmK);

    /// <summary>True when the convolution is a plain matrix product over the input as it lies in memory.</summary>
    public bool IsDense =>
        R == 1 && S == 1 && StrideH == 1 && StrideW == 1 && PadH == 0 && PadW == 0 && P == H && Q == W && Groups == 1;

    /// <summary>Makes the shape of a convolution with equal padding on opposite sides, P and Q derived as PyTorch does.</summary>
    /// <remarks>P = floor((H + 2·pad - dilation·(R - 1) - 1) / stride) + 1 (PyTorch, <c>torch.nn.Conv2d</c>).</remarks>
    public static Conv2dShape Create(
        int n, int h, int w, int c, int k, int r, int s, int stride, int pad, int dilation = 1, int groups = 1) =>
        new(n, h, w, c, k, r, s, stride, stride, pad, pad,
            (h + 2 * pad - dilation * (r - 1) - 1) / stride + 1, (w + 2 * pad - dilation * (s - 1) - 1) / stride + 1,
            dilation, dilation, groups);

    /// <summary>The shape of a fully connected layer: a 1x1 convolution over N images of one pixel.</summary>
    public static Conv2dShape Linear(int n, int inFeatures, int outFeatures) =>
        Create(n, 1, 1, inFeatures, outFeatures, 1, 1, 1, 0);
}
