using System.Text.Json;
using System.Text.RegularExpressions;
using IlgpuResNet.Files;

namespace IlgpuResNet.Weights;

/// <summary>
/// Opens weights that several files hold together, by the index beside them: a JSON object whose <c>weight_map</c> has the file of each
/// tensor (https://huggingface.co/docs/safetensors).
/// </summary>
internal static partial class ShardedIndex
{
    private const string Extension = ".index.json";
    private const string MapKey = "weight_map";

    /// <summary>True for the name of an index.</summary>
    public static bool IsIndex(string path) => path.EndsWith(Extension, StringComparison.OrdinalIgnoreCase);

    /// <summary>The index that a file with the name of a shard belongs to; null for any other file.</summary>
    public static string? IndexOf(string path)
    {
        string name = Path.GetFileName(path);
        if (ShardName().Match(name) is not { Success: true } match) return null;
        string index = $"{match.Groups["stem"].Value}{match.Groups["extension"].Value}{Extension}";
        return Path.Combine(Path.GetDirectoryName(path) ?? "", index);
    }

    /// <summary>Paths of the files that an index names.</summary>
    /// <exception cref="WeightsException">The index cannot be read.</exception>
    public static IEnumerable<string> FilesOf(string path)
    {
        string folder = Path.GetDirectoryName(path) ?? "";
        return ReadMap(path).Select(entry => entry.File).Distinct(StringComparer.Ordinal).Select(file => Path.Combine(folder, file));
    }

    /// <summary>Opens all files of an index as one state dict, in the order of the index.</summary>
    /// <param name="path">The index.</param>
    /// <param name="key">Key of the network, or null for the best known one.</param>
    /// <exception cref="WeightsException">The index or a file of it cannot be read, or a tensor is not in its file.</exception>
    public static StateDict Load(string path, string? key)
    {
        List<(string Tensor, string File)> map = ReadMap(path);
        string folder = Path.GetDirectoryName(path) ?? "";
        var shards = new OrderedDictionary<string, StateDict>(StringComparer.Ordinal);
        try
        {
            foreach ((_, string file) in map)
            {
                if (shards.ContainsKey(file)) continue;
                string shard = Path.Combine(folder, file);
                if (!File.Exists(shard)) throw new WeightsException($"{path}: names {file}, but there is no such file beside it.");
                shards.Add(file, StateDict.LoadAsNamed(shard));
            }
            StateTensor[] tensors = [.. map.Select(entry => Tensor(path, shards[entry.File], entry.Tensor))];
            var set = new TensorSet("", [.. tensors.Select(tensor => new TensorEntry(tensor.Name, tensor.Shape, tensor.DataType, 0))]);
            var budget = new ReadBudget(path, InputFile.Length(path));
            WeightsContent content = WeightsContent.Choose(budget, [set], new NetworkRequest(key), []);
            return new StateDict(
                path,
                content.Tensors.Select((entry, i) => Named(tensors[content.Kept?[i] ?? i], entry.Name)),
                shards.Count > 0 ? shards.GetAt(0).Value.Metadata : null,
                new Files(shards.Values))
            {
                LeftOut = content.LeftOut,
                OtherKeys = content.Others,
            };
        }
        catch
        {
            foreach (StateDict shard in shards.Values) shard.Dispose();
            throw;
        }
    }

    private static StateTensor Tensor(string path, StateDict shard, string tensor) => shard.TryGetValue(tensor, out StateTensor? found)
        ? found
        : throw new WeightsException($"{path}: tensor {FileText.Clean(tensor)} should be in {shard.Source}, but is not.");

    private static ReshapedTensor Named(StateTensor tensor, string name) =>
        new() { Name = name, Shape = tensor.Shape, DataType = tensor.DataType, Source = tensor };

    private static List<(string Tensor, string File)> ReadMap(string path)
    {
        using JsonDocument? json = JsonFile.Read(path, "the index of the weights");
        if (json is null) throw new WeightsException($"{path}: no such file.");
        if (json.RootElement is not { ValueKind: JsonValueKind.Object } root
            || !root.TryGetProperty(MapKey, out JsonElement map) || map.ValueKind != JsonValueKind.Object)
            throw new WeightsException($"{path}: an index with an object {MapKey} was expected, but it has none.");
        var files = new List<(string, string)>();
        foreach (JsonProperty entry in map.EnumerateObject())
        {
            // The files of an index lie beside it: it must not lead to other places.
            if (entry.Value.ValueKind != JsonValueKind.String || entry.Value.GetString() is not { Length: > 0 } file
                || Path.GetFileName(file) != file || file is "." or ".." || file.Contains('\\', StringComparison.Ordinal))
            {
                throw new WeightsException(
                    $"{path}: the file of tensor {FileText.Clean(entry.Name)} should be a name without folders, "
                    + $"but is {FileText.Clean(entry.Value.ToString())}.");
            }
            files.Add((entry.Name, file));
        }
        return files;
    }

    [GeneratedRegex(@"^(?<stem>.+)-[0-9]{5}-of-[0-9]{5}(?<extension>\.[a-z]+)\z", RegexOptions.ExplicitCapture)]
    private static partial Regex ShardName();

    /// <summary>The open files of an index.</summary>
    private sealed class Files(IEnumerable<StateDict> shards) : IDisposable
    {
        public void Dispose()
        {
            foreach (StateDict shard in shards) shard.Dispose();
        }
    }
}
