using System.Runtime.CompilerServices;
using ILGPU;

namespace IlgpuResNet.Kernels;

/// <summary>
/// One output pixel's window: the part of it that lies in the image, as the rows FirstH, FirstH + DilationH, ... and the
/// columns likewise, and how many of its cells lie in image and padding together.
/// </summary>
internal struct PoolWindow
{
    public int Image;
    public int FirstH;
    public int FirstW;
    public int Rows;
    public int Columns;
    public int PaddedCells;

    /// <summary>Cells in the image.</summary>
    public readonly int Cells => Rows * Columns;

    /// <summary>The window of output pixel (image·P + p)·Q + q.</summary>
    // Straight to optimised code: on the CPU accelerator a network's first runs would be spent in the tiers below it.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static PoolWindow Of(Pool2dShape shape, int pixel)
    {
        int row = pixel / shape.Q;
        int image = row / shape.P;
        int h = (row - image * shape.P) * shape.StrideH - shape.PadH;
        int w = (pixel - row * shape.Q) * shape.StrideW - shape.PadW;
        // Nothing lies before the padding above: the first window starts there.
        int above = CellsBefore(0, h, shape.DilationH, shape.R);
        int left = CellsBefore(0, w, shape.DilationW, shape.S);
        int paddedRows = CellsBefore(shape.H + shape.PadEndH, h, shape.DilationH, shape.R);
        int paddedColumns = CellsBefore(shape.W + shape.PadEndW, w, shape.DilationW, shape.S);
        // Rows that a negative padding cuts off are not in the image.
        int rows = CellsBefore(shape.H + IntrinsicMath.Min(shape.PadEndH, 0), h, shape.DilationH, shape.R) - above;
        int columns = CellsBefore(shape.W + IntrinsicMath.Min(shape.PadEndW, 0), w, shape.DilationW, shape.S) - left;
        return new PoolWindow
        {
            Image = image,
            FirstH = h + above * shape.DilationH,
            FirstW = w + left * shape.DilationW,
            Rows = IntrinsicMath.Max(rows, 0),
            Columns = IntrinsicMath.Max(columns, 0),
            PaddedCells = paddedRows * paddedColumns,
        };
    }

    /// <summary>What a maximum starts from: what the window's padding counts as, if it has any.</summary>
    public readonly float LeastMaximum(Pool2dShape shape) => PaddedCells > Cells ? shape.PadValue : float.NegativeInfinity;

    /// <summary>What a sum is divided by to give the average; 0 for a window of nothing, whose average is NaN.</summary>
    public readonly float Divisor(Pool2dShape shape) => shape.CountIncludePad != 0 ? PaddedCells : Cells;

    /// <summary>How many of the cells start, start + step, ..., <paramref name="count"/> of them, lie before the end.</summary>
    private static int CellsBefore(int end, int start, int step, int count) =>
        IntrinsicMath.Clamp((end - start + step - 1) / step, 0, count);
}
