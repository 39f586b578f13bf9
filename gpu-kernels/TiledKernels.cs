using ILGPU;
using ILGPU.Runtime;

namespace IlgpuResNet.Kernels;

/// <summary>
/// The kernels for GPUs: explicitly grouped, with shared memory and 16-byte accesses. They also run on a CPU accelerator
/// that simulates groups of 256 threads or more, for tests on small shapes. The accelerator's context must be configured by
/// <see cref="KernelContext.Configure"/>.
/// </summary>
public sealed class TiledKernels : IKernelFamily
{
    private readonly Action<AcceleratorStream, KernelConfig, Conv2dShape, Operands, Epilogue> convDense;
    private readonly Action<AcceleratorStream, KernelConfig, Conv2dShape, Operands, Epilogue> convVector;
    private readonly Action<AcceleratorStream, KernelConfig, Conv2dShape, Operands, Epilogue> convScalar;
    private readonly Action<AcceleratorStream, KernelConfig, int, int, Operands, Epilogue> pointwiseVector;
    private readonly Action<AcceleratorStream, KernelConfig, int, int, Operands, Epilogue> pointwiseScalar;
    private readonly Action<AcceleratorStream, KernelConfig, Pool2dShape, int, ArrayView<float>, ArrayView<float>> maxPoolVector;
    private readonly Action<AcceleratorStream, KernelConfig, Pool2dShape, int, ArrayView<float>, ArrayView<float>> maxPoolScalar;
    private readonly Action<AcceleratorStream, KernelConfig, Pool2dShape, int, ArrayView<float>, ArrayView<float>> averagePoolVector;
    private readonly Action<AcceleratorStream, KernelConfig, Pool2dShape, int, ArrayView<float>, ArrayView<float>> averagePoolScalar;
    private readonly Action<AcceleratorStream, KernelConfig, int, ArrayView<float>, ArrayView<float>> softmax;

    /// <summary>Compiles and loads every kernel.</summary>
    /// <param name="accelerator">A CUDA or OpenCL accelerator, or a CPU accelerator with groups of at least 256 threads.</param>
    public TiledKernels(Accelerator accelerator)
    {
        ArgumentNullException.ThrowIfNull(accelerator);
        convDense = accelerator.LoadKernel<Conv2dShape, Operands, Epilogue>(ImplicitGemm.Kernel<DenseActivations>, ImplicitGemm.Specialization);
        convVector = accelerator.LoadKernel<Conv2dShape, Operands, Epilogue>(ImplicitGemm.Kernel<VectorActivations>, ImplicitGemm.Specialization);
        convScalar = accelerator.LoadKernel<Conv2dShape, Operands, Epilogue>(ImplicitGemm.Kernel<ScalarActivations>, ImplicitGemm.Specialization);
        pointwiseVector = accelerator.LoadKernel<int, int, Operands, Epilogue>(Kernels.Pointwise.Kernel<Float4>);
        pointwiseScalar = accelerator.LoadKernel<int, int, Operands, Epilogue>(Kernels.Pointwise.Kernel<Float1>);
        maxPoolVector = accelerator.LoadKernel<Pool2dShape, int, ArrayView<float>, ArrayView<float>>(Kernels.MaxPool2d.Kernel<Float4>);
        maxPoolScalar = accelerator.LoadKernel<Pool2dShape, int, ArrayView<float>, ArrayView<float>>(Kernels.MaxPool2d.Kernel<Float1>);
        averagePoolVector = accelerator.LoadKernel<Pool2dShape, int, ArrayView<float>, ArrayView<float>>(Kernels.AveragePool2d.Kernel<Float4>);
        averagePoolScalar = accelerator.LoadKernel<Pool2dShape, int, ArrayView<float>, ArrayView<float>>(Kernels.AveragePool2d.Kernel<Float1>);
        softmax = accelerator.LoadKernel<int, ArrayView<float>, ArrayView<float>>(Kernels.Softmax.Kernel);
    }

    /// <inheritdoc/>
    public string Name => "tiled";

    /// <inheritdoc/>
    public int PackedFilterLength(in Conv2dShape shape) => PackedFilter.Length(shape);

    /// <inheritdoc/>
    public void PackFilter(in Conv2dShape shape, ReadOnlySpan<float> filter, Span<float> packed) => PackedFilter.Pack(shape, filter, packed);

