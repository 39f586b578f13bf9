using System.Runtime.InteropServices;
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

/// <summary>One number as often as its shape says; takes no memory (ONNX, <c>ConstantOfShape</c>).</summary>
internal sealed class FilledTensor : StateTensor
{
    /// <summary>The number.</summary>
    public required double Value { get; init; }

    /// <inheritdoc/>
    public override void CopyTo(Span<float> destination)
    {
        CheckLength(destination.Length);
        destination.Fill((float)Value);
    }

    /// <inheritdoc/>
    internal override void CopyBytes(long first, Span<byte> destination)
    {
        switch (DataType)
        {
            case DataType.Float32:
                MemoryMarshal.Cast<byte, float>(destination).Fill((float)Value);
                break;
            case DataType.Float64:
                MemoryMarshal.Cast<byte, double>(destination).Fill(Value);
                break;
            case DataType.Int64:
                MemoryMarshal.Cast<byte, long>(destination).Fill((long)Value);
                break;
            default:
                throw new NotSupportedException($"{Name}: {DataType}");
        }
    }
}

/// <summary>Float32 values that follow from another tensor and are computed when they are read.</summary>
internal sealed class ComputedTensor : StateTensor
{
    /// <summary>Writes all elements in row-major order.</summary>
    public required Action<Span<float>> Compute { private get; init; }

    /// <inheritdoc/>
    public override void CopyTo(Span<float> destination)
    {
        CheckLength(destination.Length);
        Compute(destination);
    }

    /// <inheritdoc/>
    internal override void CopyBytes(long first, Span<byte> destination) =>
        MemoryMarshal.AsBytes(ToArray().AsSpan((int)first))[..destination.Length].CopyTo(destination);
}

/// <summary>
/// A tensor of an element type that is not read. It stands in an attribute that perhaps nobody asks for; who asks is refused.
/// <see cref="StateTensor.DataType"/> and <see cref="StateTensor.Shape"/> have no meaning.
/// </summary>
internal sealed class RefusedTensor : StateTensor
{
    /// <summary>The file, for messages.</summary>
    public required string Source { private get; init; }

    /// <summary>ONNX's number of the element type.</summary>
    public required int ElementType { private get; init; }

    /// <inheritdoc/>
    public override void CopyTo(Span<float> destination) => throw Refusal();

    /// <inheritdoc/>
    internal override void CopyBytes(long first, Span<byte> destination) => throw Refusal();

    /// <summary>The error that names the tensor and its type.</summary>
    public WeightsException Refusal() =>
        new($"{Source}: tensor {OnnxNames.Show(Name)} has elements of type {OnnxElementType.Name(ElementType)}, which is not supported; convert it to one of {OnnxElementType.Readable}.");
}
