using ILGPU;
using ILGPU.Runtime;

namespace IlgpuResNet.Kernels;

/// <summary>Placeholder until the Tiled family lands.</summary>
public sealed class TiledKernels(Accelerator accelerator) : IKernelFamily
{
    /// <inheritdoc/>
    public string Name => accelerator.Name;
    /// <inheritdoc/>
    public int PackedFilterLength(in Conv2dShape shape) => throw new NotImplementedException();
    /// <inheritdoc/>
    public void PackFilter(in Conv2dShape shape, ReadOnlySpan<float> filter, Span<float> packed) => throw new NotImplementedException();
    /// <inheritdoc/>
    public void Conv2d(AcceleratorStream stream, in Conv2dShape shape, in Operands operands, Epilogue epilogue) => throw new NotImplementedException();
    /// <inheritdoc/>
    public void Pointwise(AcceleratorStream stream, int pixels, int channels, in Operands operands, Epilogue epilogue) => throw new NotImplementedException();
    /// <inheritdoc/>
    public void MaxPool2d(AcceleratorStream stream, in Pool2dShape shape, ArrayView<float> input, ArrayView<float> output) => throw new NotImplementedException();
    /// <inheritdoc/>
    public void AveragePool2d(AcceleratorStream stream, in Pool2dShape shape, ArrayView<float> input, ArrayView<float> output) => throw new NotImplementedException();
    /// <inheritdoc/>
    public void Softmax(AcceleratorStream stream, int rows, int classes, ArrayView<float> input, ArrayView<float> output) => throw new NotImplementedException();
}
