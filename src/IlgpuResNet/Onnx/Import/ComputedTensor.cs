using System.Runtime.InteropServices;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Onnx;

/// <summary>Float32 values that are computed from another tensor whenever they are read.</summary>
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
