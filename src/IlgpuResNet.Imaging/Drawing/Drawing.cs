using IlgpuResNet.Files;

namespace IlgpuResNet.Imaging;

/// <summary>Role of an element of a drawing; a writer chooses its colour.</summary>
internal enum Ink
{
    /// <summary>Text and numbers.</summary>
    Text,

    /// <summary>Explanatory text.</summary>
    Muted,

    /// <summary>Grid lines.</summary>
    Grid,

    /// <summary>First series of data.</summary>
    First,

    /// <summary>Second series of data.</summary>
    Second,
}

/// <summary>Position of a text relative to its point.</summary>
internal enum Anchor
{
    /// <summary>The text begins at the point.</summary>
    Start,

    /// <summary>The text ends at the point.</summary>
    End,
}

/// <summary>A filled rectangle, in pixels.</summary>
internal readonly record struct DrawnRectangle(double X, double Y, double Width, double Height, Ink Ink);

/// <summary>Straight lines from point to point, one pixel wide.</summary>
internal sealed record DrawnLine(IReadOnlyList<(double X, double Y)> Points, Ink Ink);

/// <summary>One line of text on <paramref name="Baseline"/>, with a font of <paramref name="Size"/> pixels.</summary>
internal sealed record DrawnText(string Text, double X, double Baseline, double Size, Ink Ink, Anchor Anchor, bool IsBold);

/// <summary>
/// A chart of rectangles, lines and text, which <see cref="SvgDrawing"/> and <see cref="PngDrawing"/> render alike. Rectangles are drawn
/// first, text last.
/// </summary>
/// <param name="title">Description of the chart for screen readers.</param>
/// <param name="width">Width in pixels.</param>
/// <param name="height">Height in pixels.</param>
internal sealed class Drawing(string title, int width, int height)
{
    /// <summary>
    /// Upper estimate of the average width of a letter, as a fraction of the font size: the reader's fonts are not known.
    /// </summary>
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

    /// <summary>Estimates the width of a text in pixels; the reader's fonts are not known.</summary>
    public static double WidthOf(string text, double size) => text.Length * size * LetterWidth;

    public void Rectangle(double x, double y, double width, double height, Ink ink) =>
        rectangles.Add(new DrawnRectangle(x, y, width, height, ink));

    public void Line(Ink ink, params IReadOnlyList<(double X, double Y)> points) => lines.Add(new DrawnLine(points, ink));

    /// <summary>
    /// Adds a text. If it is longer than <paramref name="room"/> pixels, its middle is left out, because names of layers differ at both
    /// ends.
    /// </summary>
    public void Text(
        string text,
        double x,
        double baseline,
        double size,
        Ink ink = Ink.Text,
        Anchor anchor = Anchor.Start,
        bool isBold = false,
        double room = double.PositiveInfinity)
    {
        string fitted = text;
        if (WidthOf(text, size) > room)
        {
            int kept = Math.Max(2, (int)(room / (size * LetterWidth)) - 1), end = kept / 2;
            fitted = text[..(kept - end)] + Ellipsis + text[^end..];
        }
        // The cut may have split a surrogate pair, and names from files may hold anything.
        texts.Add(new DrawnText(FileText.OneLine(fitted), x, baseline, size, ink, anchor, isBold));
    }
}
