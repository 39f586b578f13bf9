namespace IlgpuResNet.Imaging;

/// <summary>
/// Refuses to write PNG drawings: their text needs another package of SixLabors, so that a build with ImageSharp writes SVG only.
/// </summary>
internal static class PngDrawing
{
    public const int Scale = 2;

    /// <exception cref="ImageException">Always.</exception>
    public static void Write(Drawing drawing, Stream stream) =>
        throw new ImageException("A build with ImageSharp draws no charts as PNG; write SVG, or build with SkiaSharp.");
}
