using IlgpuResNet.Weights;

namespace IlgpuResNet.Onnx;

/// <summary>
/// A tensor of an unsupported element type. It may be in an attribute that nothing uses, so reading its elements throws, not loading it.
/// <see cref="StateTensor.DataType"/> and <see cref="StateTensor.Shape"/> have no meaning.
/// </summary>
internal sealed class RefusedTensor : StateTensor
{
    /// <summary>Path of the file, for messages.</summary>
    public required string Source { private get; init; }

    /// <summary>ONNX's number of the element type.</summary>
    public required int ElementType { private get; init; }

    /// <inheritdoc/>
    public override void CopyTo(Span<float> destination) => throw Refusal();

    /// <inheritdoc/>
    internal override void CopyBytes(long first, Span<byte> destination) => throw Refusal();

    /// <summary>The error that names the tensor and its type.</summary>
    public WeightsException Refusal()
    {
        string found = $"{Source}: tensor {OnnxNames.Show(Name)} has elements of type {OnnxElementType.Name(ElementType)}";
        return new WeightsException($"{found}, which is not supported; "
            + $"convert it to one of {OnnxElementType.Readable}.");
    }
}
