using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using IlgpuResNet.Files;
using IlgpuResNet.Pixels;
using IlgpuResNet.Weights;
using IlgpuResNet.Weights.Torch;

namespace IlgpuResNet.Models;

/// <summary>
/// Metadata of a safetensors file that describes its network: <c>variant</c> (a name of <see cref="ResNetVariants"/>),
/// <c>replace_stride_with_dilation</c> (a JSON array of booleans, one for each stage after the first), <c>classes</c> (a JSON array of
/// names) and <c>preset</c> (a JSON object with the fields of <see cref="ImagePreset"/>). An absent entry gives null or an empty value; a
/// wrong one is an error.
/// </summary>
internal static partial class ModelMetadata
{
    /// <summary>Key of the variant.</summary>
    public const string VariantKey = "variant";

    private const string DilationKey = "replace_stride_with_dilation";
    private const string ClassesKey = "classes";
    private const string PresetKey = "preset";
    private const int MaxImageSide = 1 << 14;

    public static ResNetVariant? Variant(StateDict weights)
    {
        if (!weights.Metadata.TryGetValue(VariantKey, out string? name)) return null;
        string expected = $"{string.Join(", ", ResNetVariants.Names[..^1])} or {ResNetVariants.Names[^1]}";
        return ResNetVariants.Parse(name) ?? throw Wrong(weights, VariantKey, expected, name);
    }

    /// <summary>The value of <see cref="ResNetConfig.ReplaceStrideWithDilation"/>; empty when the file has no such entry.</summary>
    public static ImmutableArray<bool> ReplaceStrideWithDilation(StateDict weights, ResNetBlock block, int stages)
    {
        if (!weights.Metadata.TryGetValue(DilationKey, out string? json)) return [];
        bool[] flags = Parse(weights, DilationKey, json, MetadataContext.Default.BooleanArray, "a JSON array of booleans");
        // An empty array means no dilation, as no entry does.
        if (flags.Length != 0 && flags.Length != stages - 1)
        {
            throw Mismatch(
                weights, DilationKey, $"{stages - 1} booleans, one for each stage after the first", $"has {flags.Length} booleans");
        }
        if (block == ResNetBlock.Basic && flags.Contains(true))
            throw Wrong(weights, DilationKey, "false for each stage of basic blocks", json);
        return [.. flags];
    }

    /// <summary>
    /// The names in the metadata. Those that a training script saved beside the network count only where they are as many as the classes.
    /// </summary>
    public static ImmutableArray<string>? ClassNames(StateDict weights, int count)
    {
        if (!weights.Metadata.TryGetValue(ClassesKey, out string? json)) return FromCheckpoint(weights, count);
        string?[] names = Parse(weights, ClassesKey, json, MetadataContext.Default.StringArray, "a JSON array of names");
        if (names.Length != count) throw Mismatch(weights, ClassesKey, $"{count} names", $"has {names.Length} names");
        int nameless = Array.FindIndex(names, string.IsNullOrWhiteSpace);
        if (nameless >= 0) throw Mismatch(weights, ClassesKey, "non-empty names", $"the name of class {nameless} is empty");
        return [.. names!];
    }

    private static ImmutableArray<string>? FromCheckpoint(StateDict weights, int count) =>
        weights.Metadata.TryGetValue(TorchClassNames.MetadataKey, out string? json)
            && JsonSerializer.Deserialize(json, MetadataContext.Default.StringArray) is { } names && names.Length == count
                ? [.. names]
                : null;

    public static ImagePreset? Preset(StateDict weights)
    {
        if (!weights.Metadata.TryGetValue(PresetKey, out string? json)) return null;
        const string Expected = "a JSON object with resize_size, crop_size, interpolation, mean and std";
        PresetFields fields = Parse(weights, PresetKey, json, MetadataContext.Default.PresetFields, Expected);
        int?[] sizes = [fields.ResizeSize, fields.CropSize, fields.ResizeWidth, fields.CropWidth];
        if (sizes.Any(size => size is < 1 or > MaxImageSide))
            throw Wrong(weights, PresetKey, $"resize_size and crop_size from 1 to {MaxImageSide}", json);
        if (!Array.TrueForAll([.. fields.Mean ?? [], .. fields.Std ?? []], float.IsFinite))
            throw Wrong(weights, PresetKey, "finite means and deviations", json);
        if (fields.Mean is not [var r, var g, var b] || fields.Std is not [var sr, var sg, var sb] || sr <= 0 || sg <= 0 || sb <= 0)
            throw Wrong(weights, PresetKey, "three means and three positive standard deviations", json);
        if (PresetNames.Interpolation(fields.Interpolation) is not { } interpolation)
            throw Wrong(weights, PresetKey, $"interpolation {PresetNames.Interpolations}", json);
        if (PresetNames.Channels(fields.Channels ?? PresetNames.Of(default(ChannelOrder))) is not { } channels)
            throw Wrong(weights, PresetKey, "channels rgb or bgr", json);
        var usual = new ImagePreset();
        var preset = new ImagePreset
        {
            ResizeSize = fields.ResizeSize,
            ResizeWidth = fields.ResizeWidth,
            CropSize = fields.CropSize,
            CropWidth = fields.CropWidth,
            Mean = (r, g, b),
            Std = (sr, sg, sb),
            Interpolation = interpolation,
            Channels = channels,
            Scale = fields.Scale ?? usual.Scale,
        };
        return preset.Scale > 0 && double.IsFinite(preset.Scale) ? preset : throw Wrong(weights, PresetKey, "a positive scale", json);
    }

