namespace IlgpuResNet.Imaging;

/// <summary>Renders drawings as PNG, where the codec can.</summary>
internal static class PngDrawing
{
    /// <summary>Pixels of the PNG per pixel of the drawing, so that it is sharp on high-resolution screens.</summary>
    public const int Scale = 2;

    /// <inheritdoc cref="IDrawingCodec.WritePng"/>
    public static void Write(Drawing drawing, Stream stream)
    {
        if (ImageFile.Codec is not IDrawingCodec drawer)
        {
            throw new ImageException(
                $"{ImageFile.Codec.Name} draws no charts as PNG; write SVG, or add the package IlgpuResNet.SkiaSharp.");
        }
        drawer.WritePng(drawing, stream);
    }
}
