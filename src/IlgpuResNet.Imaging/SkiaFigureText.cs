using System.Text;
using SkiaSharp;

namespace IlgpuResNet.Imaging;

/// <summary>Draws text into pictures, by SkiaSharp with a font of the machine. Thread-safe.</summary>
internal static class FigureText
{
    private const string Ellipsis = "…";
    private const int FolderDepth = 5;

    /// <summary>
    /// Where Linux has its fonts: SkiaSharp's library without dependencies does not ask fontconfig, and knows none there.
    /// Windows and macOS have font managers.
    /// </summary>
    private static readonly string[] FontFolders =
    [
        "/usr/share/fonts", "/usr/local/share/fonts", Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData), "fonts"),
    ];

    /// <summary>Plain fonts that are common there, the one with the most letters first; any other is better than none.</summary>
    private static readonly string[] FontFiles = ["DejaVuSans.ttf", "NotoSans-Regular.ttf", "LiberationSans-Regular.ttf", "FreeSans.ttf"];

    private static readonly Lazy<SKTypeface?> Usual = new(Find);

    /// <summary>False where there is no font, and pictures have no text.</summary>
    public static bool IsAvailable => Usual.Value is not null;

    /// <summary>Draws lines of text.</summary>
    /// <param name="canvas">Opaque RGBA pixels, <c>[height, width, 4]</c>.</param>
    /// <param name="width">Width in pixels.</param>
    /// <param name="height">Height in pixels.</param>
    /// <param name="ink">Colour of the text.</param>
    /// <param name="lines">The text.</param>
    public static unsafe void Draw(Span<byte> canvas, int width, int height, Rgb ink, IEnumerable<TextLine> lines)
    {
        if (Usual.Value is not { } usual) return;
        fixed (byte* pixels = canvas)
        {
            using SKSurface surface = SKSurface.Create(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque), (nint)pixels, width * RgbaPixels.BytesPerPixel);
            using var paint = new SKPaint { Color = new SKColor(ink.Red, ink.Green, ink.Blue), IsAntialias = true };
            foreach (TextLine line in lines)
            {
                using var font = new SKFont(usual, line.Size) { Subpixel = true, Embolden = line.IsBold };
                if (Missing(line.Text, font) is { } letter && SKFontManager.Default.MatchCharacter(letter.Value) is { } other) font.Typeface = other;
                surface.Canvas.DrawText(Fitted(line, font), line.X, line.Baseline, SKTextAlign.Left, font, paint);
            }
        }
    }

    private static SKTypeface? Find()
    {
        try
        {
            if (SKTypeface.Default.GlyphCount > 0) return SKTypeface.Default;
        }
        catch (Exception e) when (e is DllNotFoundException or TypeInitializationException)
        {
            // A picture in memory needs no library; whoever saves it is told of it.
            return null;
        }
        var everywhere = new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = FolderDepth, IgnoreInaccessible = true };
        string[] files = [.. FontFolders.Where(Path.IsPathRooted).Where(Directory.Exists).SelectMany(folder => Directory.EnumerateFiles(folder, "*.?t?", everywhere))];
        Array.Sort(files, StringComparer.Ordinal);
        return files.OrderBy(file => Rank(Path.GetFileName(file))).Select(file => SKTypeface.FromFile(file)).FirstOrDefault(typeface => typeface is not null);

        static int Rank(string name) => Array.IndexOf(FontFiles, name) is >= 0 and int rank ? rank : FontFiles.Length;
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
        while (length > 0 && font.MeasureText(line.Text[..length] + Ellipsis) > line.MaxWidth) length -= length > 1 && char.IsLowSurrogate(line.Text[length - 1]) ? 2 : 1;
        return line.Text[..length] + Ellipsis;
    }
}
