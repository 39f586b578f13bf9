using IlgpuResNet.Files;

namespace IlgpuResNet.Weights.Torch;

/// <summary>Functions and classes that a state dict may name. None is ever called: this library does their work itself.</summary>
internal enum TorchGlobalKind
{
    /// <summary><c>dict</c> and <c>collections.OrderedDict</c>.</summary>
    Dict,

    /// <summary><c>torch._utils._rebuild_tensor</c> and <c>_rebuild_tensor_v2</c>.</summary>
    RebuildTensor,

    /// <summary><c>torch._utils._rebuild_parameter</c>.</summary>
    RebuildParameter,

    /// <summary><c>torch.Size</c>.</summary>
    Size,

    /// <summary>A class of a storage.</summary>
    Storage,
}

/// <summary>An allowed name, with the element type for a storage.</summary>
internal sealed record TorchGlobal(TorchGlobalKind Kind, DataType DataType = DataType.UInt8) : PickleValue;

/// <summary>The allow-list of names in a pickle.</summary>
internal static class TorchGlobals
{
    private const string Advice = "in Python, where you trust the file, load it and save torch.save(model.state_dict(), path)";

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

    private static readonly Dictionary<(string Module, string Name), TorchGlobal> Allowed = MakeAllowed();

    /// <summary>Returns the name in <c>torch</c> of the storage class for an element type.</summary>
    public static string StorageName(DataType type) => Array.Find(Storages, storage => storage.Type == type).Name;

    /// <summary>Finds a name on the allow-list.</summary>
    /// <exception cref="WeightsException">The name is not on the list; the message says what the file asked for.</exception>
    public static TorchGlobal Find(string source, string module, string name) =>
        Allowed.TryGetValue((module, name), out TorchGlobal? global) ? global : throw Refusal(source, module, name);

    private static WeightsException Refusal(string source, string module, string name)
    {
        // Python pickles functions of the os module under the name of the platform's module.
        string full = $"{(module is "posix" or "nt" ? "os" : FileText.Clean(module))}.{FileText.Clean(name)}";
        if (module is "torch" or "torch.cuda" or "torch.storage" && name.EndsWith("Storage", StringComparison.Ordinal))
        {
            return new WeightsException(
                $"{source}: refused: it holds a {full}, whose element type is not supported; convert the tensors to float32.");
        }
        if (module.StartsWith("__torch__", StringComparison.Ordinal))
        {
            return new WeightsException(
                $"{source}: refused: it is a TorchScript program ({full}), and only state dicts are read; "
                + $"nothing was executed. To convert it: {Advice}.");
        }
        if (module.StartsWith("torch.nn.", StringComparison.Ordinal)
            || module.StartsWith("torchvision.models", StringComparison.Ordinal)
            || module.StartsWith("timm.", StringComparison.Ordinal))
        {
            return new WeightsException(
                $"{source}: refused: it is a whole pickled model ({full}), and only state dicts are read; "
                + $"nothing was executed. To convert it: {Advice}.");
        }
        return new WeightsException(
            $"{source}: refused: it asks Python to call {full}, which a state dict does not need; "
            + $"nothing was executed. To convert it: {Advice}.");
    }

    private static Dictionary<(string Module, string Name), TorchGlobal> MakeAllowed()
    {
        var allowed = new Dictionary<(string Module, string Name), TorchGlobal>
        {
            [("collections", "OrderedDict")] = new(TorchGlobalKind.Dict),
            [("builtins", "dict")] = new(TorchGlobalKind.Dict),
            [("__builtin__", "dict")] = new(TorchGlobalKind.Dict),
            [("torch._utils", "_rebuild_tensor")] = new(TorchGlobalKind.RebuildTensor),
            [("torch._utils", "_rebuild_tensor_v2")] = new(TorchGlobalKind.RebuildTensor),
            [("torch._utils", "_rebuild_parameter")] = new(TorchGlobalKind.RebuildParameter),
            [("torch", "Size")] = new(TorchGlobalKind.Size),
            // An untyped storage counts bytes.
            [("torch", "UntypedStorage")] = new(TorchGlobalKind.Storage),
            [("torch.storage", "UntypedStorage")] = new(TorchGlobalKind.Storage),
            [("torch.storage", "_UntypedStorage")] = new(TorchGlobalKind.Storage),
        };
        foreach ((string name, DataType type) in Storages)
        {
            allowed[("torch", name)] = new(TorchGlobalKind.Storage, type);
            allowed[("torch.cuda", name)] = new(TorchGlobalKind.Storage, type);
            allowed[("torch.storage", name)] = new(TorchGlobalKind.Storage, type);
        }
        return allowed;
    }
}
