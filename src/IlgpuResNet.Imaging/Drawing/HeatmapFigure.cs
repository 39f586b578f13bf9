using System.Globalization;
using IlgpuResNet.ActivationMaps;
using IlgpuResNet.Files;
using IlgpuResNet.Imaging;
using IlgpuResNet.Pixels;

namespace IlgpuResNet;

/// <summary>A class activation map as a picture to look at: the photo with the map over it, the class, and a legend. Thread-safe.</summary>
public static class HeatmapFigure
{
    /// <summary>A photo whose longer side is below this is enlarged by a whole factor, so that its legend has room.</summary>
    private const int LeastSide = 320;

    private const int Ticks = 5;
    private const byte Paper = 0xFF;
    private const int TickDecimals = 2;
    private const int CaptionDecimals = 3;
    private const double LargestFixed = 10_000;
    private static readonly Rgb Ink = new(0x20, 0x20, 0x20);

    /// <summary>
    /// Draws <see cref="ClassActivationMap.Overlay(PixelSpan, float)"/>, above it the class with its probability, beside it the colours
    /// with their values, which are contributions to the logit, and below it how they make up the logit. Builds with ImageSharp draw no text.
    /// </summary>
    /// <param name="map">The map.</param>
    /// <param name="photo">The photo that it was made of.</param>
    /// <returns>A picture that is somewhat larger than the photo, <see cref="PixelFormat.Rgba32"/> and opaque.</returns>
    /// <exception cref="ImageException">The photo is too large for that.</exception>
    public static PixelBuffer Draw(ClassActivationMap map, PixelSpan photo)
    {
        ArgumentNullException.ThrowIfNull(map);
        int longer = Math.Max(photo.Width, photo.Height), factor = Math.Max(1, (LeastSide + longer - 1) / longer);
        var enlarged = factor == 1 ? photo : new PixelSpan(RgbaPixels.Of(photo, factor), photo.Width * factor, photo.Height * factor, PixelFormat.Rgba32);
        PixelBuffer overlay = map.Overlay(enlarged);
        var layout = new Layout(overlay.Width, overlay.Height);
        byte[] canvas = RgbaPixels.Allocate(layout.Width, layout.Height);
        canvas.AsSpan().Fill(Paper);
        DrawPhoto(canvas, layout, overlay);
        DrawColours(canvas, layout, map);
        FigureText.Draw(canvas, layout.Width, layout.Height, Ink, Texts(layout, map));
        return new PixelBuffer(canvas, layout.Width, layout.Height, PixelFormat.Rgba32);
    }

    private static void DrawPhoto(byte[] canvas, Layout layout, PixelBuffer overlay)
    {
        byte[] pixels = RgbaPixels.Of(overlay);
        int rowBytes = overlay.Width * RgbaPixels.BytesPerPixel;
        for (int y = 0; y < overlay.Height; y++)
            pixels.AsSpan(y * rowBytes, rowBytes).CopyTo(canvas.AsSpan(layout.Offset(layout.PhotoX, layout.PhotoY + y)));
    }

    /// <summary>The bar, the largest value on top, and a short line for each tick.</summary>
    private static void DrawColours(byte[] canvas, Layout layout, ClassActivationMap map)
    {
        for (int y = 0; y < layout.PhotoHeight; y++)
            Fill(canvas, layout, layout.BarX, layout.PhotoY + y, layout.BarWidth, 1, Viridis.At(1 - (y + 0.5f) / layout.PhotoHeight));
        foreach (float fraction in TickFractions(map))
            Fill(canvas, layout, layout.BarX + layout.BarWidth, layout.TickY(fraction) - layout.Line / 2, layout.TickLength, layout.Line, Ink);
    }

    private static void Fill(byte[] canvas, Layout layout, int x, int y, int width, int height, Rgb colour)
    {
        for (int row = y; row < y + height; row++)
        {
            Span<byte> pixels = canvas.AsSpan(layout.Offset(x, row), width * RgbaPixels.BytesPerPixel);
            for (int i = 0; i < pixels.Length; i += RgbaPixels.BytesPerPixel) (pixels[i], pixels[i + 1], pixels[i + 2]) = (colour.Red, colour.Green, colour.Blue);
        }
    }

