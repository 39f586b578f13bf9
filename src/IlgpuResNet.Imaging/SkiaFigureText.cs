using System.Text;
using SkiaSharp;

namespace IlgpuResNet.Imaging;

/// <summary>Draws text into pictures, by SkiaSharp with a font of the machine; where there is none, the picture has no text.</summary>
internal static class FigureText
{
    private const string Ellipsis = "…";

    /// <param name="canvas">Opaque RGBA pixels, <c>[height, width, 4]</c>.</param>
    /// <param name="width">Width in pixels.</param>
    /// <param name="height">Height in pixels.</param>
    /// <param name="ink">Colour of the text.</param>
    /// <param name="lines">The text.</param>
    public static unsafe void Draw(Span<byte> canvas, int width, int height, Rgb ink, IEnumerable<TextLine> lines)
    {
        fixed (byte* pixels = canvas)
        {
            using SKSurface surface = SKSurface.Create(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque), (nint)pixels, width * RgbaPixels.BytesPerPixel);
            using var paint = new SKPaint { Color = new SKColor(ink.Red, ink.Green, ink.Blue), IsAntialias = true };
            foreach (TextLine line in lines)
            {
                using SKTypeface typeface = TypefaceFor(line);
                using var font = new SKFont(typeface, line.Size) { Subpixel = true };
                surface.Canvas.DrawText(Fitted(line, font), line.X, line.Baseline, SKTextAlign.Left, font, paint);
            }
        }
    }

    /// <summary>The usual typeface, or one that has a letter which that lacks.</summary>
    private static SKTypeface TypefaceFor(TextLine line)
    {
        SKFontStyle style = line.IsBold ? SKFontStyle.Bold : SKFontStyle.Normal;
        SKTypeface usual = SKTypeface.FromFamilyName(null, style);
        using var font = new SKFont(usual);
        foreach (Rune letter in line.Text.EnumerateRunes())
        {
            if (font.ContainsGlyph(letter.Value)) continue;
            if (SKFontManager.Default.MatchCharacter(null, style, null, letter.Value) is not { } other) break;
            usual.Dispose();
            return other;
        }
        return usual;
    }

    private static string Fitted(TextLine line, SKFont font)
    {
        if (font.MeasureText(line.Text) <= line.MaxWidth) return line.Text;
        int length = line.Text.Length;
        while (length > 0 && font.MeasureText(line.Text[..length] + Ellipsis) > line.MaxWidth) length -= length > 1 && char.IsLowSurrogate(line.Text[length - 1]) ? 2 : 1;
        return line.Text[..length] + Ellipsis;
    }
}
