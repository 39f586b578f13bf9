using System.Runtime.CompilerServices;
using ILGPU;

namespace IlgpuResNet.Kernels;

/// <summary>
/// The window of one output pixel: the cells that lie in the image, in the rows FirstH, FirstH + DilationH, ... and in columns likewise,
/// and the number of its cells that lie in image and padding together.
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
    // Compiled to optimised code at once: otherwise the first runs of a network on the CPU accelerator would execute unoptimised code.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static PoolWindow Of(Pool2dShape shape, int pixel)
    {
        int row = pixel / shape.Q;
        int image = row / shape.P;
        int h = (row - image * shape.P) * shape.StrideH - shape.PadH;
        int w = (pixel - row * shape.Q) * shape.StrideW - shape.PadW;
        // The first window starts in the padding above the image; no cell lies before the padding.
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

    /// <summary>The value that a maximum starts from: the value of padding where the window has cells there, else minus infinity.</summary>
    public readonly float LeastMaximum(Pool2dShape shape) => PaddedCells > Cells ? shape.PadValue : float.NegativeInfinity;

    /// <summary>The divisor of an average; 0 for a window without cells, whose average is NaN.</summary>
    public readonly float Divisor(Pool2dShape shape) => shape.CountIncludePad != 0 ? PaddedCells : Cells;

    /// <summary>Number of cells before the end, among the <paramref name="count"/> cells at start, start + step, and so on.</summary>
    private static int CellsBefore(int end, int start, int step, int count) =>
        IntrinsicMath.Clamp((end - start + step - 1) / step, 0, count);
}
