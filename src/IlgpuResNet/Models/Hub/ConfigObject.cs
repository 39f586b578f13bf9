using System.Text.Json;
using IlgpuResNet.Files;

namespace IlgpuResNet.Models;

/// <summary>An object of a configuration file. A member that is absent or null gives null; one of a wrong kind is an error.</summary>
internal readonly struct ConfigObject(string file, JsonElement element)
{
    /// <summary>Most pixels of a side.</summary>
    public const int LargestSide = 1 << 14;

    /// <summary>The file, for messages.</summary>
    public string File { get; } = file;

    public ConfigObject? Object(string key) =>
        Member(key) is { ValueKind: JsonValueKind.Object } value ? new ConfigObject(File, value) : null;

    /// <summary>A member of any kind; null where it is absent or null.</summary>
    public JsonElement? Member(string key) =>
        element.TryGetProperty(key, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;

    public string? Text(string key) => Member(key) switch
    {
        null => null,
        { ValueKind: JsonValueKind.String } value => value.GetString(),
        var value => throw Wrong(key, "a text", value),
    };

    public bool? Flag(string key) => Member(key) switch
    {
        null => null,
        { ValueKind: JsonValueKind.True or JsonValueKind.False } value => value.GetBoolean(),
        var value => throw Wrong(key, "true or false", value),
    };

    public double? Number(string key) => Member(key) switch
    {
        null => null,
        { ValueKind: JsonValueKind.Number } value when value.TryGetDouble(out double number) && double.IsFinite(number) => number,
        var value => throw Wrong(key, "a number", value),
    };

    /// <summary>A number of pixels.</summary>
    public int? Side(string key) => Member(key) switch
    {
        null => null,
        { ValueKind: JsonValueKind.Number } value when value.TryGetInt32(out int side) && side is >= 1 and <= LargestSide => side,
        var value => throw Wrong(key, $"a whole number of pixels from 1 to {LargestSide}", value),
    };

    /// <summary>A number for each colour.</summary>
    public (float R, float G, float B)? Colours(string key)
    {
        if (Member(key) is not { } value) return null;
        float[] numbers = value.ValueKind == JsonValueKind.Array
            ? [.. value.EnumerateArray().Select(item => item.ValueKind == JsonValueKind.Number ? item.GetSingle() : float.NaN)]
            : [];
        return numbers is [var r, var g, var b] && Array.TrueForAll(numbers, float.IsFinite)
            ? (r, g, b)
            : throw Wrong(key, "a list of three numbers", value);
    }

    /// <summary>The error of a member.</summary>
    public WeightsException Wrong(string key, string expected, JsonElement? found) => new(
        $"{File}: '{key}' should be {expected}, but is {FileText.Clean(found?.GetRawText() ?? "absent")}. "
        + "Correct the file, or give a preset of your own.");
}
