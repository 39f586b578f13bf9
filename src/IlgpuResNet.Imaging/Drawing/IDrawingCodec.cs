using IlgpuResNet.ActivationMaps;

namespace IlgpuResNet.Imaging;

/// <summary>Drawings with text, which an image library with fonts can render beside its work as a codec. Thread-safe.</summary>
internal interface IDrawingCodec
{
    /// <summary>Draws lines of text.</summary>
    /// <param name="canvas">Opaque RGBA pixels, <c>[height, width, 4]</c>.</param>
    /// <param name="width">Width in pixels.</param>
    /// <param name="height">Height in pixels.</param>
    /// <param name="ink">Colour of the text.</param>
    /// <param name="lines">The text.</param>
    /// <exception cref="ImageException">The library's native part is missing.</exception>
    void DrawText(Span<byte> canvas, int width, int height, Rgb ink, IEnumerable<TextLine> lines);

    /// <summary>Writes a drawing as a PNG whose width and height are <see cref="PngDrawing.Scale"/> times the drawing's.</summary>
    /// <exception cref="ImageException">The image is too large, or the library's native part is missing.</exception>
    /// <exception cref="IOException">The stream cannot be written.</exception>
    void WritePng(Drawing drawing, Stream stream);
}
