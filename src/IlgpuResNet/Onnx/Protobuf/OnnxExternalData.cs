using System.Globalization;
using IlgpuResNet.Files;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Onnx;

/// <summary>The entries of a tensor's external_data, as texts; null where there is none.</summary>
internal struct OnnxExternalLocation
{
    /// <summary>Path from the model's folder, with forward slashes.</summary>
    public string? Path;

    /// <summary>First byte in that file; 0 when absent.</summary>
    public string? Offset;

    /// <summary>Bytes; those of the tensor when absent.</summary>
    public string? Length;
}

/// <summary>
/// The files of external data of one model. A model may come from anywhere, so it reaches nothing outside its own folder: neither by
/// its paths nor by links. Each file is mapped once.
/// </summary>
/// <param name="modelPath">Path of the model.</param>
/// <param name="budget">What may be allocated.</param>
internal sealed class OnnxExternalData(string modelPath, ReadBudget budget) : IDisposable
{
    // More than a name inside a folder needs; each part of a path costs a question to the system.
    private const int LongestPath = 512;

    // Upper estimates of an opened file, and of a part of its path besides the text.
    private const int BytesPerFile = 4096;
    private const int BytesPerPart = 512;

    // Tensors may share data, but a few bytes must not promise gigabytes to whoever copies them out.
    private const int LargestShare = 4;

    private readonly Dictionary<string, MappedFile> files = new(StringComparer.Ordinal);
    private string? folder;
    private long mapped;
    private long claimed;

    /// <summary>Opens the file of a tensor and checks that the tensor lies inside it.</summary>
    /// <param name="name">Name of the tensor, for messages.</param>
    /// <param name="location">Where the tensor says it is.</param>
    /// <param name="bytes">Size of the tensor.</param>
    /// <returns>The file, owned by this object, and the tensor's first byte in it.</returns>
    /// <exception cref="WeightsException">The place is refused, missing or too short.</exception>
    public (MappedFile File, long Offset) Find(string name, OnnxExternalLocation location, long bytes)
    {
        if (location.Path is not { } path) throw Refused(name, "has no location");
        long offset = Number(name, ExternalDataKey.Offset, location.Offset, 0);
        long length = Number(name, ExternalDataKey.Length, location.Length, bytes);
        if (length != bytes) throw Refused(name, $"claims {length} bytes where the tensor needs {bytes}");
        MappedFile file = Open(name, path);
        if (offset > file.Length || bytes > file.Length - offset)
            throw Refused(name, $"claims {bytes} bytes from byte {offset} of {FileText.Clean(path)}, which has {file.Length}; the file may be cut off");
        claimed += Math.Min(bytes, long.MaxValue - claimed);
        if (claimed / LargestShare > mapped) throw Refused(name, "and others claim the same bytes again and again");
        return (file, offset);
    }

    /// <summary>The files opened so far.</summary>
    public IEnumerable<MappedFile> Files => files.Values;

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (MappedFile file in files.Values) file.Dispose();
    }

    private MappedFile Open(string name, string path)
    {
        string[] parts = Parts(name, path);
        budget.Charge(BytesPerFile + parts.Length * (BytesPerPart + 2L * sizeof(char) * (modelPath.Length + path.Length)));
        string plain = string.Join('/', parts);
        if (files.TryGetValue(plain, out MappedFile? file)) return file;
        try
        {
            folder ??= RealPath.Of(Path.GetDirectoryName(Path.GetFullPath(modelPath))!);
            string real = RealPath.Of(Path.Combine(folder, plain));
            if (!real.StartsWith(Path.EndsInDirectorySeparator(folder) ? folder : folder + Path.DirectorySeparatorChar, StringComparison.Ordinal))
                throw Refused(name, $"is at {FileText.Clean(path)}, a link that leads out of the model's folder; put the file itself there");
            if (InputFile.Length(real) == 0) throw Refused(name, $"is at {FileText.Clean(path)}, which is empty or no regular file");
            file = MappedFile.Open(real);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Refused(name, $"is at {FileText.Clean(path)}, which cannot be read: {FileText.Clean(e.Message)}; it belongs beside the model");
        }
        files.Add(plain, file);
        mapped += file.Length;
        return file;
    }

    /// <summary>The parts of a path that stays inside the folder, without those that mean nothing.</summary>
    private string[] Parts(string name, string path)
    {
        bool isPlain = path.Length <= LongestPath
            && !path.AsSpan().ContainsAny('\0', '\\')
            && !path.StartsWith('/')
            && !(path.Length > 1 && path[1] == ':')
            && !(OperatingSystem.IsWindows() && path.Contains(':', StringComparison.Ordinal));
        string[] parts = isPlain ? [.. path.Split('/').Where(part => part is not ("" or "."))] : [];
        if (parts.Length == 0 || parts.Contains(".."))
        {
            throw Refused(
                name,
                $"is at {FileText.Clean(path)}; only a path inside the model's folder is allowed, with forward slashes and without '..', of at most {LongestPath} characters");
        }
        return parts;
    }

    private long Number(string name, string key, string? text, long otherwise)
    {
        if (text is null) return otherwise;
        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long number)
            ? number
            : throw Refused(name, $"has {key} {FileText.Clean(text)}, which is not a whole number");
    }

    private WeightsException Refused(string name, string what) =>
        new($"{budget.Source}: the external data of tensor {OnnxNames.Show(name)} {what}.");
}
