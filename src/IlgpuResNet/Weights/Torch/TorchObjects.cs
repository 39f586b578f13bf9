using System.Collections.Immutable;
using IlgpuResNet.Files;

namespace IlgpuResNet.Weights.Torch;

/// <summary>
/// Builds the values that the known functions of a pickle return, and keeps all other calls as names. No Python code is looked up or
/// called.
/// </summary>
internal sealed class TorchObjects(ReadBudget budget)
{
    private const int BytesPerTensor = 400;
    private const int BytesPerSize = 48;
    private const int BytesPerObject = 160;

    private readonly Dictionary<string, StorageReference> storages = new(StringComparer.Ordinal);

    /// <summary>All storages that the pickle named, by key.</summary>
    public IReadOnlyDictionary<string, StorageReference> Storages => storages;

    /// <summary>Returns the value of a function applied to arguments, or of a class that makes an object.</summary>
    public PickleValue Call(TorchGlobal function, PickleValue[] arguments) => function.Kind switch
    {
        TorchGlobalKind.Dict => MakeDict(arguments),
        TorchGlobalKind.RebuildTensor => RebuildTensor(function, arguments),
        TorchGlobalKind.RebuildParameter when arguments is [TensorReference or PickleObject, ..] => arguments[0],
        TorchGlobalKind.RebuildParameter => throw Damaged("a parameter has unexpected arguments"),
        TorchGlobalKind.RebuildFromType => RebuildFromType(function, arguments),
        TorchGlobalKind.Size when arguments is [PickleTuple sizes] => sizes,
        _ => Opaque(function, arguments),
    };

    /// <summary>Keeps a call that is not made.</summary>
    public PickleObject Opaque(TorchGlobal function, PickleValue[] arguments)
    {
        budget.Charge(BytesPerObject);
        return new PickleObject(function, arguments);
    }

    /// <summary>
    /// Returns what a persistent id names: a storage, <c>("storage", class, key, device, count)</c>, to which stream files add None or
    /// <c>(key, offset, count)</c>, the part that tensors use; or a class with its source code, <c>("module", class, file, code)</c>.
    /// </summary>
    public PickleValue Persistent(PickleValue id)
    {
        if (id is PickleTuple { Items: [PickleText("module"), TorchGlobal module, ..] }) return module;
        if (id is not PickleTuple { Items: { Length: 5 or 6 } parts }
            || parts[0] is not PickleText("storage")
            || parts[1] is not TorchGlobal type
            || parts[2] is not PickleText(var key)
            || parts[4] is not PickleInteger(var count)
            || count < 0 || count > long.MaxValue / type.DataType.Size())
        {
            throw Damaged("a storage is not described as torch.save does");
        }
        if (type.IsUnknownStorage) return Opaque(type, []);
        if (type.Kind is not TorchGlobalKind.Storage) throw Damaged("a storage is not described as torch.save does");
        (long offset, long length) = parts.Length == 6 && parts[5] is not PickleNone ? View(parts[5], count) : (0, count);
        budget.Charge(BytesPerTensor);
        var storage = new StorageReference(key, type.DataType, count, offset, length);
        if (storages.TryAdd(key, storage)) return storage;
        StorageReference first = storages[key];
        if (first.DataType != storage.DataType || first.Count != storage.Count)
            throw Damaged($"storage {FileText.Clean(key)} is described in two ways");
        return storage;
    }

    private (long Offset, long Length) View(PickleValue view, long count) =>
        view is PickleTuple([_, PickleInteger(var offset), PickleInteger(var length)])
        && offset >= 0 && length >= 0 && offset <= count && length <= count - offset
            ? (offset, length)
            : throw Damaged("a view of a storage lies outside it");

    private PickleDict MakeDict(PickleValue[] arguments)
    {
        budget.Charge(BytesPerTensor);
        var dict = new PickleDict();
        if (arguments is []) return dict;
        // Python 2 wrote an OrderedDict as a list of its pairs.
        if (arguments is [PickleDict copied])
        {
            budget.Charge((long)BytesPerSize * copied.Items.Count);
            dict.Items.AddRange(copied.Items);
            return dict;
        }
        if (arguments is not [PickleList pairs]) throw Damaged("a dict has unexpected arguments");
        foreach (PickleValue pair in pairs.Items)
        {
            (PickleValue key, PickleValue value) = pair switch
            {
                PickleList { Items: [var first, var second] } => (first, second),
                PickleTuple([var first, var second]) => (first, second),
                _ => throw Damaged("a dict has an item that is not a pair"),
            };
            budget.Charge(BytesPerSize);
            dict.Items.Add(new(key, value));
        }
        return dict;
    }

    /// <summary>Reads <c>(storage, offset, size, stride, ...)</c>; later arguments (gradients, hooks) are ignored.</summary>
    private PickleValue RebuildTensor(TorchGlobal function, PickleValue[] arguments)
    {
        if (arguments is [PickleObject, ..]) return Opaque(function, arguments);
        if (arguments is not [StorageReference storage, PickleInteger(var offset), PickleTuple(var sizes), PickleTuple(var steps), ..])
            throw Damaged("a tensor is not described as torch.save does");
        if (sizes.Length > SafetensorsReader.HighestRank || steps.Length != sizes.Length)
            throw Damaged("a tensor has a shape and strides that do not fit");
        budget.Charge(BytesPerTensor + BytesPerSize * sizes.Length);

        var shape = ImmutableArray.CreateBuilder<int>(sizes.Length);
        var strides = ImmutableArray.CreateBuilder<long>(sizes.Length);
        Int128 reach = offset;
        for (int d = 0; d < sizes.Length; d++)
        {
            if (sizes[d] is not PickleInteger(>= 0 and <= int.MaxValue and var size) || steps[d] is not PickleInteger(>= 0 and var stride))
                throw Damaged("a tensor has a size or stride that is not a whole number of 0 or more");
            shape.Add((int)size);
            strides.Add(stride);
            reach += ((Int128)size - 1) * stride;
        }
        bool empty = shape.Contains(0);
        if (offset < 0 || (!empty && reach >= storage.ViewCount))
        {
            string sizesText = FileText.Shape(shape.ToImmutable());
            throw Damaged($"a tensor of shape {sizesText} reaches outside its storage of {storage.ViewCount} elements");
        }

        bool packed = empty || IsPacked(shape, strides);
        long first = empty ? 0 : storage.ViewOffset + offset;
        return new TensorReference(storage, first, shape.MoveToImmutable(), packed ? default : strides.MoveToImmutable());
    }

    /// <summary>
    /// Reads <c>(function, class, arguments, attributes)</c>; only plain classes are known, and their attributes are dropped.
    /// </summary>
    private PickleValue RebuildFromType(TorchGlobal function, PickleValue[] arguments) => arguments is
    [
        TorchGlobal { Kind: TorchGlobalKind.RebuildTensor or TorchGlobalKind.RebuildParameter } rebuild,
        TorchGlobal { Kind: TorchGlobalKind.TensorClass },
        PickleTuple(var own),
        ..
    ]
        ? Call(rebuild, own)
        : Opaque(function, arguments);

    private static bool IsPacked(ImmutableArray<int>.Builder shape, ImmutableArray<long>.Builder strides)
    {
        long expected = 1;
        for (int d = shape.Count - 1; d >= 0; d--)
        {
            if (shape[d] == 1) continue;
            if (strides[d] != expected) return false;
            expected *= shape[d];
        }
        return true;
    }

    private WeightsException Damaged(string what) => new($"{budget.Source}: damaged .pth file: {what}.");
}
