using System.Collections.Immutable;
using System.Text;

namespace IlgpuResNet.Imaging;

/// <summary>Writes drawings as PNG or SVG files, by the extension of the file's name.</summary>
internal static class DrawingFile
{
    private const string Png = ".png", Svg = ".svg";

    /// <summary>Extensions that are supported, in lower case.</summary>
    public static ImmutableArray<string> Extensions { get; } = [Png, Svg];

    /// <summary>Writes a file. An existing file is replaced whole or left unchanged.</summary>
    /// <exception cref="ImageException">The image cannot be rendered or written.</exception>
    public static void Save(Drawing drawing, string path) => ImageFile.Write(path, stream =>
    {
        if (Path.GetExtension(path).Equals(Png, StringComparison.OrdinalIgnoreCase)) PngDrawing.Write(drawing, stream);
        else stream.Write(Encoding.UTF8.GetBytes(SvgDrawing.Write(drawing, paper: true).ToString()));
    });
}
