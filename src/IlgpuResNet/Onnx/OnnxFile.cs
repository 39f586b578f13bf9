using System.Collections.Immutable;
using IlgpuResNet.Files;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Onnx;

/// <summary>
/// An ONNX model in a file, which stays open until this is disposed: initializers are read from it when they are needed. A file that was
/// changed or cut meanwhile is refused then. Safe to read from several threads.
/// </summary>
internal sealed class OnnxFile : IDisposable
{
    /// <summary>Largest length of a protobuf file, in bytes; larger models keep weights in files of external data.</summary>
    public const long LongestFile = int.MaxValue;

    private readonly OnnxModelContent content;
    private readonly WeightsFile file;
    private readonly OnnxExternalData external;

    private OnnxFile(OnnxModelContent content, WeightsFile file, OnnxExternalData external, ReadBudget budget)
    {
        this.content = content;
        this.file = file;
        this.external = external;
        Budget = budget;
        Budget.Extend(ExternalLength);
    }

    /// <summary>The path as given, for messages.</summary>
    public string Path => file.Path;

    /// <summary>Version of the file format.</summary>
    public long IrVersion => content.IrVersion;

    /// <summary>Name of the program that wrote the file, or empty.</summary>
    public string Producer => content.Producer;

    /// <summary>Version of the operator set by domain; <c>""</c> is ONNX itself, also where the file has <c>ai.onnx</c>.</summary>
    public ImmutableDictionary<string, long> Opsets => content.Opsets;

    /// <summary>Free text by key.</summary>
    public ImmutableDictionary<string, string> Metadata => content.Metadata;

    /// <summary>The graph.</summary>
    public OnnxGraph Graph => content.Graph;

    /// <summary>Rest of the memory that loading may take, for building a network from the graph while the model is loaded.</summary>
    public ReadBudget Budget { get; }

    /// <summary>Length of the file and of all files of external data together, in bytes.</summary>
    public long Length => file.Length + ExternalLength;

    private long ExternalLength => external.Files.Sum(part => part.Length);

    /// <summary>Budget of memory for building a network from the graph at a later time.</summary>
    public ReadBudget NewBudget() => new(Path, Length);

    /// <summary>True after the first call of <see cref="Dispose"/>.</summary>
    public bool IsDisposed { get; private set; }

    /// <summary>Opens a model.</summary>
    /// <exception cref="WeightsException">The file is missing, unreadable, damaged, or uses a feature that is not supported.</exception>
    public static OnnxFile Load(string path)
    {
        WeightsFile file = Open(path);
        var budget = new ReadBudget(path, file.Length);
        var external = new OnnxExternalData(path, budget);
        try
        {
            OnnxModelContent content = file.Parse(lease =>
            {
                var message = new ProtoReader(new FileWindow(lease, budget), 0, (int)file.Length, "ModelProto", budget);
                return OnnxModelReader.Read(message, new OnnxTensorReader(file, external));
            });
            return new OnnxFile(content, file, external, budget);
        }
        catch
        {
            external.Dispose();
            file.Dispose();
            throw;
        }
    }

    /// <summary>Opens a protobuf file and refuses a file that is clearly of another format.</summary>
    /// <exception cref="WeightsException">The file is missing, no regular file, empty, too long, or of another format.</exception>
    internal static WeightsFile Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        try
        {
            long length = InputFile.Length(path);
            if (length == 0) throw new WeightsException($"{path}: the file is empty or no regular file; an ONNX file was expected.");
            if (length > LongestFile)
            {
                throw new WeightsException(
                    $"{path}: has {length} bytes; an ONNX file ends at {LongestFile}, and larger weights are saved as external data "
                    + "beside it.");
            }
        }
        catch (IOException e)
        {
            throw new WeightsException($"{path}: cannot be read: {FileText.Clean(e.Message)}; an ONNX file was expected.", e);
        }
        WeightsFile file = WeightsFile.Open(path);
        try
        {
            Span<byte> start = stackalloc byte[(int)Math.Min(file.Length, OnnxRecognition.LookAt)];
            using WeightsFile.Lease lease = file.Borrow();
            lease.Read(0, start);
            if (!OnnxRecognition.LooksLikeOnnx(start) && OnnxRecognition.Guess(start) is { } guess)
                throw new WeightsException($"{path}: not an ONNX file: it looks like {guess}.");
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Closes the files, after copies that are under way on other threads.</summary>
    public void Dispose()
    {
        IsDisposed = true;
        external.Dispose();
        file.Dispose();
    }
}
