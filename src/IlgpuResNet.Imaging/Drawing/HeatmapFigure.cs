using System.Globalization;
using IlgpuResNet.ActivationMaps;
using IlgpuResNet.Files;
using IlgpuResNet.Imaging;
using IlgpuResNet.Pixels;

namespace IlgpuResNet;

/// <summary>
/// Draws a class activation map for people: a heat map of the image with the class, its probability and a legend. Thread-safe.
/// </summary>
public static class HeatmapFigure
{
    /// <summary>Images whose longer side is smaller are enlarged by a whole factor, so that the legend has room.</summary>
    private const int LeastSide = 320;

    private const int Ticks = 5;
    private const byte Paper = 0xFF;
    private const int TickDecimals = 2;
    private const int CaptionDecimals = 3;
    private const double LargestFixed = 10_000;
    private static readonly Rgb Ink = new(0x20, 0x20, 0x20);

    /// <summary>
    /// Draws the heat map of <see cref="ClassActivationMap.Overlay(PixelSpan, float)"/>, above it the class with its probability, beside it
    /// the colour scale in contributions to the logit, and below it how these add up to the logit. ImageSharp draws no text.
    /// </summary>
    /// <param name="map">Activation map of a class.</param>
    /// <param name="image">The image that was classified.</param>
    /// <returns>The figure, somewhat larger than the image, <see cref="PixelFormat.Rgba32"/> and opaque.</returns>
    /// <exception cref="ImageException">The image is too large for one array, or too narrow for the preset.</exception>
    public static PixelBuffer Draw(ClassActivationMap map, PixelSpan image)
    {
        ArgumentNullException.ThrowIfNull(map);
        int longer = Math.Max(image.Width, image.Height), factor = Math.Max(1, (LeastSide + longer - 1) / longer);
        PixelSpan enlarged = factor == 1
            ? image
            : new PixelSpan(RgbaPixels.Of(image, factor), image.Width * factor, image.Height * factor, PixelFormat.Rgba32);
        PixelBuffer overlay = map.Overlay(enlarged);
        var layout = new Layout(overlay.Width, overlay.Height);
        byte[] canvas = RgbaPixels.Allocate(layout.Width, layout.Height);
        canvas.AsSpan().Fill(Paper);
        DrawHeatMap(canvas, layout, overlay);
        DrawScale(canvas, layout, map);
        if (ImageFile.Codec is IDrawingCodec drawer)
            drawer.DrawText(canvas, layout.Width, layout.Height, Ink, Texts(layout, map));
        return new PixelBuffer(canvas, layout.Width, layout.Height, PixelFormat.Rgba32);
    }

    private static void DrawHeatMap(byte[] canvas, Layout layout, PixelBuffer overlay)
    {
        byte[] pixels = RgbaPixels.Of(overlay);
        int rowBytes = overlay.Width * RgbaPixels.BytesPerPixel;
        for (int y = 0; y < overlay.Height; y++)
            pixels.AsSpan(y * rowBytes, rowBytes).CopyTo(canvas.AsSpan(layout.Offset(layout.ImageX, layout.ImageY + y)));
    }

    /// <summary>Draws the colour bar, the largest value on top, and a short line for each tick.</summary>
    private static void DrawScale(byte[] canvas, Layout layout, ClassActivationMap map)
    {
        for (int y = 0; y < layout.ImageHeight; y++)
            Fill(canvas, layout, layout.BarX, layout.ImageY + y, layout.BarWidth, 1, Viridis.At(1 - (y + 0.5f) / layout.ImageHeight));
        foreach (float fraction in TickFractions(map))
        {
            int top = layout.TickY(fraction) - layout.Line / 2;
            Fill(canvas, layout, layout.BarX + layout.BarWidth, top, layout.TickLength, layout.Line, Ink);
        }
    }

    private static void Fill(byte[] canvas, Layout layout, int x, int y, int width, int height, Rgb colour)
    {
        for (int row = y; row < y + height; row++)
        {
            Span<byte> pixels = canvas.AsSpan(layout.Offset(x, row), width * RgbaPixels.BytesPerPixel);
            for (int i = 0; i < pixels.Length; i += RgbaPixels.BytesPerPixel)
                (pixels[i], pixels[i + 1], pixels[i + 2]) = (colour.Red, colour.Green, colour.Blue);
        }
    }

