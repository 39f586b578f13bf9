using ILGPU;

namespace IlgpuResNet.Kernels;

/// <summary>The part of one output pixel's window that lies in the image.</summary>
internal struct PoolWindow
{
    public int Image;
    public int FirstH;
    public int EndH;
    public int FirstW;
    public int EndW;

    /// <summary>The window of output pixel (image·P + p)·Q + q.</summary>
    public static PoolWindow Of(Pool2dShape shape, int pixel)
    {
        int row = pixel / shape.Q;
        int image = row / shape.P;
        int h = (row - image * shape.P) * shape.StrideH - shape.PadH;
        int w = (pixel - row * shape.Q) * shape.StrideW - shape.PadW;
        return new PoolWindow
        {
            Image = image,
            FirstH = IntrinsicMath.Max(h, 0),
            EndH = IntrinsicMath.Min(h + shape.R, shape.H),
            FirstW = IntrinsicMath.Max(w, 0),
            EndW = IntrinsicMath.Min(w + shape.S, shape.W),
        };
    }
}
