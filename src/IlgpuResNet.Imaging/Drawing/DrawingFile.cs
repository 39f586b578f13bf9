using System.Collections.Immutable;
using System.Text;

namespace IlgpuResNet.Imaging;

/// <summary>Drawings as files, PNG or SVG as the file's name ends.</summary>
internal static class DrawingFile
{
    private const string Png = ".png", Svg = ".svg";

    /// <summary>How the name of a file may end.</summary>
    public static ImmutableArray<string> Extensions { get; } = [Png, Svg];

    /// <summary>Writes a file; an old one is replaced whole or left as it was.</summary>
    /// <exception cref="ImageException">The picture cannot be made or written.</exception>
    public static void Save(Drawing drawing, string path) => ImageFile.Write(path, stream =>
    {
        if (Path.GetExtension(path).Equals(Png, StringComparison.OrdinalIgnoreCase)) PngDrawing.Write(drawing, stream);
        else stream.Write(Encoding.UTF8.GetBytes(SvgDrawing.Write(drawing, paper: true).ToString()));
    });
}
