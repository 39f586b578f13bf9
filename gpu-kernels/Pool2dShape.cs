namespace IlgpuResNet.Kernels;

/// <summary>
/// The problem size of one 2-D pooling: activations <c>[N, H, W, C]</c>, a window of R x S,
/// output <c>[N, P, Q, C]</c>. Blittable, so that kernels take it by value.
/// </summary>
/// <param name="N">Images in the batch.</param>
/// <param name="H">Input height in pixels.</param>
/// <param name="W">Input width in pixels.</param>
/// <param name="C">Channels.</param>
/// <param name="R">Window height.</param>
/// <param name="S">Window width.</param>
/// <param name="StrideH">Vertical stride.</param>
/// <param name="StrideW">Horizontal stride.</param>
/// <param name="PadH">Rows of padding above the input; padding never wins a maximum.</param>
/// <param name="PadW">Columns of padding left of the input.</param>
/// <param name="P">Output height in pixels.</param>
/// <param name="Q">Output width in pixels.</param>
public readonly record struct Pool2dShape(
    int N, int H, int W, int C,
    int R, int S,
    int StrideH, int StrideW,
    int PadH, int PadW,
    int P, int Q)
{
    /// <summary>Elements of the input: N·H·W·C.</summary>
    public long InputLength => (long)N * H * W * C;

    /// <summary>Elements of the output: N·P·Q·C.</summary>
    public long OutputLength => (long)N * P * Q * C;

    /// <summary>Makes the shape of a pooling with equal padding on opposite sides, P and Q rounded down as PyTorch does by default.</summary>
    public static Pool2dShape Create(int n, int h, int w, int c, int window, int stride, int pad) =>
        new(n, h, w, c, window, window, stride, stride, pad, pad,
            (h + 2 * pad - window) / stride + 1, (w + 2 * pad - window) / stride + 1);

    /// <summary>The shape of a global pooling: one window over the whole map.</summary>
    public static Pool2dShape Global(int n, int h, int w, int c) => new(n, h, w, c, h, w, 1, 1, 0, 0, 1, 1);
}
