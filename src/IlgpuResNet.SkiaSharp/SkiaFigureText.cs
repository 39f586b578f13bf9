using System.Text;
using IlgpuResNet.ActivationMaps;
using IlgpuResNet.Pixels;
using SkiaSharp;

namespace IlgpuResNet.Imaging;

/// <summary>Draws text into pixels with SkiaSharp. Thread-safe.</summary>
internal static class SkiaFigureText
{
    private const string Ellipsis = "…";

    /// <summary>Draws lines of text.</summary>
    /// <param name="canvas">Opaque RGBA pixels, <c>[height, width, 4]</c>.</param>
    /// <param name="width">Width in pixels.</param>
    /// <param name="height">Height in pixels.</param>
    /// <param name="ink">Colour of the text.</param>
    /// <param name="lines">The text.</param>
    /// <exception cref="ImageException">SkiaSharp's native library is missing.</exception>
    public static void Draw(Span<byte> canvas, int width, int height, Rgb ink, IEnumerable<TextLine> lines)
    {
        try
        {
            DrawCore(canvas, width, height, ink, lines);
        }
        catch (Exception e) when (e is DllNotFoundException or TypeInitializationException)
        {
            throw new ImageException(SkiaCodec.NoLibrary, e);
        }
    }

    private static unsafe void DrawCore(Span<byte> canvas, int width, int height, Rgb ink, IEnumerable<TextLine> lines)
    {
        fixed (byte* pixels = canvas)
        {
            var info = new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque);
            using SKSurface surface = SKSurface.Create(info, (nint)pixels, width * RgbaPixels.BytesPerPixel);
            using var paint = new SKPaint { Color = new SKColor(ink.Red, ink.Green, ink.Blue), IsAntialias = true };
            foreach (TextLine line in lines)
            {
                using SKFont font = SkiaFont.Create(line.IsBold, line.Size);
                // The embedded font has Latin letters only; the machine may have a font for others.
                if (Missing(line.Text, font) is { } letter && SKFontManager.Default.MatchCharacter(letter.Value) is { } other)
                    font.Typeface = other;
                surface.Canvas.DrawText(Fitted(line, font), line.X, line.Baseline, SKTextAlign.Left, font, paint);
            }
        }
    }

    private static Rune? Missing(string text, SKFont font)
    {
        foreach (Rune letter in text.EnumerateRunes())
        {
            if (!font.ContainsGlyph(letter.Value)) return letter;
        }
        return null;
    }

    private static string Fitted(TextLine line, SKFont font)
    {
        if (font.MeasureText(line.Text) <= line.MaxWidth) return line.Text;
        int length = line.Text.Length;
        while (length > 0 && font.MeasureText(line.Text[..length] + Ellipsis) > line.MaxWidth)
            length -= length > 1 && char.IsLowSurrogate(line.Text[length - 1]) ? 2 : 1;
        return line.Text[..length] + Ellipsis;
    }
}