    private static IEnumerable<TextLine> Texts(Layout layout, ClassActivationMap map)
    {
        float width = layout.Width - layout.ImageX;
        string probability = map.Prediction.Probability.ToString("P1", CultureInfo.InvariantCulture);
        string title = $"{probability}  {FileText.Clean(map.Prediction.Label)}";
        yield return new TextLine(title, layout.ImageX, layout.TitleBaseline, layout.Em, width, IsBold: true);
        foreach (float fraction in TickFractions(map))
        {
            float x = layout.BarX + layout.BarWidth + 1.5f * layout.TickLength;
            string value = Number(map.Min + fraction * ((double)map.Max - map.Min), TickDecimals);
            float baseline = layout.TickY(fraction) + 0.35f * layout.SmallEm;
            yield return new TextLine(value, x, baseline, layout.SmallEm, layout.Width - x);
        }
        yield return new TextLine("Colour: contribution to the logit.", layout.ImageX, layout.CaptionBaseline, layout.SmallEm, width);
        string mean = map.PooledPixels == map.Height * map.Width ? "Mean of the map" : $"Sum of the map / {map.PooledPixels}";
        yield return new TextLine(
            $"{mean} {Number((double)map.Logit - map.Bias, CaptionDecimals)} + bias {Number(map.Bias, CaptionDecimals)} "
            + $"= logit {Number(map.Logit, CaptionDecimals)}",
            layout.ImageX, layout.CaptionBaseline + layout.LineHeight, layout.SmallEm, width);
    }

    /// <summary>Positions of ticks on the bar, 0 to 1: one in the middle when all values are equal, none when no value is finite.</summary>
    private static IEnumerable<float> TickFractions(ClassActivationMap map) =>
        float.IsNaN(map.Min) ? [] : map.Max > map.Min ? Enumerable.Range(0, Ticks).Select(i => i / (Ticks - 1f)) : [map.Fraction(map.Min)];

    /// <summary>Formats a number with fixed decimals, or with three digits where these would be all zero or too long.</summary>
    private static string Number(double value, int decimals)
    {
        bool isFixed = value == 0 || (Math.Abs(value) >= Math.Pow(10, -decimals) && Math.Abs(value) < LargestFixed);
        return value.ToString(isFixed ? $"F{decimals}" : "G3", CultureInfo.InvariantCulture);
    }

    /// <summary>Positions of all parts, in pixels; the text size grows with the image.</summary>
    private readonly struct Layout(int imageWidth, int imageHeight)
    {
        private const int LeastEm = 15;
        private const int EmsPerSide = 36;

        /// <summary>Width of the longest caption, in ems.</summary>
        private const int LeastEms = 25;

        public int Em { get; } = Math.Max(LeastEm, Math.Max(imageWidth, imageHeight) / EmsPerSide);
        public int SmallEm => Em * 4 / 5;
        public int LineHeight => Em * 5 / 4;
        public int Line => Math.Max(1, Em / 12);
        public int TickLength => Em / 3;
        public int ImageX => Em * 3 / 4;
        public int ImageY => ImageX + LineHeight;
        public int ImageHeight => imageHeight;
        public int BarX => ImageX + imageWidth + Em * 3 / 4;
        public int BarWidth => Em;
        public int TitleBaseline => ImageX + Em * 3 / 4;
        public int CaptionBaseline => ImageY + imageHeight + LineHeight;
        public int Width => Math.Max(BarX + BarWidth + 4 * Em, LeastEms * Em);
        public int Height => CaptionBaseline + LineHeight + Em * 3 / 4;

        /// <summary>Row of a value beside the bar, whose outermost rows are the ends of the scale.</summary>
        public int TickY(float fraction) => ImageY + (int)MathF.Round((1 - fraction) * (imageHeight - 1));

        /// <summary>Offset of a pixel in the canvas, in bytes.</summary>
        public int Offset(int x, int y) => (y * Width + x) * RgbaPixels.BytesPerPixel;
    }
}

/// <summary>One line of text in a figure.</summary>
/// <param name="Text">The text; its end is cut where it is too long.</param>
/// <param name="X">Column where the text begins, in pixels.</param>
/// <param name="Baseline">Row of the text's baseline.</param>
/// <param name="Size">Size of the font, in pixels.</param>
/// <param name="MaxWidth">Largest width, in pixels.</param>
/// <param name="IsBold">True for bold letters.</param>
internal readonly record struct TextLine(string Text, float X, float Baseline, float Size, float MaxWidth, bool IsBold = false);
