using System.Buffers;
using System.Text;
using System.Text.Json;

namespace IlgpuResNet.Weights.Torch;

/// <summary>
/// Finds the class names that training scripts save beside a network: a list <c>classes</c>, or a dict from name to index or from index to
/// name, such as <c>class_to_idx</c> of torchvision's <c>ImageFolder</c>.
/// </summary>
internal static class TorchClassNames
{
    /// <summary>Key of the names in a file's metadata, a JSON array. Nobody promised that they are as many as the classes.</summary>
    public const string MetadataKey = "checkpoint_classes";

    private const int BytesPerName = 64;

    private static readonly string[] Keys = ["classes", "class_names", "CLASSES", "class_to_idx", "idx_to_class"];

    /// <summary>Entries in which some trainers keep the names.</summary>
    private static readonly string[] Places = ["hyper_parameters", "meta"];

    /// <summary>Adds the names to a file's metadata, where the value of its pickle has any.</summary>
    public static void AddTo(Dictionary<string, string> metadata, PickleValue root, ReadBudget budget)
    {
        if (root is not PickleDict dict) return;
        foreach (PickleDict place in Places.Select(dict.Find).OfType<PickleDict>().Prepend(dict))
        {
            foreach (string key in Keys)
            {
                if (place.Find(key) is not { } value || Names(value) is not { } names) continue;
                foreach (string name in names) budget.Charge(BytesPerName + 4L * name.Length);
                metadata[MetadataKey] = Json(names);
                return;
            }
        }
    }

    /// <summary>The names in the order of their indices; null for any other value.</summary>
    private static string[]? Names(PickleValue value) => value switch
    {
        PickleList list => Texts(list.Items),
        PickleTuple tuple => Texts(tuple.Items),
        PickleDict dict => Indexed(dict),
        _ => null,
    };

    private static string[]? Texts(IReadOnlyList<PickleValue> items)
    {
        string?[] names = [.. items.Select(item => (item as PickleText)?.Value)];
        return names.Length > 0 && !Array.Exists(names, string.IsNullOrWhiteSpace) ? [.. names!] : null;
    }

    private static string[]? Indexed(PickleDict dict)
    {
        var names = new string?[dict.Items.Count];
        foreach ((PickleValue key, PickleValue value) in dict.Items)
        {
            (string? name, long index) = (key, value) switch
            {
                (PickleText text, PickleInteger number) => (text.Value, number.Value),
                (PickleInteger number, PickleText text) => (text.Value, number.Value),
                _ => (null, -1),
            };
            if (name is null || index < 0 || index >= names.Length || names[index] is not null) return null;
            names[index] = name;
        }
        return names.Length > 0 && !Array.Exists(names, string.IsNullOrWhiteSpace) ? [.. names!] : null;
    }

    private static string Json(string[] names)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartArray();
            foreach (string name in names) json.WriteStringValue(name);
            json.WriteEndArray();
        }
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}
