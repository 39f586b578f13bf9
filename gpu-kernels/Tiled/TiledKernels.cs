using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime;
using IlgpuResNet.Kernels.Simd;

namespace IlgpuResNet.Kernels.Tiled;

/// <summary>
/// The kernels for GPUs: explicitly grouped, with shared memory and 16-byte accesses. They also run on a CPU accelerator
/// that simulates groups of 256 threads or more, for tests on small shapes. The accelerator's context must be configured by
/// <see cref="KernelContext.Configure"/>.
/// </summary>
internal sealed class TiledKernels : IKernelFamily
{
    private const int LargestGroup = 256;

    private readonly int multiprocessors;
    private readonly TiledConv2dLauncher convolution;
    private readonly BackgroundLoad<Action<AcceleratorStream, KernelConfig, int, int, Operands, Epilogue>> pointwiseVector;
    private readonly BackgroundLoad<Action<AcceleratorStream, KernelConfig, int, int, Operands, Epilogue>> pointwiseScalar;
    private readonly BackgroundLoad<Action<AcceleratorStream, KernelConfig, Pool2dShape, int, ArrayView<float>, ArrayView<float>>> maxPoolVector;
    private readonly BackgroundLoad<Action<AcceleratorStream, KernelConfig, Pool2dShape, int, ArrayView<float>, ArrayView<float>>> maxPoolScalar;
    private readonly BackgroundLoad<Action<AcceleratorStream, KernelConfig, Pool2dShape, int, ArrayView<float>, ArrayView<float>>> averagePoolVector;
    private readonly BackgroundLoad<Action<AcceleratorStream, KernelConfig, Pool2dShape, int, ArrayView<float>, ArrayView<float>>> averagePoolScalar;
    private readonly BackgroundLoad<Action<AcceleratorStream, KernelConfig, int, ArrayView<float>, ArrayView<float>>> softmax;

    /// <summary>Makes the family; a kernel is loaded when it is first asked for, and once.</summary>
    /// <param name="loader">Loads its kernels on the accelerator.</param>
    /// <param name="accelerator">A CUDA or OpenCL accelerator, or a CPU accelerator with groups of at least 256 threads.</param>
    /// <exception cref="NotSupportedException">The accelerator's groups are too small.</exception>
    public TiledKernels(IKernelLoader loader, Accelerator accelerator)
        : this(loader, accelerator.NumMultiprocessors)
    {
        if (accelerator.MaxNumThreadsPerGroup < LargestGroup)
            throw new NotSupportedException(
                $"The tiled kernels need groups of {LargestGroup} threads, but '{accelerator.Name}' has at most {accelerator.MaxNumThreadsPerGroup}; use {nameof(SimdKernels)} on a CPU accelerator.");
    }

    internal TiledKernels(IKernelLoader loader, int multiprocessors)
    {
        this.multiprocessors = multiprocessors;
        convolution = new TiledConv2dLauncher(loader);
        pointwiseVector = new(() => loader.Load<int, int, Operands, Epilogue>(Tiled.Pointwise.Kernel<Float4>));
        pointwiseScalar = new(() => loader.Load<int, int, Operands, Epilogue>(Tiled.Pointwise.Kernel<Float1>));
        maxPoolVector = new(() => loader.Load<Pool2dShape, int, ArrayView<float>, ArrayView<float>>(Tiled.MaxPool2d.Kernel<Float4>));
        maxPoolScalar = new(() => loader.Load<Pool2dShape, int, ArrayView<float>, ArrayView<float>>(Tiled.MaxPool2d.Kernel<Float1>));
        averagePoolVector = new(() => loader.Load<Pool2dShape, int, ArrayView<float>, ArrayView<float>>(Tiled.AveragePool2d.Kernel<Float4>));
        averagePoolScalar = new(() => loader.Load<Pool2dShape, int, ArrayView<float>, ArrayView<float>>(Tiled.AveragePool2d.Kernel<Float1>));
        softmax = new(() => loader.Load<int, ArrayView<float>, ArrayView<float>>(Tiled.Softmax.Kernel));
    }

    /// <inheritdoc/>
    /// <remarks>Operators have no kernel in common.</remarks>
    public void Load()
    {
    }

    /// <inheritdoc/>
    public string Name => "tiled";

    /// <inheritdoc/>
    public bool PrefersSingleImages => false;

    /// <inheritdoc/>
    /// <remarks>GPU launches queue on the stream by themselves.</remarks>
    public void BeginSequence(int? threads = null)
    {
    }

    /// <inheritdoc/>
    public void EndSequence(AcceleratorStream stream)
    {
    }

    /// <inheritdoc/>
    public ImmutableArray<Conv2dMethod> Conv2dMethods(in Conv2dShape shape) => TiledConv2dMethods.Kernels(shape);

    /// <inheritdoc/>
    public Conv2dMethod FastestConv2d(in Conv2dShape shape, bool exact = false) => TiledConv2dMethods.Fastest(shape, multiprocessors, exact);

    /// <inheritdoc/>
    public long WorkspaceLength(in Conv2dShape shape, in Conv2dMethod kernel) => TiledConv2dMethods.WorkspaceLength(shape, kernel);

    /// <inheritdoc/>
    public Task LoadConv2d(in Conv2dShape shape, in Conv2dMethod kernel)
    {
        TiledConv2dMethods.Require(shape, kernel);
        return convolution.Load(shape, kernel);
    }

    /// <inheritdoc/>
    public Task LoadPointwise(int channels) => (HasQuads(channels) ? pointwiseVector : pointwiseScalar).Start();

    /// <inheritdoc/>
    public Task LoadMaxPool2d(int channels) => (HasQuads(channels) ? maxPoolVector : maxPoolScalar).Start();

