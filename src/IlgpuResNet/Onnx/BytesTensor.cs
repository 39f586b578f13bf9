using IlgpuResNet.Weights;

namespace IlgpuResNet.Onnx;

/// <summary>A tensor in memory, of any element type.</summary>
internal sealed class BytesTensor : StateTensor
{
    /// <summary>Row-major elements, little-endian.</summary>
    public required byte[] Values { private get; init; }

    /// <inheritdoc/>
    public override void CopyTo(Span<float> destination)
    {
        CheckLength(destination.Length);
        ElementConversion.ToSingle(DataType, Values, destination);
    }

    /// <inheritdoc/>
    internal override void CopyBytes(long first, Span<byte> destination) =>
        Values.AsSpan((int)first * DataType.Size(), destination.Length).CopyTo(destination);
}
