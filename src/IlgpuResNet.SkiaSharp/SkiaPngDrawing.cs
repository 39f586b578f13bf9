using System.Globalization;
using SkiaSharp;

namespace IlgpuResNet.Imaging;

/// <summary>Renders drawings as PNG with SkiaSharp.</summary>
internal static class SkiaPngDrawing
{
    private const int Scale = PngDrawing.Scale;

    /// <inheritdoc cref="IDrawingCodec.WritePng"/>
    public static void Write(Drawing drawing, Stream stream)
    {
        try
        {
            WriteCore(drawing, stream);
        }
        catch (Exception e) when (e is DllNotFoundException or TypeInitializationException)
        {
            throw new ImageException(
                "SkiaSharp's native library cannot be loaded; add the SkiaSharp.NativeAssets package of this platform, or write SVG.", e);
        }
    }

    private static void WriteCore(Drawing drawing, Stream stream)
    {
        int width = Scale * drawing.Width, height = Scale * drawing.Height;
        using SKSurface surface = SKSurface.Create(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque))
            ?? throw new ImageException(
                string.Create(CultureInfo.InvariantCulture, $"An image of {width}x{height} pixels is too large; write SVG."));
        SKCanvas canvas = surface.Canvas;
        canvas.Clear(SKColors.White);
        canvas.Scale(Scale);
        using var paint = new SKPaint { IsAntialias = true, StrokeWidth = 1 };
        foreach (DrawnRectangle rectangle in drawing.Rectangles)
        {
            paint.Color = Colour(rectangle.Ink);
            canvas.DrawRect((float)rectangle.X, (float)rectangle.Y, (float)rectangle.Width, (float)rectangle.Height, paint);
        }
        foreach (DrawnLine line in drawing.Lines)
        {
            paint.Color = Colour(line.Ink);
            canvas.DrawPoints(SKPointMode.Polygon, [.. line.Points.Select(point => new SKPoint((float)point.X, (float)point.Y))], paint);
        }
        foreach (DrawnText text in drawing.Texts)
        {
            paint.Color = Colour(text.Ink);
            using var font = SkiaFont.Create(text.IsBold, (float)text.Size);
            SKTextAlign align = text.Anchor is Anchor.End ? SKTextAlign.Right : SKTextAlign.Left;
            canvas.DrawText(text.Text, (float)text.X, (float)text.Baseline, align, font, paint);
        }
        using SKImage image = surface.Snapshot();
        using SKData png = image.Encode(SKEncodedImageFormat.Png, quality: 100);
        png.SaveTo(stream);
    }

    private static SKColor Colour(Ink ink) => SKColor.Parse(InkColours.OnWhite(ink));
}
