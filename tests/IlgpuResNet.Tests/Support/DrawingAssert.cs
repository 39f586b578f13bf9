using IlgpuResNet.Imaging;

namespace IlgpuResNet.Tests;

/// <summary>Checks that hold for every drawing.</summary>
internal static class DrawingAssert
{
    /// <summary>Nothing reaches beyond the edges, text neither, and all of it is valid XML.</summary>
    public static void IsInside(Drawing drawing)
    {
        StringAssert.StartsWith(SvgDrawing.Write(drawing, paper: true).ToString(), "<svg ");
        foreach (DrawnRectangle rectangle in drawing.Rectangles)
        {
            Assert.IsGreaterThanOrEqualTo(0, rectangle.Width);
            Assert.IsLessThanOrEqualTo(drawing.Width, rectangle.X + rectangle.Width);
            Assert.IsLessThanOrEqualTo(drawing.Height, rectangle.Y + rectangle.Height);
        }
        foreach ((double x, double y) in drawing.Lines.SelectMany(line => line.Points))
        {
            Assert.IsTrue(x >= 0 && x <= drawing.Width && y >= 0 && y <= drawing.Height, $"({x}, {y})");
        }
        foreach (DrawnText text in drawing.Texts)
        {
            double width = Drawing.WidthOf(text.Text, text.Size), left = text.Anchor is Anchor.End ? text.X - width : text.X;
            Assert.IsGreaterThanOrEqualTo(0, left, text.Text);
            Assert.IsLessThanOrEqualTo(drawing.Width, left + width, text.Text);
            Assert.IsLessThanOrEqualTo(drawing.Height, text.Baseline, text.Text);
        }
    }
}
