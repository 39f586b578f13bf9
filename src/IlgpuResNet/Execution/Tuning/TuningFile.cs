using System.Text.Json;
using System.Text.Json.Serialization;
using IlgpuResNet.Files;

namespace IlgpuResNet.Execution;

/// <summary>
/// The file in which sessions keep the fastest method of each convolution: for each device, driver and version of this library, and for
/// each shape, the method's name. A file that cannot be read as one is left as it is, and nothing is kept.
/// </summary>
internal sealed partial class TuningFile
{
    private const string Format = "ilgpu-resnet tuning 1";

    /// <summary>Far more than thousands of networks need; a larger file is no tuning file.</summary>
    private const long LargestLength = 64 << 20;

    private readonly string path;
    private readonly Content? content;

    private TuningFile(string path, Content? content, string? warning)
    {
        this.path = path;
        this.content = content;
        Warning = warning;
    }

    /// <summary>The reason, in one line, why the file cannot be used; null when it can, or does not exist yet.</summary>
    public string? Warning { get; private set; }

    /// <summary>Reads the file; one that cannot be used has a <see cref="Warning"/>.</summary>
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
            return read is { Format: Format, Devices: { } devices }
                && devices.Values.All(shapes => shapes is not null && shapes.Values.All(method => method is not null))
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

        TuningFile Refuse(string reason) => new(
            path, null,
            $"{path}: the tuning file cannot be used: {reason.TrimEnd('.')}. "
            + "Kernels are timed and not kept; delete the file or name another.");
    }

    /// <summary>The name of the fastest method, or null when the file has none.</summary>
    public string? this[string device, string shape] => content?.Devices.GetValueOrDefault(device)?.GetValueOrDefault(shape);

    /// <summary>Adds methods and writes the file, together with what other processes have written to it meanwhile.</summary>
    /// <param name="device">Names the device, its driver and the library's version.</param>
    /// <param name="methods">The fastest method of each shape.</param>
    public void Save(string device, IReadOnlyDictionary<string, string> methods)
    {
        if (content is null || methods.Count == 0) return;
        Content latest = Open(path).content ?? content;
        if (!latest.Devices.TryGetValue(device, out Dictionary<string, string>? shapes)) latest.Devices[device] = shapes = [];
        foreach ((string shape, string method) in methods) shapes[shape] = method;
        try
        {
            AtomicFile.Write(path, stream => JsonSerializer.Serialize(stream, latest, ContentContext.Default.Content));
        }
        catch (IOException e)
        {
            Warning = $"{path}: the tuning file cannot be written: {FileText.OneLine(e.Message).TrimEnd('.')}. "
                + "Kernels are timed again in the next session; name a file that can be written.";
        }
    }

    internal sealed record Content(string Format, Dictionary<string, Dictionary<string, string>> Devices);

    [JsonSerializable(typeof(Content))]
    [JsonSourceGenerationOptions(WriteIndented = true)]
    private sealed partial class ContentContext : JsonSerializerContext;
}