    /// <inheritdoc/>
    public Task LoadAveragePool2d(int channels) => (HasQuads(channels) ? averagePoolVector : averagePoolScalar).Start();

    /// <inheritdoc/>
    public Task LoadSoftmax() => softmax.Start();

    /// <inheritdoc/>
    public int PackedFilterLength(in Conv2dShape shape, Conv2dAlgorithm algorithm = Conv2dAlgorithm.Direct)
    {
        TiledConv2dMethods.RequireAlgorithm(shape, algorithm);
        return PackedFilter.Length(shape, algorithm);
    }

    /// <inheritdoc/>
    public void PackFilter(in Conv2dShape shape, ReadOnlySpan<float> filter, Span<float> packed, Conv2dAlgorithm algorithm = Conv2dAlgorithm.Direct)
    {
        TiledConv2dMethods.RequireAlgorithm(shape, algorithm);
        PackedFilter.Pack(shape, algorithm, filter, packed);
    }

    /// <inheritdoc/>
    public void Conv2d(
        AcceleratorStream stream, in Conv2dShape shape, in Operands operands, Epilogue epilogue, Conv2dMethod kernel = default, ArrayView<float> workspace = default)
    {
        long needed = TiledConv2dMethods.WorkspaceLength(shape, kernel);
        var trimmed = new Operands(
            Trim(operands.Input, shape.InputLength),
            Trim(operands.Filter, PackedFilter.Length(shape, kernel.Algorithm)),
            Trim(operands.Scale, shape.K),
            Trim(operands.Shift, shape.K),
            TrimResidual(operands, epilogue, shape.OutputLength),
            Trim(operands.Output, shape.OutputLength));
        convolution.Launch(stream, shape, trimmed, epilogue, kernel, needed == 0 ? default : Trim(workspace, needed));
    }

    /// <inheritdoc/>
    public void Pointwise(AcceleratorStream stream, int pixels, int channels, in Operands operands, Epilogue epilogue)
    {
        long length = (long)pixels * channels;
        ArrayView<float> scale = Trim(operands.Scale, channels);
        var trimmed = new Operands(
            Trim(operands.Input, length),
            Filter: scale,
            scale,
            Trim(operands.Shift, channels),
            TrimResidual(operands, epilogue, length),
            Trim(operands.Output, length));
        bool quads = HasQuads(channels);
        int width = quads ? Float4.Width : 1;
        int count = (int)length / width;
        var kernel = quads ? pointwiseVector : pointwiseScalar;
        kernel.Value(stream, Flat(count, Tiled.Pointwise.GroupSize), count, channels / width, trimmed, epilogue);
    }

    /// <inheritdoc/>
    public void MaxPool2d(AcceleratorStream stream, in Pool2dShape shape, ArrayView<float> input, ArrayView<float> output)
    {
        ArrayView<float> source = Trim(input, shape.InputLength);
        ArrayView<float> target = Trim(output, shape.OutputLength);
        bool quads = HasQuads(shape.C);
        int width = quads ? Float4.Width : 1;
        var kernel = quads ? maxPoolVector : maxPoolScalar;
        kernel.Value(stream, Flat(target.IntLength / width, Tiled.MaxPool2d.GroupSize), shape, shape.C / width, source, target);
    }

    /// <inheritdoc/>
    public void AveragePool2d(AcceleratorStream stream, in Pool2dShape shape, ArrayView<float> input, ArrayView<float> output)
    {
        ArrayView<float> source = Trim(input, shape.InputLength);
        ArrayView<float> target = Trim(output, shape.OutputLength);
        bool quads = HasQuads(shape.C);
        int channels = quads ? shape.C / Float4.Width : shape.C;
        var kernel = quads ? averagePoolVector : averagePoolScalar;
        KernelConfig config = new(
            new Index2D(shape.N * shape.P * shape.Q, Groups(channels, Tiled.AveragePool2d.Lanes)),
            new Index2D(Tiled.AveragePool2d.Lanes, Tiled.AveragePool2d.Slices));
        kernel.Value(stream, config, shape, channels, source, target);
    }

    /// <inheritdoc/>
    public void Softmax(AcceleratorStream stream, int rows, int classes, ArrayView<float> input, ArrayView<float> output)
    {
        long length = (long)rows * classes;
        softmax.Value(stream, new KernelConfig(rows, Tiled.Softmax.GroupSize), classes, Trim(input, length), Trim(output, length));
    }

    /// <summary>A kernel argument must be real memory on every back end, also where the kernel does not read it.</summary>
    private static ArrayView<float> TrimResidual(in Operands operands, Epilogue epilogue, long length) =>
        epilogue.HasResidual != 0 ? Trim(operands.Residual, length) : Trim(operands.Output, length);

    /// <summary>The part of a view that a shape covers. Kernels check nothing and count in 32 bits, so both is checked here.</summary>
    private static ArrayView<float> Trim(ArrayView<float> view, long needed, [CallerArgumentExpression(nameof(view))] string? name = null)
    {
        if (needed > int.MaxValue)
            throw new ArgumentException($"{name} would be {needed} floats, kernels index at most {int.MaxValue}; use a smaller batch or image.");
        if (view.Length < needed)
            throw new ArgumentException($"{name} is {view.Length} floats, the shape needs {needed}; pass a view of the whole tensor.");
        return view.SubView(0, needed);
    }

    private static bool HasQuads(int channels) => channels % Float4.Width == 0;

    private static KernelConfig Flat(int count, int groupSize) => new(Groups(count, groupSize), groupSize);

    private static int Groups(int count, int perGroup) => (count + perGroup - 1) / perGroup;
}
