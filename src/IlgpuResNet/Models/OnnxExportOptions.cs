namespace IlgpuResNet;

/// <summary>How <see cref="OnnxExport"/> writes a network.</summary>
public sealed record OnnxExportOptions
{
    /// <summary>
    /// True to fold each batch norm into the convolution before it, where there is one: a smaller graph, but another state dict.
    /// Otherwise batch norms are nodes and every weight is written as it is stored, under its own name.
    /// </summary>
    public bool FoldBatchNorms { get; init; }

    /// <summary>True for a second output, <c>probabilities</c>: the softmax of <c>logits</c>.</summary>
    public bool Probabilities { get; init; }

    /// <summary>True when images of any size may be run, as far as the network's windows fit into them.</summary>
    public bool DynamicSize { get; init; }

    /// <summary>Height of the input in pixels, or null for the preset's crop; with <see cref="DynamicSize"/> only a size that must fit.</summary>
    public int? Height { get; init; }

    /// <summary>Width of the input in pixels, likewise.</summary>
    public int? Width { get; init; }
}
