using IlgpuResNet.Files;


namespace IlgpuResNet.Imaging;

/// <summary>What something in a drawing is for; a writer knows the colours.</summary>
internal enum Ink
{
    /// <summary>Words and numbers.</summary>
    Text,

    /// <summary>Words that explain others.</summary>
    Muted,

    /// <summary>Lines that help the eye.</summary>
    Grid,

    /// <summary>The first series of data.</summary>
    First,

    /// <summary>The second.</summary>
    Second,
}

/// <summary>Where a text lies of the point that it is given.</summary>
internal enum Anchor
{
    /// <summary>It begins there.</summary>
    Start,

    /// <summary>It ends there.</summary>
    End,
}

/// <summary>A filled rectangle, in pixels.</summary>
internal readonly record struct DrawnRectangle(double X, double Y, double Width, double Height, Ink Ink);

/// <summary>Straight lines from point to point, one pixel wide.</summary>
internal sealed record DrawnLine(IReadOnlyList<(double X, double Y)> Points, Ink Ink);

/// <summary>One line of text that stands on <paramref name="Baseline"/>, its letters <paramref name="Size"/> pixels high.</summary>
internal sealed record DrawnText(string Text, double X, double Baseline, double Size, Ink Ink, Anchor Anchor, bool IsBold);

/// <summary>
/// A chart: rectangles, lines and text, which <see cref="SvgDrawing"/> and <see cref="PngDrawing"/> write alike. Rectangles lie undermost, text on top.
/// </summary>
/// <param name="title">What it shows, for those who cannot see it.</param>
/// <param name="width">Width in pixels.</param>
/// <param name="height">Height in pixels.</param>
internal sealed class Drawing(string title, int width, int height)
{
    /// <summary>Width of a letter over its size: what a text of the fonts that readers have takes at most, on average.</summary>
    private const double LetterWidth = 0.6;

    private const char Ellipsis = '…';

    private readonly List<DrawnRectangle> rectangles = [];
    private readonly List<DrawnLine> lines = [];
    private readonly List<DrawnText> texts = [];

    public string Title { get; } = FileText.OneLine(title);
    public int Width { get; } = width;
    public int Height { get; } = height;
    public IReadOnlyList<DrawnRectangle> Rectangles => rectangles;
    public IReadOnlyList<DrawnLine> Lines => lines;
    public IReadOnlyList<DrawnText> Texts => texts;

    /// <summary>Pixels that a text takes, about: the fonts of those who will read it are not known.</summary>
    public static double WidthOf(string text, double size) => text.Length * size * LetterWidth;

    public void Rectangle(double x, double y, double width, double height, Ink ink) => rectangles.Add(new DrawnRectangle(x, y, width, height, ink));

    public void Line(Ink ink, params IReadOnlyList<(double X, double Y)> points) => lines.Add(new DrawnLine(points, ink));

    /// <summary>Text; of one that is longer than <paramref name="room"/> the middle is left out, for names of layers differ at both ends.</summary>
    public void Text(string text, double x, double baseline, double size, Ink ink = Ink.Text, Anchor anchor = Anchor.Start, bool isBold = false, double room = double.PositiveInfinity)
    {
        string fitted = text;
        if (WidthOf(text, size) > room)
        {
            int kept = Math.Max(2, (int)(room / (size * LetterWidth)) - 1), end = kept / 2;
            fitted = text[..(kept - end)] + Ellipsis + text[^end..];
        }
        // A cut may have parted a pair of surrogates, and names in files may hold anything.
        texts.Add(new DrawnText(FileText.OneLine(fitted), x, baseline, size, ink, anchor, isBold));
    }
}
