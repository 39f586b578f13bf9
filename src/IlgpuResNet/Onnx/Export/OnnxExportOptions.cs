namespace IlgpuResNet;

/// <summary>How a network is written as ONNX.</summary>
public sealed record OnnxExportOptions
{
    /// <summary>
    /// True to fold each batch norm into the convolution before it, where there is one: the graph is smaller, but its weights are no longer
    /// the network's state dict. False to write batch norms as nodes, and every weight as it is stored, under its own name.
    /// </summary>
    public bool FoldBatchNorms { get; init; }

    /// <summary>True for a second output, <c>probabilities</c>: the softmax of <c>logits</c>.</summary>
    public bool Probabilities { get; init; }

    /// <summary>True to leave height and width of the input open: any size can be run that the network's windows fit into.</summary>
    public bool DynamicSize { get; init; }

    /// <summary>Height of the input in pixels, or null for the preset's crop; with <see cref="DynamicSize"/> one that must fit.</summary>
    public int? Height { get; init; }

    /// <summary>Width of the input in pixels, or null for the preset's crop; with <see cref="DynamicSize"/> one that must fit.</summary>
    public int? Width { get; init; }
}
