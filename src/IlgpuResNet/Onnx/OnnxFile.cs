using System.Collections.Immutable;

namespace IlgpuResNet.Onnx;

/// <summary>
/// An ONNX model. The file stays mapped and its initializers are read where they lie, until it is disposed; it must not be
/// changed while mapped. Safe to read from several threads.
/// </summary>
internal sealed class OnnxFile : IDisposable
{
    private OnnxFile(string path) => Path = path;

    /// <summary>The path as given, for messages.</summary>
    public string Path { get; }

    /// <summary>Version of the file format.</summary>
    public long IrVersion { get; init; }

    /// <summary>Name of the program that wrote the file, or empty.</summary>
    public string Producer { get; init; } = "";

    /// <summary>Version of the operator set by domain; <c>""</c> is ONNX itself, also where the file says <c>ai.onnx</c>.</summary>
    public ImmutableDictionary<string, long> Opsets { get; init; } = ImmutableDictionary<string, long>.Empty;

    /// <summary>Free text by key.</summary>
    public ImmutableDictionary<string, string> Metadata { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>The graph.</summary>
    public required OnnxGraph Graph { get; init; }

    /// <summary>True from the first call of <see cref="Dispose"/>.</summary>
    public bool IsDisposed { get; private set; }

    /// <summary>Opens a model.</summary>
    /// <exception cref="WeightsException">The file is missing, unreadable, damaged, or holds what this library does not read.</exception>
    public static OnnxFile Load(string path) => throw new WeightsException($"{path}: cannot be read yet.");

    /// <summary>Tells from the first bytes of a file (512 are enough) whether it is an ONNX model.</summary>
    public static bool LooksLikeOnnx(ReadOnlySpan<byte> start) => start is [0x08, < 0x20, ..];

    /// <summary>Closes the files. Copies that are under way on other threads are completed first.</summary>
    public void Dispose() => IsDisposed = true;
}
