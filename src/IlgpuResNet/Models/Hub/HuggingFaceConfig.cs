using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using IlgpuResNet.Labels;

namespace IlgpuResNet.Models;

/// <summary>
/// Reads <c>config.json</c> and <c>preprocessor_config.json</c> of Hugging Face's <c>ResNetForImageClassification</c>. Image processors
/// prepare as those of transformers do: ConvNeXt's, which ResNet's checkpoints have, resizes the shorter side to size / crop_pct; others
/// resize the shorter side and crop, or stretch the image.
/// </summary>
internal static class HuggingFaceConfig
{
    private const double UsualCropShare = 224 / 256.0;

    /// <summary>ConvNeXt's processor crops images below this size, and stretches larger ones.</summary>
    private const int LeastStretched = 384;

    public static bool IsFor(ConfigObject config) => config.Text("model_type") is "resnet"
        || (config.Member("architectures") is { ValueKind: JsonValueKind.Array } names
            && names.EnumerateArray().Any(name => name.ValueKind == JsonValueKind.String
                && name.GetString()!.StartsWith("ResNet", StringComparison.Ordinal)));

    /// <summary>How images are prepared.</summary>
    /// <exception cref="WeightsException">A value is wrong, or asks for a preparation that there is not.</exception>
    public static ImagePreset Preset(ConfigObject processor)
    {
        if (processor.Flag("do_resize") is false) throw processor.Wrong("do_resize", "true", processor.Member("do_resize"));
        ImagePreset sizes = Sizes(processor);
        bool normalised = processor.Flag("do_normalize") is not false;
        var usual = new ImagePreset();
        return sizes with
        {
            Interpolation = Filter(processor),
            Channels = processor.Flag("do_flip_channel_order") is true ? ChannelOrder.Bgr : ChannelOrder.Rgb,
            Scale = processor.Flag("do_rescale") is false ? 1 : processor.Number("rescale_factor") ?? usual.Scale,
            Mean = normalised ? processor.Colours("image_mean") ?? usual.Mean : (0, 0, 0),
            Std = normalised ? processor.Colours("image_std") ?? usual.Std : (1, 1, 1),
        };
    }

    /// <summary>The names of <c>id2label</c>; null where the file has none, or only placeholders.</summary>
    public static ImmutableArray<string>? ClassNames(ConfigObject config)
    {
        if (config.Member("id2label") is not { } labels || JsonLabels.Names(labels) is not { } names) return null;
        string[] placeholders =
            [.. Enumerable.Range(0, names.Length).Select(index => string.Create(CultureInfo.InvariantCulture, $"LABEL_{index}"))];
        return names.SequenceEqual(placeholders) ? null : names;
    }

    /// <summary>Where the stride of a bottleneck is; null where the file does not say.</summary>
    /// <exception cref="WeightsException">The network computes what no variant does.</exception>
    public static ResNetVariant? Variant(ConfigObject config)
    {
        if (config.Text("hidden_act") is { } activation && activation != "relu")
            throw config.Wrong("hidden_act", "relu; export other networks as ONNX", config.Member("hidden_act"));
        if (config.Flag("downsample_in_first_stage") is true)
        {
            throw config.Wrong(
                "downsample_in_first_stage", "false; export other networks as ONNX", config.Member("downsample_in_first_stage"));
        }
        // A basic block has no choice.
        return config.Text("layer_type") is "basic" ? null
            : config.Flag("downsample_in_bottleneck") switch { true => ResNetVariant.V1, false => ResNetVariant.V15, null => null };
    }

    private static ImagePreset Sizes(ConfigObject processor)
    {
        string type = processor.Text("image_processor_type") ?? processor.Text("feature_extractor_type") ?? "";
        ConfigObject? size = processor.Object("size");
        int? side = size is { } sides ? sides.Side("shortest_edge") : processor.Side("size");
        (int Height, int Width)? crop = processor.Flag("do_center_crop") is false ? null : CropSize(processor);
        if (side is { } edge && (processor.Member("crop_pct") is not null || type.StartsWith("ConvNext", StringComparison.Ordinal)))
        {
            double share = processor.Number("crop_pct") ?? UsualCropShare;
            if (share is <= 0 or > 1) throw processor.Wrong("crop_pct", "a share of the image from 0 to 1", processor.Member("crop_pct"));
            return edge < LeastStretched
                ? new ImagePreset { ResizeSize = (int)(edge / share), CropSize = edge }
                : new ImagePreset { ResizeSize = edge, ResizeWidth = edge, CropSize = edge };
        }
        if (size is { } both && both.Side("height") is { } height && both.Side("width") is { } width)
            return Cropped(new ImagePreset { ResizeSize = height, ResizeWidth = width }, crop ?? (height, width));
        if (side is not { } shorter)
            throw processor.Wrong("size", "a number, or an object with shortest_edge or height and width", processor.Member("size"));
        // Before sizes were objects, a number alone stood for a square that the image is stretched to.
        return crop is null && size is null
            ? new ImagePreset { ResizeSize = shorter, ResizeWidth = shorter, CropSize = shorter }
            : Cropped(new ImagePreset { ResizeSize = shorter }, crop ?? (shorter, shorter));
    }

    private static ImagePreset Cropped(ImagePreset resized, (int Height, int Width) crop) =>
        resized with { CropSize = crop.Height, CropWidth = crop.Width == crop.Height ? null : crop.Width };

    private static (int Height, int Width)? CropSize(ConfigObject processor)
    {
        if (processor.Object("crop_size") is not { } size) return processor.Side("crop_size") is { } side ? (side, side) : null;
        return size.Side("height") is { } height && size.Side("width") is { } width
            ? (height, width)
            : throw processor.Wrong("crop_size", "a number, or an object with height and width", processor.Member("crop_size"));
    }

    /// <summary>The filter by Pillow's number.</summary>
    private static Interpolation Filter(ConfigObject processor) => processor.Number("resample") switch
    {
        null => Interpolation.Bilinear,
        0 => Interpolation.Nearest,
        1 => Interpolation.Lanczos,
        2 => Interpolation.Bilinear,
        3 => Interpolation.Bicubic,
        4 => Interpolation.Box,
        5 => Interpolation.Hamming,
        _ => throw processor.Wrong("resample", "a number of Pillow's filters from 0 to 5", processor.Member("resample")),
    };
}
