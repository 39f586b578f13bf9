namespace IlgpuResNet.Weights;

/// <summary>A tensor with another shape or name, whose elements are those of a source in row-major order.</summary>
internal sealed class ReshapedTensor : StateTensor
{
    /// <summary>Tensor that holds the elements.</summary>
    public required StateTensor Source { get; init; }

    /// <inheritdoc/>
    public override void CopyTo(Span<float> destination) => Source.CopyTo(destination);

    /// <inheritdoc/>
    internal override void CopyBytes(long first, Span<byte> destination) => Source.CopyBytes(first, destination);

    /// <summary>
    /// Returns a linear layer's weight as a matrix <c>[out, in]</c>: some writers store it as the filter of a 1x1 convolution,
    /// <c>[out, in, 1, 1]</c>. Any other tensor is returned as it is.
    /// </summary>
    public static StateTensor AsMatrix(StateTensor tensor) => tensor.Shape is [var rows, var columns, 1, 1]
        ? new ReshapedTensor { Name = tensor.Name, Shape = [rows, columns], DataType = tensor.DataType, Source = tensor }
        : tensor;
}
