namespace IlgpuResNet.Imaging;

/// <summary>Drawings as PNG: text in pictures takes another package of SixLabors, so a build with ImageSharp has SVG alone.</summary>
internal static class PngDrawing
{
    public const int Scale = 2;

    /// <exception cref="ImageException">Always.</exception>
    public static void Write(Drawing drawing, Stream stream) =>
        throw new ImageException("A build with ImageSharp draws no charts as PNG; write SVG, or build with SkiaSharp.");
}
