using System.Collections;
using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using IlgpuResNet.Files;

namespace IlgpuResNet.Weights;

/// <summary>
/// The tensors of a weights file by name, in file order. Names are torchvision's: a prefix such as <c>module.</c> is removed, and the
/// names of ResNets from Hugging Face, timm and others are translated. A tensor's elements stay in the file, which is kept open, until they
/// are copied out; a file that was changed or cut meanwhile is refused then. Safe to read from several threads.
/// </summary>
[SuppressMessage("Naming", "CA1710", Justification = "PyTorch's name.")]
public sealed class StateDict : IReadOnlyDictionary<string, StateTensor>, IDisposable
{
    // Allowance for views that repeat elements (expand); every stored element takes at least one byte of the file.
    private const long RepeatedElements = 4 << 20;

    private readonly OrderedDictionary<string, StateTensor> tensors = new(StringComparer.Ordinal);
    private readonly IDisposable? file;

    /// <summary>Makes a state dict of tensors with unique names, and takes over the file they lie in.</summary>
    internal StateDict(
        string source, IEnumerable<StateTensor> tensors, IReadOnlyDictionary<string, string>? metadata = null, IDisposable? file = null)
    {
        Source = source;
        Metadata = metadata ?? ImmutableDictionary<string, string>.Empty;
        this.file = file;
        foreach (StateTensor tensor in tensors)
        {
            if (!this.tensors.TryAdd(tensor.Name, tensor))
                throw new WeightsException($"{source}: two tensors are called {FileText.Clean(tensor.Name)}.");
        }
    }

    /// <summary>Path of the file, or the name that stands for it in messages.</summary>
    public string Source { get; }

    /// <summary>Free text by key: <c>__metadata__</c> of safetensors files; empty for <c>.pth</c> files.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <inheritdoc/>
    public int Count => tensors.Count;

    /// <inheritdoc/>
    public IEnumerable<string> Keys => tensors.Keys;

    /// <inheritdoc/>
    public IEnumerable<StateTensor> Values => tensors.Values;

    /// <summary>The tensor of this name.</summary>
    /// <exception cref="WeightsException">There is none.</exception>
    public StateTensor this[string key] =>
        TryGetValue(key, out StateTensor? tensor)
            ? tensor
            : throw new WeightsException($"{Source}: tensor {FileText.Clean(key)} is missing.");

    /// <summary>
    /// Names in the file of the tensors beside the network, such as another head, a loss or what an optimizer keeps. They are not in the
    /// state dict. Empty for a file in which no ResNet was found, all of whose tensors are kept.
    /// </summary>
    public ImmutableArray<string> LeftOut { get; internal init; } = [];

    /// <summary>Keys of the file's other networks, for <see cref="Load"/>.</summary>
    public ImmutableArray<string> OtherKeys { get; internal init; } = [];

    /// <summary>Modules of a pickled network by their path, with a dot at the end; empty for all other files.</summary>
    internal IReadOnlyDictionary<string, ModuleFacts> Modules { get; private init; } = ImmutableDictionary<string, ModuleFacts>.Empty;

    /// <summary>
    /// Opens a weights file, the files of an index (<c>model.safetensors.index.json</c>), or the weights in a folder as hubs have them. The
    /// format is recognised by content: safetensors, or what <c>torch.save</c> (the zip format, or the stream format used before 1.6) or
    /// <c>torch.jit.save</c> wrote. A checkpoint may hold the network under any entry, and its names may have any prefix. Nothing in the
    /// file is executed.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="key">
    /// Which of several networks: an entry, such as <c>state_dict_ema</c>, or the prefix of its names, such as <c>encoder_k</c>. Null for
    /// the one that training scripts usually mean.
    /// </param>
    /// <exception cref="WeightsException">
    /// The file is missing, unreadable, damaged, of another format, or has several networks of which none is the usual one.
    /// </exception>
    public static StateDict Load(string path, string? key = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        path = WeightsLocation.Resolve(path);
        return ShardedIndex.IsIndex(path) ? ShardedIndex.Load(path, key) : Open(path, new NetworkRequest(key));
    }

    /// <summary>Opens one file, as <see cref="Load"/> does, but with the names that are in it.</summary>
    internal static StateDict LoadAsNamed(string path) => Open(path, new NetworkRequest(AsNamed: true));

