using SkiaSharp;

namespace IlgpuResNet.Imaging;

/// <summary>The font of pictures, one of our own: SkiaSharp's build for Linux knows none of the machine's, and a machine may have none. Thread-safe.</summary>
internal static class SkiaFont
{
    private static readonly Lazy<SKTypeface> Regular = new(() => Load("Inter-Regular.woff"));
    private static readonly Lazy<SKTypeface> Bold = new(() => Load("Inter-Bold.woff"));

    /// <summary>The font in a size in pixels; letters have the same widths in every size.</summary>
    public static SKFont Create(bool isBold, float size) =>
        new(isBold ? Bold.Value : Regular.Value, size) { Subpixel = true, LinearMetrics = true, Hinting = SKFontHinting.None };

    private static SKTypeface Load(string name)
    {
        using Stream resource = typeof(SkiaFont).Assembly.GetManifestResourceStream(name)!;
        return SKTypeface.FromStream(resource);
    }
}
