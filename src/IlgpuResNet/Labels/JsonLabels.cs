using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;

namespace IlgpuResNet.Labels;

/// <summary>
/// Finds class names in JSON, in its usual shapes: a list of names; an object from index to name (Hugging Face's <c>id2label</c>), or to a
/// pair of identifier and name (Keras' <c>imagenet_class_index.json</c>); an object from name to index (torchvision's
/// <c>class_to_idx</c>).
/// </summary>
internal static class JsonLabels
{
    /// <summary>The names in the order of their indices; null for JSON of any other shape, or with an index that is missing.</summary>
    public static ImmutableArray<string>? Names(JsonElement json)
    {
        switch (json.ValueKind)
        {
            case JsonValueKind.Array:
                return Complete([.. json.EnumerateArray().Select(Name)]);
            case JsonValueKind.Object:
                JsonProperty[] members = [.. json.EnumerateObject()];
                bool byName = members.Length > 0 && Array.TrueForAll(members, member => member.Value.ValueKind == JsonValueKind.Number);
                var names = new string?[members.Length];
                foreach (JsonProperty member in members)
                {
                    int index = byName ? Index(member.Value) : Index(member.Name);
                    if (index < 0 || index >= names.Length || names[index] is not null) return null;
                    names[index] = byName ? member.Name : Name(member.Value);
                }
                return Complete(names);
            default:
                return null;
        }
    }

    private static ImmutableArray<string>? Complete(string?[] names) =>
        names.Length > 0 && Array.TrueForAll(names, name => !string.IsNullOrWhiteSpace(name)) ? [.. names!] : null;

    private static string? Name(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString(),
        // The identifier of WordNet comes before the name.
        JsonValueKind.Array when value.GetArrayLength() == 2 && value[1].ValueKind == JsonValueKind.String => value[1].GetString(),
        _ => null,
    };

    private static int Index(JsonElement value) => value.TryGetInt32(out int index) ? index : -1;

    private static int Index(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int index) ? index : -1;
}
