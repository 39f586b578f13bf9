using IlgpuResNet.Files;

namespace IlgpuResNet.Weights.Torch;

/// <summary>Functions and classes that a pickle may name. None is ever called: this library does the work of those that it knows.</summary>
internal enum TorchGlobalKind
{
    /// <summary>Any other name, of which nothing but the name is used.</summary>
    Opaque,

    /// <summary><c>dict</c> and <c>collections.OrderedDict</c>.</summary>
    Dict,

    /// <summary><c>torch._utils._rebuild_tensor</c> and <c>_rebuild_tensor_v2</c>.</summary>
    RebuildTensor,

    /// <summary><c>torch._utils._rebuild_parameter</c> and <c>_rebuild_parameter_with_state</c>.</summary>
    RebuildParameter,

    /// <summary><c>torch._tensor._rebuild_from_type_v2</c>: a tensor of a given class, with attributes.</summary>
    RebuildFromType,

    /// <summary><c>torch.Tensor</c> and <c>torch.nn.Parameter</c>.</summary>
    TensorClass,

    /// <summary><c>torch.Size</c>.</summary>
    Size,

    /// <summary>A class of a storage.</summary>
    Storage,
}

/// <summary>A name in a pickle, with the element type for a storage.</summary>
internal sealed record TorchGlobal(TorchGlobalKind Kind, string Module, string Name, DataType DataType = DataType.UInt8) : PickleValue
{
    /// <summary>
    /// The full name for messages. Python pickles functions of the <c>os</c> module under the name of the platform's module.
    /// </summary>
    public string Full => $"{(Module is "posix" or "nt" ? "os" : FileText.Clean(Module))}.{FileText.Clean(Name)}";

    /// <summary>True for a class of storages whose element type is not supported.</summary>
    public bool IsUnknownStorage => Kind is TorchGlobalKind.Opaque && Module is "torch" or "torch.cuda" or "torch.storage"
        && Name.EndsWith("Storage", StringComparison.Ordinal);

    /// <summary>True for a class that TorchScript made.</summary>
    public bool IsScript => Module.StartsWith("__torch__", StringComparison.Ordinal);
}

/// <summary>The names that this library knows.</summary>
internal static class TorchGlobals
{
    private static readonly (string Name, DataType Type)[] Storages =
    [
        ("FloatStorage", DataType.Float32),
        ("HalfStorage", DataType.Float16),
        ("BFloat16Storage", DataType.BFloat16),
        ("DoubleStorage", DataType.Float64),
        ("CharStorage", DataType.Int8),
        ("ShortStorage", DataType.Int16),
        ("IntStorage", DataType.Int32),
        ("LongStorage", DataType.Int64),
        ("ByteStorage", DataType.UInt8),
        ("BoolStorage", DataType.Bool),
    ];

    private static readonly Dictionary<(string Module, string Name), TorchGlobal> Known = MakeKnown();

    /// <summary>Returns the name in <c>torch</c> of the storage class for an element type.</summary>
    public static string StorageName(DataType type) => Array.Find(Storages, storage => storage.Type == type).Name;

    /// <summary>Returns what is known about a name; an unknown one is opaque.</summary>
    public static TorchGlobal Find(string module, string name) =>
        Known.TryGetValue((module, name), out TorchGlobal? global) ? global : new TorchGlobal(TorchGlobalKind.Opaque, module, name);

    private static Dictionary<(string Module, string Name), TorchGlobal> MakeKnown()
    {
        var known = new Dictionary<(string Module, string Name), TorchGlobal>();
        Add(TorchGlobalKind.Dict, "collections", "OrderedDict");
        Add(TorchGlobalKind.Dict, "builtins", "dict");
        Add(TorchGlobalKind.Dict, "__builtin__", "dict");
        Add(TorchGlobalKind.RebuildTensor, "torch._utils", "_rebuild_tensor");
        Add(TorchGlobalKind.RebuildTensor, "torch._utils", "_rebuild_tensor_v2");
        Add(TorchGlobalKind.RebuildParameter, "torch._utils", "_rebuild_parameter");
        Add(TorchGlobalKind.RebuildParameter, "torch._utils", "_rebuild_parameter_with_state");
        Add(TorchGlobalKind.RebuildFromType, "torch._tensor", "_rebuild_from_type_v2");
        Add(TorchGlobalKind.TensorClass, "torch", "Tensor");
        Add(TorchGlobalKind.TensorClass, "torch.nn.parameter", "Parameter");
        Add(TorchGlobalKind.TensorClass, "torch.nn.parameter", "Buffer");
        Add(TorchGlobalKind.Size, "torch", "Size");
        // An untyped storage counts bytes.
        Add(TorchGlobalKind.Storage, "torch", "UntypedStorage");
        Add(TorchGlobalKind.Storage, "torch.storage", "UntypedStorage");
        Add(TorchGlobalKind.Storage, "torch.storage", "_UntypedStorage");
        foreach ((string name, DataType type) in Storages)
        {
            Add(TorchGlobalKind.Storage, "torch", name, type);
            Add(TorchGlobalKind.Storage, "torch.cuda", name, type);
            Add(TorchGlobalKind.Storage, "torch.storage", name, type);
        }
        return known;

        void Add(TorchGlobalKind kind, string module, string name, DataType type = DataType.UInt8) =>
            known.Add((module, name), new TorchGlobal(kind, module, name, type));
    }
}
