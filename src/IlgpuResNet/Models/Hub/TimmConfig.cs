using System.Collections.Immutable;
using System.Text.Json;
using IlgpuResNet.Labels;
using IlgpuResNet.Pixels;

namespace IlgpuResNet.Models;

/// <summary>
/// Reads <c>config.json</c> of timm's models on the hub: <c>pretrained_cfg</c> has the preparation of images as
/// <c>timm.data.resolve_data_config</c> reads it, with that function's defaults.
/// </summary>
internal static class TimmConfig
{
    private const string DataKey = "pretrained_cfg";
    private const double UsualCropShare = 0.875;
    private const int UsualSide = 224;

    public static bool IsFor(ConfigObject config) => config.Object(DataKey) is not null || config.Member("architecture") is not null;

    /// <summary>How images are prepared for validation.</summary>
    /// <exception cref="WeightsException">A value is wrong, or asks for a preparation that there is not.</exception>
    public static ImagePreset Preset(ConfigObject config)
    {
        // Older files have the members in the outer object.
        ConfigObject data = config.Object(DataKey) ?? config;
        (int height, int width) = InputSize(data);
        double share = data.Number("crop_pct") ?? UsualCropShare;
        if (share is <= 0 or > 1) throw data.Wrong("crop_pct", "a share of the image from 0 to 1", data.Member("crop_pct"));
        string mode = data.Text("crop_mode") ?? "center";
        if (mode is not ("center" or "squash")) throw data.Wrong("crop_mode", "center or squash", data.Member("crop_mode"));
        string filter = data.Text("interpolation") ?? "bicubic";
        var usual = new ImagePreset();
        return new ImagePreset
        {
            ResizeSize = (int)Math.Floor(height / share),
            ResizeWidth = mode == "squash" ? (int)Math.Floor(width / share) : null,
            CropSize = height,
            CropWidth = width == height ? null : width,
            // Training chose among the filters; timm validates such networks with bilinear.
            Interpolation = filter == "random" ? Interpolation.Bilinear : PresetNames.Interpolation(filter)
                ?? throw data.Wrong("interpolation", PresetNames.Interpolations, data.Member("interpolation")),
            Mean = data.Colours("mean") ?? usual.Mean,
            Std = data.Colours("std") ?? usual.Std,
        };
    }

    /// <summary>The descriptions of the classes, else their names; null where the file has none.</summary>
    public static ImmutableArray<string>? ClassNames(ConfigObject config)
    {
        ConfigObject data = config.Object(DataKey) ?? config;
        JsonElement? names = config.Member("label_names") ?? data.Member("label_names");
        if (names is not { } list || JsonLabels.Names(list) is not { } all) return null;
        JsonElement? descriptions = config.Member("label_descriptions") ?? data.Member("label_descriptions");
        if (descriptions is not { ValueKind: JsonValueKind.Object } texts) return all;
        return [.. all.Select(name =>
            texts.TryGetProperty(name, out JsonElement text) && text.ValueKind == JsonValueKind.String ? text.GetString()! : name)];
    }

    private static (int Height, int Width) InputSize(ConfigObject data)
    {
        if (data.Member("input_size") is not { } size) return (UsualSide, UsualSide);
        int[] sizes = size.ValueKind == JsonValueKind.Array
            ? [.. size.EnumerateArray().Select(item => item.ValueKind == JsonValueKind.Number && item.TryGetInt32(out int n) ? n : 0)]
            : [];
        return sizes is [_, > 0 and var height, > 0 and var width] && Math.Max(height, width) <= ConfigObject.LargestSide
            ? (height, width)
            : throw data.Wrong("input_size", "channels, height and width", size);
    }
}
