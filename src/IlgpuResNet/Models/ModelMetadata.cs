using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using IlgpuResNet.Imaging;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Models;

/// <summary>
/// What a safetensors file may say about its network beside the tensors: <c>variant</c> (<c>v1.5</c>, <c>v1</c>, <c>note</c>),
/// <c>classes</c> (a JSON array of names) and <c>preset</c> (a JSON object with the fields of <see cref="ImagePreset"/>).
/// Absent entries give null; entries that are there and wrong are errors.
/// </summary>
internal static partial class ModelMetadata
{
    private const int MaxImageSide = 1 << 14;

    public static ResNetVariant? Variant(StateDict weights) => weights.Metadata.TryGetValue("variant", out string? name)
        ? ResNetVariants.Parse(name) ?? throw Wrong(weights, "variant", $"{string.Join(", ", ResNetVariants.Names[..^1])} or {ResNetVariants.Names[^1]}", name)
        : null;

    public static ImmutableArray<string>? ClassNames(StateDict weights, int count)
    {
        if (!weights.Metadata.TryGetValue("classes", out string? json)) return null;
        string?[] names = Parse(weights, "classes", json, MetadataContext.Default.StringArray, "a JSON array of names");
        if (names.Length != count) throw Mismatch(weights, "classes", $"{count} names", $"has {names.Length} names");
        int nameless = Array.FindIndex(names, string.IsNullOrWhiteSpace);
        if (nameless >= 0) throw Mismatch(weights, "classes", "non-empty names", $"the name of class {nameless} is empty");
        return [.. names!];
    }

    public static ImagePreset? Preset(StateDict weights)
    {
        if (!weights.Metadata.TryGetValue("preset", out string? json)) return null;
        PresetFields fields = Parse(weights, "preset", json, MetadataContext.Default.PresetFields, "a JSON object with resize_size, crop_size, interpolation, mean and std");
        if (fields.ResizeSize is < 1 or > MaxImageSide || fields.CropSize is < 1 or > MaxImageSide)
            throw Wrong(weights, "preset", $"resize_size and crop_size from 1 to {MaxImageSide}", json);
        if (!Array.TrueForAll([.. fields.Mean ?? [], .. fields.Std ?? []], float.IsFinite)) throw Wrong(weights, "preset", "finite means and deviations", json);
        if (fields.Mean is not [var r, var g, var b] || fields.Std is not [var sr, var sg, var sb] || sr <= 0 || sg <= 0 || sb <= 0)
            throw Wrong(weights, "preset", "three means and three positive standard deviations", json);
        return new ImagePreset
        {
            ResizeSize = fields.ResizeSize,
            CropSize = fields.CropSize,
            Mean = (r, g, b),
            Std = (sr, sg, sb),
            Interpolation = fields.Interpolation switch
            {
                "bilinear" => Interpolation.Bilinear,
                "bicubic" => Interpolation.Bicubic,
                _ => throw Wrong(weights, "preset", "interpolation bilinear or bicubic", json),
            },
        };
    }

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
        Mismatch(weights, key, expected, $"is '{Message.Clean(found)}'");

    private static WeightsException Mismatch(StateDict weights, string key, string expected, string found) =>
        new($"{weights.Source}: its metadata '{key}' should be {expected}, but {found}. Correct or remove that entry.");

    internal sealed record PresetFields(int ResizeSize, int CropSize, string? Interpolation, float[]? Mean, float[]? Std);

    [JsonSerializable(typeof(string[]))]
    [JsonSerializable(typeof(PresetFields))]
    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, RespectRequiredConstructorParameters = true)]
    private sealed partial class MetadataContext : JsonSerializerContext;
}
