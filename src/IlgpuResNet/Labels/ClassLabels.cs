using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using IlgpuResNet.Files;

namespace IlgpuResNet;

/// <summary>Names of classes: ImageNet's, or those of a text file.</summary>
public static class ClassLabels
{
    private const string Resource = "IlgpuResNet.Labels.imagenet1k.txt";
    private const int ImageNetCount = 1000;
    private const int LargestFile = 16 << 20;
    private const char ByteOrderMark = '\uFEFF';

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

    /// <summary>Reads class names from a UTF-8 text file, one per line. Blank lines at the end are ignored.</summary>
    /// <exception cref="ResNetException">
    /// The file cannot be read, is longer than 16 MiB, is not UTF-8 text, or has a blank line between names.
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

        var names = new List<string>();
        using var lines = new StringReader(text);
        while (lines.ReadLine() is { } line) names.Add(line);
        while (names.Count > 0 && string.IsNullOrWhiteSpace(names[^1])) names.RemoveAt(names.Count - 1);
        int blank = names.FindIndex(string.IsNullOrWhiteSpace);
        if (blank >= 0) throw new ResNetException($"{path}: line {blank + 1} is blank; expected one class name per line.");
        return names.Count > 0 ? [.. names] : throw new ResNetException($"{path}: holds no class names; expected one per line.");
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
