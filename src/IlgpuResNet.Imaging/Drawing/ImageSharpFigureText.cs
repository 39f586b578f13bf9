using IlgpuResNet.ActivationMaps;

namespace IlgpuResNet.Imaging;

/// <summary>Text in pictures takes another package, SixLabors.ImageSharp.Drawing: a build with ImageSharp leaves it out.</summary>
internal static class FigureText
{
    /// <summary>Draws nothing.</summary>
    public static void Draw(Span<byte> canvas, int width, int height, Rgb ink, IEnumerable<TextLine> lines)
    {
    }
}
