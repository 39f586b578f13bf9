using System.Globalization;
using IlgpuResNet.Files;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Onnx;

/// <summary>Entries of a tensor's external_data as texts; null for an absent one.</summary>
internal struct OnnxExternalLocation
{
    /// <summary>Path relative to the model's folder, with forward slashes.</summary>
    public string? Path;

    /// <summary>Offset of the first byte in that file; 0 when absent.</summary>
    public string? Offset;

    /// <summary>Number of bytes; the tensor's size when absent.</summary>
    public string? Length;
}

/// <summary>
/// The files of external data of one model, each opened once. A model may come from an untrusted source: neither its paths nor links reach
/// a file outside its own folder.
/// </summary>
/// <param name="modelPath">Path of the model.</param>
/// <param name="budget">Budget of the memory that may be allocated.</param>
internal sealed class OnnxExternalData(string modelPath, ReadBudget budget) : IDisposable
{
    // Longer than names inside a folder need to be; each part of a path costs a system call.
    private const int LongestPath = 512;

    // Upper estimates of an open file, and of a part of its path besides the text, in bytes.
    private const int BytesPerFile = 4096;
    private const int BytesPerPart = 512;

    // Tensors may share data, but a small file must not claim gigabytes, which a copy of all tensors would allocate.
    private const int LargestShare = 4;

    private readonly Dictionary<string, WeightsFile> files = new(StringComparer.Ordinal);
    private string? folder;
    private long opened;
    private long claimed;

    /// <summary>Opens the file of a tensor and checks that the tensor lies inside it.</summary>
    /// <param name="name">Name of the tensor, for messages.</param>
    /// <param name="location">Location that the tensor states.</param>
    /// <param name="bytes">Size of the tensor in bytes.</param>
    /// <returns>The file, owned by this object, and the offset of the tensor's first byte.</returns>
    /// <exception cref="WeightsException">The file is refused, missing or too short.</exception>
    public (WeightsFile File, long Offset) Find(string name, OnnxExternalLocation location, long bytes)
    {
        if (location.Path is not { } path) throw Refused(name, "has no location");
        long offset = Number(name, ExternalDataKey.Offset, location.Offset, 0);
        long length = Number(name, ExternalDataKey.Length, location.Length, bytes);
        if (length != bytes) throw Refused(name, $"claims {length} bytes where the tensor needs {bytes}");
        WeightsFile file = Open(name, path);
        if (offset > file.Length || bytes > file.Length - offset)
        {
            string claim = $"claims {bytes} bytes from byte {offset} of {FileText.Clean(path)}, which has {file.Length}";
            throw Refused(name, $"{claim}; the file may be cut off");
        }
        claimed += Math.Min(bytes, long.MaxValue - claimed);
        if (claimed / LargestShare > opened) throw Refused(name, "and others claim the same bytes again and again");
        return (file, offset);
    }

    /// <summary>The files opened so far.</summary>
    public IEnumerable<WeightsFile> Files => files.Values;

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (WeightsFile file in files.Values) file.Dispose();
    }

    private WeightsFile Open(string name, string path)
    {
        string[] parts = Parts(name, path);
        budget.Charge(BytesPerFile + parts.Length * (BytesPerPart + 2L * sizeof(char) * (modelPath.Length + path.Length)));
        string plain = string.Join('/', parts), shown = FileText.Clean(path);
        if (files.TryGetValue(plain, out WeightsFile? file)) return file;
        try
        {
            folder ??= RealPath.Of(Path.GetDirectoryName(Path.GetFullPath(modelPath))!);
            string real = RealPath.Of(Path.Combine(folder, plain));
            string inside = Path.EndsInDirectorySeparator(folder) ? folder : folder + Path.DirectorySeparatorChar;
            if (!real.StartsWith(inside, StringComparison.Ordinal))
                throw Refused(name, $"is at {shown}, a link that leads out of the model's folder; put the file itself there");
            if (InputFile.Length(real) == 0) throw Refused(name, $"is at {shown}, which is empty or no regular file");
            file = WeightsFile.Open(real);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Refused(name, $"is at {shown}, which cannot be read: {FileText.Clean(e.Message)}; it belongs beside the model");
        }
        files.Add(plain, file);
        opened += file.Length;
        return file;
    }

    /// <summary>Parts of a path inside the folder, without empty parts and single dots.</summary>
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
                $"is at {FileText.Clean(path)}; only a path inside the model's folder is allowed, with forward slashes and without '..', "
                + $"of at most {LongestPath} characters");
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
