namespace IlgpuResNet.Kernels;

/// <summary>
/// The problem size of the first pass of a resize: pixels <c>[Rows, RowBytes]</c> to RGB bytes <c>[Rows, Columns, 3]</c>. Blittable, so
/// that kernels take it by value.
/// </summary>
/// <param name="Rows">Rows of input and output.</param>
/// <param name="Columns">Output columns.</param>
/// <param name="RowBytes">Bytes of an input row.</param>
/// <param name="Layout">Order of the bytes of an input pixel.</param>
/// <param name="MaxTaps">Weights per output column, as in the axis.</param>
/// <param name="Start">The input column that is the first one in memory, as in the axis.</param>
internal readonly record struct HorizontalPass(int Rows, int Columns, int RowBytes, PixelLayout Layout, int MaxTaps, int Start);

/// <summary>
/// The problem size of the second pass of a resize: RGB bytes <c>[rows, Columns, 3]</c> to the centre of floats <c>[CropHeight, CropWidth,
/// 3]</c>.
/// Blittable, so that kernels take it by value.
/// </summary>
/// <param name="CropHeight">Rows of the output.</param>
/// <param name="CropWidth">Columns of the output.</param>
/// <param name="Rows">Output rows with pixels; the others are black.</param>
/// <param name="Columns">Columns with pixels; the others are black.</param>
/// <param name="PadY">Black rows above.</param>
/// <param name="PadX">Black columns to the left.</param>
/// <param name="MaxTaps">Weights per output row, as in the axis.</param>
/// <param name="Start">The input row that is the first one in memory, as in the axis.</param>
internal readonly record struct VerticalPass(
    int CropHeight, int CropWidth, int Rows, int Columns, int PadY, int PadX, int MaxTaps, int Start);
