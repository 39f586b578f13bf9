using System.Collections.Immutable;

namespace IlgpuResNet.Weights.Torch;

/// <summary>A Python dict or OrderedDict: pairs in order. Other values are plain .NET objects; None is null, a tuple an array.</summary>
internal sealed class PickleDict
{
    /// <summary>Pairs as the pickle adds them.</summary>
    public List<KeyValuePair<object?, object?>> Items { get; } = [];

    /// <summary>The last value under a text key, as Python would keep it.</summary>
    public object? Find(string key) => Items.FindLast(item => item.Key is string text && text == key).Value;
}

/// <summary>A storage that tensors are views of.</summary>
/// <param name="Key">Its name in the file.</param>
/// <param name="DataType">Element type.</param>
/// <param name="Count">Elements in the file.</param>
/// <param name="ViewOffset">First element of the part that is meant (files of before torch 0.4), else 0.</param>
/// <param name="ViewCount">Elements of that part.</param>
internal sealed record StorageReference(string Key, DataType DataType, long Count, long ViewOffset, long ViewCount);

/// <summary>A tensor: a strided view of a storage, already checked to lie inside it.</summary>
/// <param name="Storage">The storage.</param>
/// <param name="Offset">First element, from the start of the storage in the file.</param>
/// <param name="Shape">Sizes, outermost first.</param>
/// <param name="Strides">Elements from one index to the next; default when row-major without gaps.</param>
internal sealed record TensorReference(StorageReference Storage, long Offset, ImmutableArray<int> Shape, ImmutableArray<long> Strides);
