using System.Collections.Immutable;
using System.IO.Hashing;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Cli.Similarity;

/// <summary>The identity of an image file in the index: a file with another name, length or time counts as another image.</summary>
/// <param name="Name">Name of the file in its folder.</param>
/// <param name="Bytes">Length of the file.</param>
/// <param name="Time">Time of its last write, in .NET's ticks, UTC.</param>
internal sealed record IndexedImage(string Name, long Bytes, long Time)
{
    /// <summary>The identity of a file as it is now.</summary>
    /// <exception cref="IOException">The file is gone.</exception>
    public static IndexedImage Of(string path)
    {
        // The length and time of a link do not change when its target is written anew.
        var file = new FileInfo(OutputFile.Resolve(path));
        return new IndexedImage(Path.GetFileName(path), file.Length, file.LastWriteTimeUtc.Ticks);
    }
}

/// <summary>
/// Features of a folder's images, kept in a safetensors file: a tensor <c>features</c> <c>[images, features]</c>, and in the metadata the
/// images, the fingerprint of the network, and a checksum over all of it.
/// </summary>
internal sealed class FeatureIndex
{
    private const string FeaturesName = "features";
    private const string NetworkKey = "network";
    private const string ImagesKey = "images";
    private const string ChecksumKey = "checksum";

    private static readonly string[] Keys = [NetworkKey, ImagesKey, ChecksumKey];

    private readonly string network;
    private readonly Dictionary<IndexedImage, float[]> features = [];

    private FeatureIndex(string network) => this.network = network;

    /// <summary>Number of images whose features the index holds.</summary>
    public int Count => features.Count;

    /// <summary>An index without images.</summary>
    /// <param name="network">The network's <see cref="Model.Fingerprint"/>.</param>
    public static FeatureIndex Empty(string network) => new(network);

    /// <summary>Reads an index; it is empty when there is no file, or the file is of another network.</summary>
    /// <param name="path">The file.</param>
    /// <param name="network">The network's <see cref="Model.Fingerprint"/>.</param>
    /// <param name="length">Number of features of one image.</param>
    /// <exception cref="WeightsException">The file is damaged or cannot be read.</exception>
    /// <exception cref="ResNetException">It holds other tensors, such as weights.</exception>
    public static FeatureIndex Load(string path, string network, int length)
    {
        var index = new FeatureIndex(network);
        if (!File.Exists(path)) return index;
        using StateDict file = StateDict.Load(path);
        if (!Keys.Any(file.Metadata.ContainsKey))
        {
            throw new ResNetException(
                $"{path}: holds {file.Count} tensors of something else, no index of images; "
                + "name another file for the index, for this one would be written over.");
        }
        if (file.Metadata.GetValueOrDefault(NetworkKey) != network) return index;
        string json = file.Metadata.GetValueOrDefault(ImagesKey, "");
        StateTensor tensor = file[FeaturesName];
        if (tensor.Shape is not [var count, var stored] || (stored != length && count > 0) || tensor.DataType is not DataType.Float32)
        {
            string shape = string.Join(", ", tensor.Shape);
            throw new WeightsException(
                $"{path}: its features are {tensor.DataType} [{shape}], but float32 [images, {length}] were expected.");
        }
        float[] values = tensor.ToArray();
        if (file.Metadata.GetValueOrDefault(ChecksumKey) != Checksum(json, values))
            throw new WeightsException($"{path}: its checksum is wrong; the file is damaged.");
        IndexedImage[] images = Parse(path, json);
        if (images.Length != count) throw new WeightsException($"{path}: it names {images.Length} images, but has features of {count}.");
        for (int i = 0; i < count; i++) index.features[images[i]] = values[(i * length)..((i + 1) * length)];
        return index;
    }

    /// <summary>The features of an image; null when it is unknown or was changed.</summary>
    public float[]? Find(IndexedImage image) => features.GetValueOrDefault(image);

    /// <summary>Adds an image.</summary>
    public void Add(IndexedImage image, float[] values) => features[image] = values;

    /// <summary>Removes all images but these; true when there were others.</summary>
    public bool Keep(IReadOnlySet<IndexedImage> images)
    {
        IndexedImage[] gone = [.. features.Keys.Where(image => !images.Contains(image))];
        foreach (IndexedImage image in gone) features.Remove(image);
        return gone.Length > 0;
    }

    /// <summary>
    /// Writes the file aside and renames it, so that a reader, or a run after this one was killed, finds the old index or the new one.
    /// </summary>
    /// <exception cref="ResNetException">It cannot be written.</exception>
    public void Save(string path)
    {
        IndexedImage[] images = [.. features.Keys];
        float[] values = [.. images.SelectMany(image => features[image])];
        string json = JsonSerializer.Serialize(images, FeatureIndexContext.Default.IndexedImageArray);
        ImmutableArray<int> shape = [images.Length, images.Length == 0 ? 0 : values.Length / images.Length];
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ResNetException($"{path}: its folder cannot be made: {e.Message}", e);
        }
        StateDict.Create([(FeaturesName, shape, values)]).Save(path, new Dictionary<string, string>
        {
            [NetworkKey] = network,
            [ImagesKey] = json,
            [ChecksumKey] = Checksum(json, values),
        });
    }

    private static string Checksum(string json, float[] values)
    {
        var hash = new XxHash128();
        hash.Append(Encoding.UTF8.GetBytes(json));
        hash.Append(MemoryMarshal.AsBytes(values.AsSpan()));
        return Convert.ToHexStringLower(hash.GetCurrentHash());
    }

    private static IndexedImage[] Parse(string path, string json)
    {
        try
        {
            IndexedImage?[] images = JsonSerializer.Deserialize(json, FeatureIndexContext.Default.IndexedImageArray) ?? [];
            // JSON may have a null for an image, or leave a name out.
            if (!images.Any(image => image?.Name is null)) return images!;
        }
        catch (JsonException e)
        {
            throw Damaged(path, e);
        }
        throw Damaged(path, null);
    }

    private static WeightsException Damaged(string path, Exception? e) => new($"{path}: its list of images is damaged.", e);
}

/// <summary>JSON of the index.</summary>
[JsonSerializable(typeof(IndexedImage[]))]
internal sealed partial class FeatureIndexContext : JsonSerializerContext;
