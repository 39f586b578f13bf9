namespace IlgpuResNet.Weights;

/// <summary>Tensors that lie together in a weights file: all of a safetensors file, or one entry of a checkpoint.</summary>
/// <param name="Key">Path of the entry, such as <c>state_dict</c> or <c>model.state_dict</c>; empty for the file's only set.</param>
/// <param name="Tensors">The tensors, in file order.</param>
internal sealed record TensorSet(string Key, List<TensorEntry> Tensors)
{
    /// <summary>Entries in place of a tensor that depends on an object that is not made: a name and a description.</summary>
    public List<(string Name, string What)> Opaque { get; } = [];

    /// <summary>Modules of a pickled network by their path, with a dot at the end; empty for a state dict.</summary>
    public Dictionary<string, ModuleFacts> Modules { get; } = new(StringComparer.Ordinal);
}

/// <summary>Properties of a pickled module that decide how it computes.</summary>
/// <param name="Class">Name of its class without the Python module, such as <c>Conv2d</c>.</param>
internal sealed record ModuleFacts(string Class)
{
    /// <summary>Stride of a convolution or pool; null when it is not stated as one number or two equal ones.</summary>
    public int? Stride { get; init; }

    /// <summary>Dilation of a convolution; null when it is not stated.</summary>
    public int? Dilation { get; init; }

    /// <summary>Groups of a convolution, or of a group norm; null when they are not stated.</summary>
    public int? Groups { get; init; }

    /// <summary>Epsilon of a norm; null when it is not stated.</summary>
    public double? Epsilon { get; init; }
}
