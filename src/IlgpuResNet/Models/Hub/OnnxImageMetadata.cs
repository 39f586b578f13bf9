using System.Collections.Immutable;
using System.Text.RegularExpressions;

namespace IlgpuResNet.Models;

/// <summary>
/// Metadata of ONNX files that say how images are prepared: Windows ML's <c>Image.</c> entries (of Custom Vision and WinMLTools), and
/// Ultralytics' <c>names</c>, <c>task</c> and <c>imgsz</c>.
/// </summary>
internal static partial class OnnxImageMetadata
{
    private const string PixelFormat = "Image.BitmapPixelFormat";
    private const string PixelRange = "Image.NominalPixelRange";

    /// <summary>The preset that the metadata states; null where it states none.</summary>
    /// <param name="metadata">Metadata of the file.</param>
    /// <param name="size">Height and width of the file's input, or null where they are open.</param>
    /// <param name="usual">Preset whose crop is the size where neither the file nor the metadata states one.</param>
    public static ImagePreset? Preset(IReadOnlyDictionary<string, string> metadata, (int Height, int Width)? size, ImagePreset usual)
    {
        if (metadata.ContainsKey(PixelFormat) || metadata.ContainsKey(PixelRange)) return Windows(metadata, size ?? usual.InputSize);
        return metadata.GetValueOrDefault("task") is "classify" && metadata.ContainsKey("names")
            ? Covering(size ?? Sides(metadata.GetValueOrDefault("imgsz")) ?? usual.InputSize, 1 / 255.0, offset: 0, divisor: 1)
            : null;
    }

    /// <summary>The names of Ultralytics' metadata, as many as there are classes; null where there are none.</summary>
    public static ImmutableArray<string>? ClassNames(IReadOnlyDictionary<string, string> metadata, int count) =>
        metadata.TryGetValue("names", out string? text) && PythonNames.Parse(text) is { } names && names.Length == count ? names : null;

    private static ImagePreset Windows(IReadOnlyDictionary<string, string> metadata, (int, int) size)
    {
        // x * scale, less the offset, through the divisor.
        ImagePreset preset = metadata.GetValueOrDefault(PixelRange) switch
        {
            "Normalized_0_1" => Covering(size, 1 / 255.0, 0, 1),
            "Normalized_1_1" => Covering(size, 1 / 255.0, 0.5f, 0.5f),
            "NominalRange_16_235" => Covering(size, 219 / 255.0, -16, 1),
            _ => Covering(size, 1, 0, 1),
        };
        bool blueFirst = metadata.GetValueOrDefault(PixelFormat)?.StartsWith("Bgr", StringComparison.OrdinalIgnoreCase) is true;
        return preset with { Channels = blueFirst ? ChannelOrder.Bgr : ChannelOrder.Rgb };
    }

    /// <summary>Images are scaled until they cover the input, and what stands out is cut off: no margin is resized in vain.</summary>
    private static ImagePreset Covering((int Height, int Width) size, double scale, float offset, float divisor) => new()
    {
        ResizeSize = size.Height,
        CropSize = size.Height,
        CropWidth = size.Width == size.Height ? null : size.Width,
        Scale = scale,
        Mean = (offset, offset, offset),
        Std = (divisor, divisor, divisor),
    };

    private static (int Height, int Width)? Sides(string? text) =>
        text is not null && SidesPattern().Match(text) is { Success: true } match
            ? (int.Parse(match.Groups[1].ValueSpan), int.Parse(match.Groups[2].ValueSpan))
            : null;

    [GeneratedRegex(@"^\[([1-9][0-9]{0,3}), ?([1-9][0-9]{0,3})\]\z")]
    private static partial Regex SidesPattern();
}
