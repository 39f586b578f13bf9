using System.Collections.Immutable;
using System.Globalization;

namespace IlgpuResNet.Labels;

/// <summary>Class names by number of classes, and from files.</summary>
public static class ClassLabels
{
    private const string Resource = "IlgpuResNet.Labels.imagenet1k.txt";
    private const int ImageNetCount = 1000;

    private static readonly Lazy<ImmutableArray<string>> ImageNetNames = new(ReadResource);

    /// <summary>The 1000 classes of ImageNet-1k in torchvision's order.</summary>
    public static ImmutableArray<string> ImageNet => ImageNetNames.Value;

    /// <summary>ImageNet's names for 1000 classes, the same after <c>background</c> for 1001, else <c>class 0</c>, <c>class 1</c> and so on.</summary>
    public static ImmutableArray<string> ForCount(int count) => count switch
    {
        ImageNetCount => ImageNet,
        ImageNetCount + 1 => ["background", .. ImageNet],
        _ => [.. Enumerable.Range(0, count).Select(index => string.Create(CultureInfo.InvariantCulture, $"class {index}"))],
    };

    /// <summary>Reads class names from a UTF-8 text file, one per line; a last empty line does not count.</summary>
    /// <exception cref="ResNetException">The file cannot be read.</exception>
    public static ImmutableArray<string> Load(string path)
    {
        try
        {
            return [.. File.ReadAllLines(path)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new ResNetException($"{path}: the class names cannot be read: {e.Message}", e);
        }
    }

    private static ImmutableArray<string> ReadResource()
    {
        using Stream stream = typeof(ClassLabels).Assembly.GetManifestResourceStream(Resource)
            ?? throw new InvalidOperationException($"The assembly lacks its resource {Resource}.");
        using var reader = new StreamReader(stream);
        return [.. reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)];
    }
}
