namespace IlgpuResNet.Weights;

/// <summary>A tensor's elements in the same order under another shape or name.</summary>
internal sealed class ReshapedTensor : StateTensor
{
    /// <summary>The tensor that holds the elements.</summary>
    public required StateTensor Source { get; init; }

    /// <inheritdoc/>
    public override void CopyTo(Span<float> destination) => Source.CopyTo(destination);

    /// <inheritdoc/>
    internal override void CopyBytes(long first, Span<byte> destination) => Source.CopyBytes(first, destination);

    /// <summary>
    /// The matrix <c>[out, in]</c> of a linear layer, which some writers keep as the filter of a 1x1 convolution, <c>[out, in, 1, 1]</c>.
    /// Any other tensor comes back as it is.
    /// </summary>
    public static StateTensor AsMatrix(StateTensor tensor) => tensor.Shape is [var rows, var columns, 1, 1]
        ? new ReshapedTensor { Name = tensor.Name, Shape = [rows, columns], DataType = tensor.DataType, Source = tensor }
        : tensor;
}
