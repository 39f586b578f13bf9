using SkiaSharp;

namespace IlgpuResNet.Imaging;

/// <summary>
/// The embedded font of figures and charts: SkiaSharp's build for Linux finds no fonts of the machine, and a machine may have none.
/// Thread-safe.
/// </summary>
internal static class SkiaFont
{
    private static readonly Lazy<SKTypeface> Regular = new(() => Load("Inter-Regular.woff"));
    private static readonly Lazy<SKTypeface> Bold = new(() => Load("Inter-Bold.woff"));

    /// <summary>Creates the font in a size in pixels; letters have the same relative widths in every size.</summary>
    public static SKFont Create(bool isBold, float size) =>
        new(isBold ? Bold.Value : Regular.Value, size) { Subpixel = true, LinearMetrics = true, Hinting = SKFontHinting.None };

    private static SKTypeface Load(string name)
    {
        using Stream resource = typeof(SkiaFont).Assembly.GetManifestResourceStream(name)!;
        return SKTypeface.FromStream(resource);
    }
}
