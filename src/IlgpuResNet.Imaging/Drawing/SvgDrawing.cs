using System.Globalization;
using System.Xml.Linq;

namespace IlgpuResNet.Imaging;

/// <summary>
/// Renders drawings as SVG with the reader's own fonts. Colours suit a white page; a page that embeds the drawing can override them with
/// <c>--ink-text</c>, <c>--ink-muted</c>, <c>--ink-grid</c>, <c>--ink-first</c> and <c>--ink-second</c>.
/// </summary>
internal static class SvgDrawing
{
    private static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    /// <summary>Renders an element for an HTML page or for a file of its own.</summary>
    /// <param name="drawing">Drawing to render.</param>
    /// <param name="paper">True to paint the ground white, for a file of its own.</param>
    public static XElement Write(Drawing drawing, bool paper)
    {
        var root = new XElement(
            Svg + "svg", new XAttribute("viewBox", $"0 0 {Number(drawing.Width)} {Number(drawing.Height)}"),
            new XAttribute("width", Number(drawing.Width)), new XAttribute("height", Number(drawing.Height)),
            new XAttribute("font-family", "system-ui, sans-serif"), new XAttribute("role", "img"),
            new XElement(Svg + "title", drawing.Title));
        if (paper)
        {
            root.Add(new XElement(
                Svg + "rect", new XAttribute("width", "100%"), new XAttribute("height", "100%"), new XAttribute("fill", "#fff")));
        }
        root.Add(drawing.Rectangles.Select(rectangle => new XElement(
            Svg + "rect", new XAttribute("x", Number(rectangle.X)), new XAttribute("y", Number(rectangle.Y)),
            new XAttribute("width", Number(rectangle.Width)), new XAttribute("height", Number(rectangle.Height)),
            Style("fill", rectangle.Ink))));
        root.Add(drawing.Lines.Select(line => new XElement(
            Svg + "polyline",
            new XAttribute("points", string.Join(' ', line.Points.Select(point => $"{Number(point.X)},{Number(point.Y)}"))),
            new XAttribute("fill", "none"), Style("stroke", line.Ink))));
        root.Add(drawing.Texts.Select(text => new XElement(
            Svg + "text", new XAttribute("x", Number(text.X)), new XAttribute("y", Number(text.Baseline)),
            new XAttribute("font-size", Number(text.Size)),
            text.Anchor is Anchor.End ? new XAttribute("text-anchor", "end") : null,
            text.IsBold ? new XAttribute("font-weight", "bold") : null,
            Style("fill", text.Ink), text.Text)));
        return root;
    }

    private static XAttribute Style(string property, Ink ink) =>
        new("style", $"{property}:var(--ink-{ink.ToString().ToLowerInvariant()},{InkColours.OnWhite(ink)})");

    private static string Number(double value) => value.ToString("0.##", CultureInfo.InvariantCulture);
}