    private static IEnumerable<TextLine> Texts(Layout layout, ClassActivationMap map)
    {
        float width = layout.Width - layout.PhotoX;
        string probability = map.Prediction.Probability.ToString("P1", CultureInfo.InvariantCulture);
        yield return new TextLine($"{probability}  {FileText.OneLine(map.Prediction.Label)}", layout.PhotoX, layout.TitleBaseline, layout.Em, width, IsBold: true);
        foreach (float fraction in TickFractions(map))
        {
            float x = layout.BarX + layout.BarWidth + 1.5f * layout.TickLength;
            yield return new TextLine(Number(map.Min + fraction * ((double)map.Max - map.Min), TickDecimals), x, layout.TickY(fraction) + 0.35f * layout.SmallEm, layout.SmallEm, layout.Width - x);
        }
        yield return new TextLine("Colour: contribution to the logit.", layout.PhotoX, layout.CaptionBaseline, layout.SmallEm, width);
        string mean = map.PooledPixels == map.Height * map.Width ? "Mean of the map" : $"Sum of the map / {map.PooledPixels}";
        yield return new TextLine(
            $"{mean} {Number((double)map.Logit - map.Bias, CaptionDecimals)} + bias {Number(map.Bias, CaptionDecimals)} = logit {Number(map.Logit, CaptionDecimals)}",
            layout.PhotoX, layout.CaptionBaseline + layout.LineHeight, layout.SmallEm, width);
    }

    /// <summary>Where values stand beside the bar; in the middle when there is but one, nowhere when none is a number.</summary>
    private static IEnumerable<float> TickFractions(ClassActivationMap map) =>
        float.IsNaN(map.Min) ? [] : map.Max > map.Min ? Enumerable.Range(0, Ticks).Select(i => i / (Ticks - 1f)) : [map.Fraction(map.Min)];

    /// <summary>A number with fixed decimals, or three digits where these would show nothing or take too much room.</summary>
    private static string Number(double value, int decimals)
    {
        bool isFixed = value == 0 || (Math.Abs(value) >= Math.Pow(10, -decimals) && Math.Abs(value) < LargestFixed);
        return value.ToString(isFixed ? $"F{decimals}" : "G3", CultureInfo.InvariantCulture);
    }

    /// <summary>Where everything is, in pixels; text grows with the photo.</summary>
    private readonly struct Layout(int photoWidth, int photoHeight)
    {
        private const int LeastEm = 15;
        private const int EmsPerSide = 36;

        /// <summary>Room for the longest caption.</summary>
        private const int LeastEms = 25;

        public int Em { get; } = Math.Max(LeastEm, Math.Max(photoWidth, photoHeight) / EmsPerSide);
        public int SmallEm => Em * 4 / 5;
        public int LineHeight => Em * 5 / 4;
        public int Line => Math.Max(1, Em / 12);
        public int TickLength => Em / 3;
        public int PhotoX => Em * 3 / 4;
        public int PhotoY => PhotoX + LineHeight;
        public int PhotoHeight => photoHeight;
        public int BarX => PhotoX + photoWidth + Em * 3 / 4;
        public int BarWidth => Em;
        public int TitleBaseline => PhotoX + Em * 3 / 4;
        public int CaptionBaseline => PhotoY + photoHeight + LineHeight;
        public int Width => Math.Max(BarX + BarWidth + 4 * Em, LeastEms * Em);
        public int Height => CaptionBaseline + LineHeight + Em * 3 / 4;

        /// <summary>Row of a value beside the bar, of which the ends are its outermost rows.</summary>
        public int TickY(float fraction) => PhotoY + (int)MathF.Round((1 - fraction) * (photoHeight - 1));

        /// <summary>Place of a pixel in the canvas.</summary>
        public int Offset(int x, int y) => (y * Width + x) * RgbaPixels.BytesPerPixel;
    }
}

/// <summary>One line of text in a picture.</summary>
/// <param name="Text">The text; its end is left out where it is too long.</param>
/// <param name="X">Where it begins, in pixels.</param>
/// <param name="Baseline">The row on which its letters stand.</param>
/// <param name="Size">Size of the font, in pixels.</param>
/// <param name="MaxWidth">The most pixels that it may take.</param>
/// <param name="IsBold">True for bold letters.</param>
internal readonly record struct TextLine(string Text, float X, float Baseline, float Size, float MaxWidth, bool IsBold = false);
