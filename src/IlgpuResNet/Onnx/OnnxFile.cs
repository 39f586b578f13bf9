using System.Collections.Immutable;
using IlgpuResNet.Files;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Onnx;

/// <summary>
/// An ONNX model. The file stays mapped and its initializers are read where they lie, until it is disposed; it must not be
/// changed while mapped. Safe to read from several threads.
/// </summary>
internal sealed class OnnxFile : IDisposable
{
    /// <summary>A protobuf file is shorter than 2 GB; larger models keep weights in files of their own.</summary>
    public const long LongestFile = int.MaxValue;

    private readonly OnnxModelContent content;
    private readonly MappedFile file;
    private readonly OnnxExternalData external;

    private OnnxFile(OnnxModelContent content, MappedFile file, OnnxExternalData external, ReadBudget budget)
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

    /// <summary>Version of the operator set by domain; <c>""</c> is ONNX itself, also where the file says <c>ai.onnx</c>.</summary>
    public ImmutableDictionary<string, long> Opsets => content.Opsets;

    /// <summary>Free text by key.</summary>
    public ImmutableDictionary<string, string> Metadata => content.Metadata;

    /// <summary>The graph.</summary>
    public OnnxGraph Graph => content.Graph;

    /// <summary>What is left of the memory that loading may take, for who makes something of the graph while loading.</summary>
    public ReadBudget Budget { get; }

    /// <summary>Bytes of the file and of all files of external data.</summary>
    public long Length => file.Length + ExternalLength;

    private long ExternalLength => external.Files.Sum(part => part.Length);

    /// <summary>What making something of the graph may take at any later time.</summary>
    public ReadBudget NewBudget() => new(Path, Length);

    /// <summary>True from the first call of <see cref="Dispose"/>.</summary>
    public bool IsDisposed { get; private set; }

    /// <summary>Opens a model.</summary>
    /// <exception cref="WeightsException">The file is missing, unreadable, damaged, or holds what this library does not read.</exception>
    public static OnnxFile Load(string path)
    {
        MappedFile file = Open(path);
        var budget = new ReadBudget(path, file.Length);
        var external = new OnnxExternalData(path, budget);
        try
        {
            using MappedFile.Lease lease = file.Borrow();
            var message = new ProtoReader(lease.Span(0, (int)file.Length), 0, "ModelProto", budget);
            return new OnnxFile(OnnxModelReader.Read(message, new OnnxTensorReader(file, external)), file, external, budget);
        }
        catch
        {
            external.Dispose();
            file.Dispose();
            throw;
        }
    }

    /// <summary>Maps a protobuf file, and refuses what is clearly something else.</summary>
    /// <exception cref="WeightsException">It is missing, no regular file, empty, too long, or of another format.</exception>
    internal static MappedFile Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        try
        {
            long length = InputFile.Length(path);
            if (length == 0) throw new WeightsException($"{path}: the file is empty or no regular file; an ONNX file was expected.");
            if (length > LongestFile) throw new WeightsException($"{path}: has {length} bytes; an ONNX file ends at {LongestFile}, and larger weights are saved as external data beside it.");
        }
        catch (IOException e)
        {
            throw new WeightsException($"{path}: cannot be read: {FileText.Clean(e.Message)}; an ONNX file was expected.", e);
        }
        MappedFile file = MappedFile.Open(path);
        try
        {
            using MappedFile.Lease lease = file.Borrow();
            ReadOnlySpan<byte> start = lease.Span(0, (int)Math.Min(file.Length, OnnxRecognition.LookAt));
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

    /// <summary>Closes the files. Copies that are under way on other threads are completed first.</summary>
    public void Dispose()
    {
        IsDisposed = true;
        external.Dispose();
        file.Dispose();
    }
}
