using System.Text.Json;
using System.Text.Json.Serialization;
using IlgpuResNet.Files;

namespace IlgpuResNet.Execution;

/// <summary>
/// The file that keeps which kernel was the fastest for a convolution: for each device, driver and version of this library, and for
/// each shape, the kernel's name. What cannot be read as such a file is left as it is, and nothing is kept.
/// </summary>
internal sealed partial class TuningFile
{
    private const string Format = "ilgpu-resnet tuning 1";

    /// <summary>Far beyond what thousands of networks need; a larger file is none of ours.</summary>
    private const long LargestLength = 64 << 20;

    private readonly string path;
    private readonly Content? content;

    private TuningFile(string path, Content? content, string? warning)
    {
        this.path = path;
        this.content = content;
        Warning = warning;
    }

    /// <summary>Why the file is of no use, in one line; null when it is, or does not exist yet.</summary>
    public string? Warning { get; private set; }

    public static TuningFile Open(string path)
    {
        try
        {
            if (!Path.Exists(path)) return new TuningFile(path, new Content(Format, []), null);
            long length = InputFile.Length(path);
            // Opening a pipe may wait forever.
            if (length == 0) return Refuse("it is empty, or no regular file");
            if (length > LargestLength) return Refuse($"it has {length} bytes, more than {LargestLength}");
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            // A system's file says that it is empty and is not.
            byte[] bytes = new byte[length];
            stream.ReadExactly(bytes);
            Content? read = JsonSerializer.Deserialize(bytes, ContentContext.Default.Content);
            return read is { Format: Format, Devices: { } devices } && devices.Values.All(shapes => shapes is not null && shapes.Values.All(kernel => kernel is not null))
                ? new TuningFile(path, read, null)
                : Refuse("it is not a tuning file of this library");
        }
        catch (JsonException)
        {
            return Refuse("it is damaged, or not a tuning file");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            return Refuse(FileText.OneLine(e.Message));
        }

        TuningFile Refuse(string reason) =>
            new(path, null, $"{path}: the tuning file cannot be used: {reason.TrimEnd('.')}. Kernels are timed and not kept; delete the file or name another.");
    }

    /// <summary>The name of the kernel that was the fastest, or null when it is not known.</summary>
    public string? this[string device, string shape] => content?.Devices.GetValueOrDefault(device)?.GetValueOrDefault(shape);

    /// <summary>Adds what was found and writes the file, with what other processes have written meanwhile.</summary>
    public void Save(string device, IReadOnlyDictionary<string, string> kernels)
    {
        if (content is null || kernels.Count == 0) return;
        Content latest = Open(path).content ?? content;
        if (!latest.Devices.TryGetValue(device, out Dictionary<string, string>? shapes)) latest.Devices[device] = shapes = [];
        foreach ((string shape, string kernel) in kernels) shapes[shape] = kernel;
        try
        {
            AtomicFile.Write(path, stream => JsonSerializer.Serialize(stream, latest, ContentContext.Default.Content));
        }
        catch (IOException e)
        {
            Warning = $"{path}: the tuning file cannot be written: {FileText.OneLine(e.Message).TrimEnd('.')}. Kernels are timed again in the next session; name a file that can be written.";
        }
    }

    internal sealed record Content(string Format, Dictionary<string, Dictionary<string, string>> Devices);

    [JsonSerializable(typeof(Content))]
    [JsonSourceGenerationOptions(WriteIndented = true)]
    private sealed partial class ContentContext : JsonSerializerContext;
}