    /// <inheritdoc/>
    public void Conv2d(AcceleratorStream stream, in Conv2dShape shape, in Operands operands, Epilogue epilogue)
    {
        bool quads = shape.C % Float4.Width == 0;
        var kernel = !quads ? convScalar : shape.IsDense ? convDense : convVector;
        int outputLength = ElementCount(shape.GemmM, shape.K);
        KernelConfig config = new(
            new Index2D(Groups(shape.GemmM, ImplicitGemm.TileM), Groups(shape.K, ImplicitGemm.TileN)),
            new Index2D(ImplicitGemm.GroupSize, 1));
        kernel(stream, config, shape, new Operands(
            operands.Input.SubView(0, ElementCount(ElementCount(shape.N, shape.H), ElementCount(shape.W, shape.C))),
            operands.Filter.SubView(0, PackedFilter.Length(shape)),
            operands.Scale.SubView(0, shape.K),
            operands.Shift.SubView(0, shape.K),
            ResidualOrOutput(operands, epilogue, outputLength),
            operands.Output.SubView(0, outputLength)), epilogue);
    }

    /// <inheritdoc/>
    public void Pointwise(AcceleratorStream stream, int pixels, int channels, in Operands operands, Epilogue epilogue)
    {
        int length = ElementCount(pixels, channels);
        bool quads = channels % Float4.Width == 0;
        int width = quads ? Float4.Width : 1;
        var kernel = quads ? pointwiseVector : pointwiseScalar;
        ArrayView<float> scale = operands.Scale.SubView(0, channels);
        kernel(stream, Flat(length / width, Kernels.Pointwise.GroupSize), length / width, channels / width, new Operands(
            operands.Input.SubView(0, length),
            scale,
            scale,
            operands.Shift.SubView(0, channels),
            ResidualOrOutput(operands, epilogue, length),
            operands.Output.SubView(0, length)), epilogue);
    }

    /// <inheritdoc/>
    public void MaxPool2d(AcceleratorStream stream, in Pool2dShape shape, ArrayView<float> input, ArrayView<float> output)
    {
        bool quads = shape.C % Float4.Width == 0;
        int channels = quads ? shape.C / Float4.Width : shape.C;
        var kernel = quads ? maxPoolVector : maxPoolScalar;
        int count = ElementCount(ElementCount(shape.N, shape.P), ElementCount(shape.Q, channels));
        kernel(stream, Flat(count, Kernels.MaxPool2d.GroupSize), shape, channels, TrimInput(shape, input), TrimOutput(shape, output));
    }

    /// <inheritdoc/>
    public void AveragePool2d(AcceleratorStream stream, in Pool2dShape shape, ArrayView<float> input, ArrayView<float> output)
    {
        bool quads = shape.C % Float4.Width == 0;
        int channels = quads ? shape.C / Float4.Width : shape.C;
        var kernel = quads ? averagePoolVector : averagePoolScalar;
        KernelConfig config = new(
            new Index2D(ElementCount(ElementCount(shape.N, shape.P), shape.Q), Groups(channels, Kernels.AveragePool2d.Lanes)),
            new Index2D(Kernels.AveragePool2d.Lanes, Kernels.AveragePool2d.Slices));
        kernel(stream, config, shape, channels, TrimInput(shape, input), TrimOutput(shape, output));
    }

    /// <inheritdoc/>
    public void Softmax(AcceleratorStream stream, int rows, int classes, ArrayView<float> input, ArrayView<float> output)
    {
        int length = ElementCount(rows, classes);
        softmax(stream, new KernelConfig(rows, Kernels.Softmax.GroupSize), classes, input.SubView(0, length), output.SubView(0, length));
    }

    private static ArrayView<float> TrimInput(in Pool2dShape shape, ArrayView<float> input) =>
        input.SubView(0, ElementCount(ElementCount(shape.N, shape.H), ElementCount(shape.W, shape.C)));

    private static ArrayView<float> TrimOutput(in Pool2dShape shape, ArrayView<float> output) =>
        output.SubView(0, ElementCount(ElementCount(shape.N, shape.P), ElementCount(shape.Q, shape.C)));

    /// <summary>A kernel argument must be real memory on every back end, also where the kernel does not read it.</summary>
    private static ArrayView<float> ResidualOrOutput(in Operands operands, Epilogue epilogue, int length) =>
        (epilogue.HasResidual != 0 ? operands.Residual : operands.Output).SubView(0, length);

    private static KernelConfig Flat(int count, int groupSize) => new(Groups(count, groupSize), groupSize);

    private static int Groups(int count, int perGroup) => (count + perGroup - 1) / perGroup;

    /// <summary>Kernels count elements in 32 bits; a larger tensor is an error here, not a wrapped index there.</summary>
    private static int ElementCount(int a, int b) => checked(a * b);
}