    private static StateDict Open(string path, NetworkRequest request)
    {
        WeightsFile file = WeightsFile.Open(path);
        try
        {
            WeightsContent content = file.Parse(lease => Read(lease, request));
            return new StateDict(path, content.Tensors.Select(entry => InFile(file, entry)), content.Metadata, file)
            {
                LeftOut = content.LeftOut,
                OtherKeys = content.Others,
                Modules = content.Modules,
            };
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Makes a state dict of arrays. The arrays are kept, not copied.</summary>
    /// <param name="tensors">Unique names, shapes, and values in row-major order, as many as the shape has elements.</param>
    /// <param name="source">Name that stands for a path in messages.</param>
    /// <param name="metadata">Free text by key.</param>
    /// <exception cref="ArgumentException">The number of values differs from the number of elements of the shape.</exception>
    /// <exception cref="WeightsException">A name occurs twice.</exception>
    public static StateDict Create(
        IEnumerable<(string Name, ImmutableArray<int> Shape, float[] Values)> tensors,
        string source = "memory",
        IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        return new StateDict(source, tensors.Select(Make), metadata);

        static StateTensor Make((string Name, ImmutableArray<int> Shape, float[] Values) tensor)
        {
            var made = new ArrayTensor { Name = tensor.Name, Shape = tensor.Shape, DataType = DataType.Float32, Values = tensor.Values };
            return made.Count == tensor.Values.Length
                ? made
                : throw new ArgumentException(
                    $"tensor {FileText.Clean(tensor.Name)} of shape {FileText.Shape(tensor.Shape)} needs {made.Count} values, "
                    + $"but {tensor.Values.Length} were given.",
                    nameof(tensors));
        }
    }

    /// <summary>
    /// Writes a safetensors file, each tensor in its own element type. An existing file is replaced whole or left unchanged.
    /// </summary>
    /// <param name="path">Path of the file to create or replace.</param>
    /// <param name="metadata">Free text by key; null for <see cref="Metadata"/>.</param>
    /// <exception cref="WeightsException">The file cannot be written.</exception>
    /// <exception cref="ObjectDisposedException">The state dict was disposed.</exception>
    public void Save(string path, IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (ContainsKey(SafetensorsReader.MetadataKey))
        {
            throw new WeightsException(
                $"{path}: cannot be written: safetensors has no room for a tensor called {SafetensorsReader.MetadataKey}.");
        }
        SafetensorsWriter.Write(this, path, metadata ?? Metadata);
    }

    /// <inheritdoc/>
    public bool ContainsKey(string key) => tensors.ContainsKey(key);

    /// <inheritdoc/>
    public bool TryGetValue(string key, [MaybeNullWhen(false)] out StateTensor value) => tensors.TryGetValue(key, out value);

    /// <inheritdoc/>
    public IEnumerator<KeyValuePair<string, StateTensor>> GetEnumerator() => tensors.GetEnumerator();

    /// <inheritdoc/>
    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>True after the first call of <see cref="Dispose"/>.</summary>
    internal bool IsDisposed { get; private set; }

    /// <summary>Closes the file after the copies in progress on other threads.</summary>
    public void Dispose()
    {
        IsDisposed = true;
        file?.Dispose();
    }

    private static WeightsContent Read(WeightsFile.Lease lease, NetworkRequest request)
    {
        WeightsFile file = lease.File;
        var budget = new ReadBudget(file.Path, file.Length);
        WeightsContent content = WeightsFormats.Recognise(lease) switch
        {
            WeightsFormat.Safetensors => SafetensorsReader.Read(lease, budget, request),
            WeightsFormat.TorchZip => Torch.TorchZipReader.Read(lease, budget, request),
            _ => Torch.TorchStreamReader.Read(lease, budget, request),
        };
        CheckElements(file, content.Tensors);
        return content;
    }

    private static FileTensor InFile(WeightsFile file, TensorEntry entry) => new()
    {
        Name = entry.Name,
        Shape = entry.Shape,
        DataType = entry.DataType,
        File = file,
        Offset = entry.Offset,
        Strides = entry.Strides,
    };

    /// <summary>
    /// Refuses files whose views repeat so many elements that a few bytes would expand to gigabytes when they are copied out.
    /// </summary>
    private static void CheckElements(WeightsFile file, List<TensorEntry> tensors)
    {
        Int128 elements = 0;
        foreach (TensorEntry tensor in tensors)
        {
            Int128 count = 1;
            foreach (int size in tensor.Shape) count = Int128.Min(count * size, long.MaxValue);
            elements += count;
        }
        if (elements > file.Length + RepeatedElements)
        {
            throw new WeightsException(
                $"{file.Path}: refused: its tensors claim {elements} elements, more than a file of {file.Length} bytes justifies.");
        }
    }
}
