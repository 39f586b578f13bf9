using System.Runtime.InteropServices;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Onnx;

/// <summary>A tensor whose elements all have one value; it takes no memory (ONNX, <c>ConstantOfShape</c>).</summary>
internal sealed class FilledTensor : StateTensor
{
    /// <summary>Value of every element.</summary>
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
