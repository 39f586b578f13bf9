using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json;
using IlgpuResNet.Files;
using IlgpuResNet.Labels;

namespace IlgpuResNet;

/// <summary>Names of classes: ImageNet's, or those of a text or JSON file.</summary>
public static class ClassLabels
{
    private const string Resource = "IlgpuResNet.Labels.imagenet1k.txt";
    private const int ImageNetCount = 1000;
    private const int LargestFile = 16 << 20;
    private const char ByteOrderMark = '\uFEFF';

    private static readonly ImmutableArray<string> ConfigKeys = ["id2label", "label_names", "class_to_idx"];

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private static readonly Lazy<ImmutableArray<string>> ImageNetNames = new(ReadResource);

    /// <summary>The 1000 class names of ImageNet-1k in torchvision's order.</summary>
    public static ImmutableArray<string> ImageNet => ImageNetNames.Value;

    /// <summary>
    /// Returns ImageNet's names for 1000 classes, <c>background</c> and ImageNet's names for 1001, otherwise <c>class 0</c>, <c>class 1</c>
    /// and so on.
    /// </summary>
    public static ImmutableArray<string> ForCount(int count) => count switch
    {
        ImageNetCount => ImageNet,
        ImageNetCount + 1 => ["background", .. ImageNet],
        _ => [.. Enumerable.Range(0, count).Select(index => string.Create(CultureInfo.InvariantCulture, $"class {index}"))],
    };

    /// <summary>
    /// Reads class names from a UTF-8 file: text with one name per line, whose blank lines at the end are ignored, or JSON. JSON may be a
    /// list of names, an object from index to name or to a pair of identifier and name, an object from name to index, or a configuration
    /// of Hugging Face or timm with such a member (<c>id2label</c>, <c>label_names</c>).
    /// </summary>
    /// <exception cref="ResNetException">
    /// The file cannot be read, is longer than 16 MiB, is not UTF-8 text, has a blank line between names, or is JSON of another shape.
    /// </exception>
    public static ImmutableArray<string> Load(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        string text;
        try
        {
            text = ReadText(path);
        }
        catch (DecoderFallbackException e)
        {
            throw new ResNetException($"{path}: the class names are not UTF-8 text; save the file as UTF-8.", e);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new ResNetException($"{path}: the class names cannot be read: permission is denied.", e);
        }
        catch (Exception e) when (e is IOException or ArgumentException or NotSupportedException)
        {
            throw new ResNetException($"{path}: the class names cannot be read: {FileText.OneLine(e.Message)}.", e);
        }

        if (Json(path, text) is { } listed) return listed;
        var names = new List<string>();
        using var lines = new StringReader(text);
        while (lines.ReadLine() is { } line) names.Add(line);
        while (names.Count > 0 && string.IsNullOrWhiteSpace(names[^1])) names.RemoveAt(names.Count - 1);
        int blank = names.FindIndex(string.IsNullOrWhiteSpace);
        if (blank >= 0) throw new ResNetException($"{path}: line {blank + 1} is blank; expected one class name per line.");
        return names.Count > 0 ? [.. names] : throw new ResNetException($"{path}: holds no class names; expected one per line.");
    }

    /// <summary>The names in a JSON file; null for a text file, whose first name may begin with a bracket.</summary>
    private static ImmutableArray<string>? Json(string path, string text)
    {
        bool named = Path.GetExtension(path).Equals(".json", StringComparison.OrdinalIgnoreCase);
        if (!named && text.AsSpan().TrimStart() is not ['{' or '[', ..]) return null;
        try
        {
            using JsonDocument json = JsonDocument.Parse(text);
            JsonElement root = json.RootElement;
            foreach (string key in ConfigKeys)
            {
                if (root.ValueKind == JsonValueKind.Object && root.TryGetProperty(key, out JsonElement member)
                    && JsonLabels.Names(member) is { } inside)
                    return inside;
            }
            return JsonLabels.Names(root) ?? throw new ResNetException(
                $"{path}: holds no class names that can be told; expected a JSON list of names, or an object from index to name, "
                + "from index to [identifier, name], or from name to index, with every index from 0 on.");
        }
        catch (JsonException e)
        {
            if (!named) return null;
            throw new ResNetException($"{path}: the class names are not valid JSON: {FileText.OneLine(e.Message)}", e);
        }
    }

    private static string ReadText(string path)
    {
        long length = InputFile.Length(path);
        if (length == 0) throw new IOException("it is empty, or no regular file");
        if (length > LargestFile) throw new IOException($"it has {length} bytes, but a list of names has at most {LargestFile}");
        byte[] bytes = new byte[length];
        using FileStream file = File.OpenRead(path);
        int read = file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        return StrictUtf8.GetString(bytes, 0, read).TrimStart(ByteOrderMark);
    }

    private static ImmutableArray<string> ReadResource()
    {
        using Stream stream = typeof(ClassLabels).Assembly.GetManifestResourceStream(Resource)
            ?? throw new InvalidOperationException($"The assembly lacks its resource {Resource}.");
        using var reader = new StreamReader(stream);
        return [.. reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)];
    }
}
