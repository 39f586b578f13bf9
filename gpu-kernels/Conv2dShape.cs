namespace IlgpuResNet.Kernels;

/// <summary>
/// The problem size of one forward 2-D convolution (fprop), in CUTLASS's vocabulary: activations
/// <c>[N, H, W, C]</c>, filter <c>[K, C, R, S]</c>, output <c>[N, P, Q, K]</c>.
/// Blittable, so that kernels take it by value.
/// </summary>
/// <param name="N">Images in the batch.</param>
/// <param name="H">Input height in pixels.</param>
/// <param name="W">Input width in pixels.</param>
/// <param name="C">Input channels.</param>
/// <param name="K">Output channels.</param>
/// <param name="R">Filter height.</param>
/// <param name="S">Filter width.</param>
/// <param name="StrideH">Vertical stride.</param>
/// <param name="StrideW">Horizontal stride.</param>
/// <param name="PadH">Rows of zeros above the input.</param>
/// <param name="PadW">Columns of zeros left of the input.</param>
/// <param name="P">Output height in pixels.</param>
/// <param name="Q">Output width in pixels.</param>
public readonly record struct Conv2dShape(
    int N, int H, int W, int C,
    int K, int R, int S,
    int StrideH, int StrideW,
    int PadH, int PadW,
    int P, int Q)
{
    /// <summary>Elements of the input: N·H·W·C.</summary>
    public long InputLength => (long)N * H * W * C;

    /// <summary>Elements of the output: N·P·Q·K.</summary>
    public long OutputLength => (long)N * P * Q * K;

    /// <summary>Rows of the equivalent matrix product: N·P·Q output pixels.</summary>
    /// <exception cref="OverflowException">There are 2^31 or more.</exception>
    public int GemmM => checked(N * P * Q);

    /// <summary>Columns of the equivalent matrix product: K output channels.</summary>
    public int GemmN => K;

    /// <summary>Reduction length of the equivalent matrix product: R·S·C.</summary>
    public int GemmK => R * S * C;

    /// <summary>Multiply-accumulates of the convolution: N·P·Q·K·R·S·C.</summary>
    /// <exception cref="OverflowException">There are 2^63 or more.</exception>
    public long Macs => checked((long)N * P * Q * GemmN * GemmK);

    /// <summary>True when the convolution is a plain matrix product over the input as it lies in memory.</summary>
    public bool IsDense => R == 1 && S == 1 && StrideH == 1 && StrideW == 1 && PadH == 0 && PadW == 0;

    /// <summary>Makes the shape of a convolution with equal padding on opposite sides, P and Q derived as PyTorch does.</summary>
    /// <remarks>P = floor((H + 2·pad - R) / stride) + 1 (PyTorch, <c>torch.nn.Conv2d</c>).</remarks>
    public static Conv2dShape Create(int n, int h, int w, int c, int k, int r, int s, int stride, int pad) =>
        new(n, h, w, c, k, r, s, stride, stride, pad, pad,
            (h + 2 * pad - r) / stride + 1, (w + 2 * pad - s) / stride + 1);

    /// <summary>The shape of a fully connected layer: a 1x1 convolution over N images of one pixel.</summary>
    public static Conv2dShape Linear(int n, int inFeatures, int outFeatures) =>
        Create(n, 1, 1, inFeatures, outFeatures, 1, 1, 1, 0);
}
