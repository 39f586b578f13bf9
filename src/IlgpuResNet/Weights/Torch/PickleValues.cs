using System.Collections.Immutable;

namespace IlgpuResNet.Weights.Torch;

/// <summary>A value that a pickle makes. Besides the kinds below, <see cref="TorchGlobal"/> is one: a name.</summary>
internal abstract record PickleValue;

/// <summary>Python's None.</summary>
internal sealed record PickleNone : PickleValue
{
    public static PickleNone Instance { get; } = new();
}

/// <summary>A value that no state dict is made of: bytes, a set, or an integer beyond 64 bits. Its content is dropped.</summary>
internal sealed record PickleOther : PickleValue
{
    public static PickleOther Instance { get; } = new();
}

/// <summary>A bool.</summary>
internal sealed record PickleBool(bool Value) : PickleValue
{
    public static PickleBool True { get; } = new(true);

    public static PickleBool False { get; } = new(false);
}

/// <summary>An integer of up to 64 bits.</summary>
internal sealed record PickleInteger(long Value) : PickleValue;

/// <summary>A float.</summary>
internal sealed record PickleFloat(double Value) : PickleValue;

/// <summary>A text.</summary>
internal sealed record PickleText(string Value) : PickleValue;

/// <summary>A tuple.</summary>
internal sealed record PickleTuple(PickleValue[] Items) : PickleValue
{
    public static PickleTuple Empty { get; } = new([]);
}

/// <summary>A list, which a pickle fills after making it.</summary>
internal sealed record PickleList : PickleValue
{
    public List<PickleValue> Items { get; } = [];
}

/// <summary>A dict or OrderedDict, which a pickle fills after making it.</summary>
internal sealed record PickleDict : PickleValue
{
    /// <summary>Pairs in the order in which the pickle adds them.</summary>
    public List<KeyValuePair<PickleValue, PickleValue>> Items { get; } = [];

    /// <summary>Returns the last value under a text key, which is the one Python keeps; null without one.</summary>
    public PickleValue? Find(string key) => Items.FindLast(item => item.Key is PickleText text && text.Value == key).Value;
}

/// <summary>
/// An object whose class or function this library does not know. It is what the pickle says about it; nothing was looked up or called.
/// </summary>
/// <param name="Class">Name of the class, or of the function that would return the object.</param>
/// <param name="Arguments">Arguments of the call that Python would make.</param>
internal sealed record PickleObject(TorchGlobal Class, PickleValue[] Arguments) : PickleValue
{
    /// <summary>State that Python would give the object, usually a dict of its attributes; None without one.</summary>
    public PickleValue State { get; set; } = PickleNone.Instance;

    /// <summary>Items of an object that is a mapping, such as a <c>defaultdict</c>; null when the pickle sets none.</summary>
    public PickleDict? Items { get; set; }

    /// <summary>Returns an attribute; null without one. Classes with slots have a pair of dicts as their state.</summary>
    public PickleValue? Attribute(string name) => State switch
    {
        PickleDict attributes => attributes.Find(name),
        PickleTuple([PickleDict attributes, _]) => attributes.Find(name),
        _ => null,
    };
}

/// <summary>A storage that tensors are views of.</summary>
/// <param name="Key">Its name in the file.</param>
/// <param name="DataType">Element type.</param>
/// <param name="Count">Elements in the file.</param>
/// <param name="ViewOffset">First element of the part that tensors use (files from before torch 0.4), otherwise 0.</param>
/// <param name="ViewCount">Elements of that part.</param>
internal sealed record StorageReference(string Key, DataType DataType, long Count, long ViewOffset, long ViewCount) : PickleValue;

/// <summary>A tensor: a strided view of a storage, already checked to lie inside it.</summary>
/// <param name="Storage">The storage.</param>
/// <param name="Offset">First element, from the start of the storage in the file.</param>
/// <param name="Shape">Sizes, outermost first.</param>
/// <param name="Strides">Elements from one index to the next; default when row-major without gaps.</param>
internal sealed record TensorReference(
    StorageReference Storage, long Offset, ImmutableArray<int> Shape, ImmutableArray<long> Strides) : PickleValue;
