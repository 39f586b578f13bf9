using IlgpuResNet.Imaging;

namespace IlgpuResNet.Bench.Reports;

/// <summary>One bar.</summary>
/// <param name="Label">Its name, left of it.</param>
/// <param name="Value">Its length in the unit of the chart; not negative.</param>
/// <param name="Text">The value as text, right of it.</param>
/// <param name="Ink">Its colour.</param>
internal sealed record Bar(string Label, double Value, string Text, Ink Ink = Ink.First);

/// <summary>Horizontal bars from zero, as wide as a phone's screen, with every label and value written out.</summary>
internal static class BarChart
{
    /// <summary>CSS pixels of a phone held upright, less the page's margins.</summary>
    public const int Width = 360;

    private const int TitleSize = 14, TextSize = 12, Row = 19, BarHeight = 13, Gap = 6, Margin = 4;
    private const int TitleBaseline = 18, CaptionBaseline = 36, FirstRow = 46;

    /// <summary>Largest share of the width that labels take.</summary>
    private const double MostForLabels = 0.44;

    /// <summary>Draws a chart.</summary>
    /// <param name="title">The quantity that the bars show.</param>
    /// <param name="caption">Unit and conditions.</param>
    /// <param name="bars">At least one bar.</param>
    /// <param name="mark">A value that a line marks, such as the whole of a share; null for none.</param>
    public static Drawing Draw(string title, string caption, IReadOnlyList<Bar> bars, double? mark = null)
    {
        var drawing = new Drawing($"{title}, {caption}", Width, FirstRow + Row * bars.Count + Margin);
        drawing.Text(title, Margin, TitleBaseline, TitleSize, isBold: true, room: Width - 2 * Margin);
        drawing.Text(caption, Margin, CaptionBaseline, TextSize, Ink.Muted, room: Width - 2 * Margin);

        double labels = Math.Min(bars.Max(bar => Drawing.WidthOf(bar.Label, TextSize)), MostForLabels * Width);
        double values = bars.Max(bar => Drawing.WidthOf(bar.Text, TextSize));
        double left = Margin + labels + Gap, room = Width - Margin - values - Gap - left;
        double longest = Math.Max(bars.Max(bar => bar.Value), mark ?? 0), scale = longest > 0 ? room / longest : 0;
        for (int i = 0; i < bars.Count; i++)
        {
            Bar bar = bars[i];
            double top = FirstRow + i * Row, baseline = top + (BarHeight + TextSize * 0.72) / 2, length = bar.Value * scale;
            drawing.Text(bar.Label, left - Gap, baseline, TextSize, anchor: Anchor.End, room: labels);
            drawing.Rectangle(left, top, length, BarHeight, bar.Ink);
            drawing.Text(bar.Text, Width - Margin, baseline, TextSize, anchor: Anchor.End);
        }
        double bottom = FirstRow + bars.Count * Row - (Row - BarHeight);
        drawing.Line(Ink.Grid, (left, FirstRow), (left, bottom));
        if (mark is { } marked)
            drawing.Line(Ink.Muted, (left + marked * scale, FirstRow - Margin), (left + marked * scale, bottom + Margin));
        return drawing;
    }
}
