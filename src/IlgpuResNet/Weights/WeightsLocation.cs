using System.Collections.Immutable;
using IlgpuResNet.Files;

namespace IlgpuResNet.Weights;

/// <summary>Finds the weights file that a path stands for: itself, or the one in a folder as hubs of models have them.</summary>
internal static class WeightsLocation
{
    /// <summary>Names that hubs give to the weights of a folder, the preferred ones first.</summary>
    private static readonly ImmutableArray<string> HubNames =
    [
        "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json", "model.onnx",
        Path.Combine("onnx", "model.onnx"),
    ];

    private static readonly ImmutableArray<string> Extensions = [".safetensors", ".pth", ".pt", ".bin", ".ckpt", ".onnx"];

    /// <summary>The path itself, or the weights file of a folder.</summary>
    /// <exception cref="WeightsException">The folder has no weights, or several files of them and none with a hub's name.</exception>
    public static string Resolve(string path)
    {
        if (!Directory.Exists(path)) return path;
        string? known = HubNames.Select(name => Path.Combine(path, name)).FirstOrDefault(File.Exists);
        if (known is not null) return known;
        string[] files = [.. Files(path)];
        if (files is [var only]) return only;
        string reason = files.Length == 0
            ? $"is a folder without weights; expected {HubNames[0]}, {HubNames[1]}, {HubNames[2]}, or one file ending in "
                + $"{string.Join(", ", Extensions)}."
            : $"is a folder with {files.Length} files of weights, such as {FileText.Clean(Path.GetFileName(files[0]))} and "
                + $"{FileText.Clean(Path.GetFileName(files[1]))}; name one of them.";
        throw new WeightsException($"{path}: {reason}");
    }

    /// <summary>
    /// The folder whose configuration files describe a weights file: its own, where the file has a hub's name or is the only one of weights
    /// there, or the folder above <c>onnx</c>. Null for any other file.
    /// </summary>
    public static string? HubFolder(string file)
    {
        if (!File.Exists(file) || Path.GetDirectoryName(Path.GetFullPath(file)) is not { } folder) return null;
        string name = Path.GetFileName(file);
        if (Path.GetFileName(folder) == "onnx" && Path.GetExtension(name) == ".onnx") return Path.GetDirectoryName(folder);
        return HubNames.Contains(name) || Files(folder) is [_] ? folder : null;
    }

    /// <summary>Bytes of a weights file, or of all files of an index.</summary>
    /// <exception cref="IOException">There is no such file.</exception>
    public static long Length(string file) =>
        ShardedIndex.IsIndex(file) ? ShardedIndex.FilesOf(file).Sum(InputFile.Length) : InputFile.Length(file);

    private static string[] Files(string folder)
    {
        try
        {
            string[] files = [.. Directory.EnumerateFiles(folder)
                .Where(file => Extensions.Contains(Path.GetExtension(file).ToLowerInvariant()))];
            Array.Sort(files, StringComparer.Ordinal);
            return files;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new WeightsException($"{folder}: cannot be listed: {FileText.Clean(e.Message)}", e);
        }
    }
}