    /// <summary>Makes the entries that a file of this network needs beside its tensors for a reader to find this network in it.</summary>
    /// <param name="config">The network.</param>
    /// <param name="preset">How images are prepared, or null to leave that to the reader.</param>
    /// <param name="classNames">A name for each class, or null to leave them to the reader.</param>
    /// <exception cref="GraphException">No entry can describe how the network is computed.</exception>
    /// <exception cref="ImageException">The preset makes no input.</exception>
    /// <exception cref="ResNetException">A class has no name.</exception>
    internal static ImmutableDictionary<string, string> Write(ResNetConfig config, ImagePreset? preset, ImmutableArray<string>? classNames)
    {
        if (Obstacle(config) is { } obstacle) throw new GraphException(obstacle);
        if (classNames is { } given && (given.Length != config.NumClasses || given.Any(string.IsNullOrWhiteSpace)))
        {
            throw new ResNetException(
                $"{config.Name}: a file needs a name for each of {config.NumClasses} classes, "
                + $"but {given.Length} were given or one is empty; name all of them.");
        }
        preset?.Validate();
        var entries = ImmutableDictionary.CreateBuilder<string, string>();
        entries[VariantKey] = ResNetVariants.NameOf(ResNetVariants.Of(config)!.Value);
        if (!config.ReplaceStrideWithDilation.IsDefaultOrEmpty)
            entries[DilationKey] = JsonSerializer.Serialize([.. config.ReplaceStrideWithDilation], MetadataContext.Default.BooleanArray);
        if (classNames is { } names) entries[ClassesKey] = JsonSerializer.Serialize([.. names], MetadataContext.Default.StringArray);
        if (preset is not null) entries[PresetKey] = JsonSerializer.Serialize(FieldsOf(preset), MetadataContext.Default.PresetFields);
        return entries.ToImmutable();
    }

    /// <summary>
    /// Makes the entries that a file of a model needs, and keeps those of its own file that describe other things. Class names that a
    /// reader finds by their number are left out, and so is a network that no entry can describe.
    /// </summary>
    internal static ImmutableSortedDictionary<string, string> Of(ResNet model)
    {
        // Sorted by key: a file must not differ from run to run.
        ImmutableSortedDictionary<string, string> own = model.Weights.Metadata.ToImmutableSortedDictionary(StringComparer.Ordinal);
        bool named = own.ContainsKey(ClassesKey) || !model.ClassNames.SequenceEqual(ClassLabels.ForCount(model.Config.NumClasses));
        own = own.RemoveRange([VariantKey, DilationKey, ClassesKey, PresetKey, TorchClassNames.MetadataKey]);
        return Obstacle(model.Config) is null ? own.SetItems(Write(model.Config, model.Preset, named ? model.ClassNames : null)) : own;
    }

    /// <summary>Why no entry can describe how a network is computed; null when entries can.</summary>
    private static string? Obstacle(ResNetConfig config)
    {
        if (ResNetVariants.Of(config) is null)
        {
            return $"{config.Name}: its stride placement, ReLUs and final pool together are none of the variants "
                + $"{string.Join(", ", ResNetVariants.Names)}, so a file cannot say them; use one of these.";
        }
        const double Usual = ResNetConfig.DefaultBatchNormEpsilon;
        return config.BatchNormEpsilon != Usual
            ? $"{config.Name}: a file cannot say a batch norm epsilon of {config.BatchNormEpsilon}; use {Usual}."
            : null;
    }

    private static PresetFields FieldsOf(ImagePreset preset) => new(
        preset.ResizeSize,
        preset.CropSize,
        PresetNames.Of(preset.Interpolation),
        [preset.Mean.R, preset.Mean.G, preset.Mean.B],
        [preset.Std.R, preset.Std.G, preset.Std.B],
        preset.ResizeWidth,
        preset.CropWidth,
        // Most files need neither.
        preset.Channels == default ? null : PresetNames.Of(preset.Channels),
        preset.Scale == new ImagePreset().Scale ? null : preset.Scale);

    private static T Parse<T>(StateDict weights, string key, string json, JsonTypeInfo<T> type, string expected)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(json, type) ?? throw Wrong(weights, key, expected, json);
        }
        catch (JsonException)
        {
            throw Wrong(weights, key, expected, json);
        }
    }

    private static WeightsException Wrong(StateDict weights, string key, string expected, string found) =>
        Mismatch(weights, key, expected, $"is '{FileText.Clean(found)}'");

    private static WeightsException Mismatch(StateDict weights, string key, string expected, string found) =>
        new($"{weights.Source}: its metadata '{key}' should be {expected}, but {found}. Correct or remove that entry.");

    internal sealed record PresetFields(
        int ResizeSize,
        int CropSize,
        string? Interpolation,
        float[]? Mean,
        float[]? Std,
        int? ResizeWidth = null,
        int? CropWidth = null,
        string? Channels = null,
        double? Scale = null);

    [JsonSerializable(typeof(string[]))]
    [JsonSerializable(typeof(bool[]))]
    [JsonSerializable(typeof(PresetFields))]
    [JsonSourceGenerationOptions(
        PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
        RespectRequiredConstructorParameters = true,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
    private sealed partial class MetadataContext : JsonSerializerContext;
}
