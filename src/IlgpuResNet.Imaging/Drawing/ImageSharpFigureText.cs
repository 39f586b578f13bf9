using IlgpuResNet.ActivationMaps;

namespace IlgpuResNet.Imaging;

/// <summary>Draws no text: that needs another package, SixLabors.ImageSharp.Drawing, which a build with ImageSharp does not use.</summary>
internal static class FigureText
{
    /// <summary>Draws nothing.</summary>
    public static void Draw(Span<byte> canvas, int width, int height, Rgb ink, IEnumerable<TextLine> lines)
    {
    }
}
