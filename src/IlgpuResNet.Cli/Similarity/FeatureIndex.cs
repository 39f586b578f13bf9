using System.Collections.Immutable;
using System.IO.Hashing;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using IlgpuResNet.Files;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Cli.Similarity;

/// <summary>A picture as the index knows it: when one of these changes, it is another picture.</summary>
/// <param name="Name">Name of the file in its folder.</param>
/// <param name="Bytes">Length of the file.</param>
/// <param name="Time">When it was written, in .NET's ticks, UTC.</param>
internal sealed record IndexedPicture(string Name, long Bytes, long Time)
{
    /// <exception cref="IOException">The file is gone.</exception>
    public static IndexedPicture Of(string path)
    {
        // A link stays as it is when what it leads to is written anew.
        var file = new FileInfo(InputFile.Resolve(path));
        return new IndexedPicture(Path.GetFileName(path), file.Length, file.LastWriteTimeUtc.Ticks);
    }
}

/// <summary>
/// Features of a folder's pictures, kept in a safetensors file: a tensor <c>features</c> <c>[pictures, features]</c>, and in the metadata the pictures,
/// the network they are of, and a checksum over all of it.
/// </summary>
internal sealed class FeatureIndex
{
    private const string FeaturesName = "features";
    private const string NetworkKey = "network";
    private const string PicturesKey = "pictures";
    private const string ChecksumKey = "checksum";

    private static readonly string[] Keys = [NetworkKey, PicturesKey, ChecksumKey];

    private readonly string network;
    private readonly Dictionary<IndexedPicture, float[]> features = [];

    private FeatureIndex(string network) => this.network = network;

    /// <summary>Features that the index holds.</summary>
    public int Count => features.Count;

    /// <summary>An index of nothing.</summary>
    /// <param name="network">What the features depend on; see <see cref="NetworkKeyOf"/>.</param>
    public static FeatureIndex Empty(string network) => new(network);

    /// <summary>What is kept in a file: nothing when there is none or it is of another network.</summary>
    /// <param name="path">The file.</param>
    /// <param name="network">What the features must depend on.</param>
    /// <param name="length">Number of features of one picture.</param>
    /// <exception cref="WeightsException">The file is damaged or cannot be read.</exception>
    /// <exception cref="ResNetException">It holds other tensors, such as weights.</exception>
    public static FeatureIndex Load(string path, string network, int length)
    {
        var index = new FeatureIndex(network);
        if (!File.Exists(path)) return index;
        using StateDict file = StateDict.Load(path);
        if (!Keys.Any(file.Metadata.ContainsKey))
            throw new ResNetException($"{path}: holds {file.Count} tensors of something else, no index of pictures; name another file for the index, for this one would be written over.");
        if (file.Metadata.GetValueOrDefault(NetworkKey) != network) return index;
        string json = file.Metadata.GetValueOrDefault(PicturesKey, "");
        StateTensor tensor = file[FeaturesName];
        if (tensor.Shape is not [var count, var stored] || stored != length || tensor.DataType is not DataType.Float32)
            throw new WeightsException($"{path}: its features are {tensor.DataType} {FileText.Shape(tensor.Shape)}, but float32 [pictures, {length}] were expected.");
        float[] values = tensor.ToArray();
        if (file.Metadata.GetValueOrDefault(ChecksumKey) != Checksum(json, values)) throw new WeightsException($"{path}: its checksum is wrong; the file is damaged.");
        IndexedPicture[] pictures = Parse(path, json);
        if (pictures.Length != count) throw new WeightsException($"{path}: it names {pictures.Length} pictures, but has features of {count}.");
        for (int i = 0; i < count; i++) index.features[pictures[i]] = values[(i * length)..((i + 1) * length)];
        return index;
    }

    /// <summary>The features of a picture; null when it is unknown or was changed.</summary>
    public float[]? Find(IndexedPicture picture) => features.GetValueOrDefault(picture);

    /// <summary>Adds a picture.</summary>
    public void Add(IndexedPicture picture, float[] values) => features[picture] = values;

    /// <summary>Forgets all pictures but these; true when there were others.</summary>
    public bool Keep(IReadOnlySet<IndexedPicture> pictures)
    {
        IndexedPicture[] gone = [.. features.Keys.Where(picture => !pictures.Contains(picture))];
        foreach (IndexedPicture picture in gone) features.Remove(picture);
        return gone.Length > 0;
    }

    /// <summary>Writes the file aside and renames it, so that whoever reads it meanwhile or is killed finds the old one or the new one.</summary>
    /// <exception cref="ResNetException">It cannot be written.</exception>
    public void Save(string path)
    {
        IndexedPicture[] pictures = [.. features.Keys];
        float[] values = [.. pictures.SelectMany(picture => features[picture])];
        string json = JsonSerializer.Serialize(pictures, FeatureIndexContext.Default.IndexedPictureArray);
        ImmutableArray<int> shape = [pictures.Length, pictures.Length == 0 ? 0 : values.Length / pictures.Length];
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
            [PicturesKey] = json,
            [ChecksumKey] = Checksum(json, values),
        });
    }

    /// <summary>A text that differs when the features of a network do: of its weights, what it computes, and how it prepares images.</summary>
    public static string NetworkKeyOf(Model model)
    {
        var hash = new XxHash128();
        foreach (StateTensor tensor in model.Weights.Values)
        {
            Append(hash, $"{tensor.Name} {tensor.DataType} {FileText.Shape(tensor.Shape)}");
            tensor.WriteTo(hash, static (piece, target) => target.Append(piece));
        }
        if (model is ResNet resNet) Append(hash, resNet.Config.ToString());
        else hash.Append(File.ReadAllBytes(model.Weights.Source));
        Append(hash, model.Preset.ToString());
        return Convert.ToHexStringLower(hash.GetCurrentHash());
    }

    private static void Append(XxHash128 hash, string text) => hash.Append(Encoding.UTF8.GetBytes(text));

    private static string Checksum(string json, float[] values)
    {
        var hash = new XxHash128();
        Append(hash, json);
        hash.Append(MemoryMarshal.AsBytes(values.AsSpan()));
        return Convert.ToHexStringLower(hash.GetCurrentHash());
    }

    private static IndexedPicture[] Parse(string path, string json)
    {
        try
        {
            return JsonSerializer.Deserialize(json, FeatureIndexContext.Default.IndexedPictureArray) ?? [];
        }
        catch (JsonException e)
        {
            throw new WeightsException($"{path}: its list of pictures is damaged.", e);
        }
    }
}

/// <summary>JSON of the index.</summary>
[JsonSerializable(typeof(IndexedPicture[]))]
internal sealed partial class FeatureIndexContext : JsonSerializerContext;
