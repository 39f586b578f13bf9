using ILGPU;
using ILGPU.Runtime;

namespace IlgpuResNet.Kernels.Tiled;

/// <summary>
/// The family for GPUs: explicitly grouped kernels with shared memory and 16-byte accesses. They also run on a CPU accelerator that
/// simulates groups of 256 threads or more, for tests on small shapes. The accelerator's context must be configured by
/// <see cref="KernelContext.Configure"/>. Each operator's launcher loads a kernel when it is first asked for, and once.
/// </summary>
internal sealed class TiledKernels : IKernelFamily
{
    private const int LargestGroup = 256;

    private readonly TiledConv2dLauncher conv2d;
    private readonly PointwiseLauncher pointwise;
    private readonly MaxPool2dLauncher maxPool2d;
    private readonly AveragePool2dLauncher averagePool2d;
    private readonly SoftmaxLauncher softmax;
    private readonly CombineLauncher combine;
    private readonly SelectLauncher select;
    private readonly GroupNormLauncher groupNorm;
    private readonly TopKLauncher topK;
    private readonly ResizeLauncher resize;

    /// <summary>Makes the family.</summary>
    /// <param name="loader">Loads its kernels on the accelerator.</param>
    /// <param name="accelerator">A CUDA or OpenCL accelerator, or a CPU accelerator with groups of at least 256 threads.</param>
    /// <param name="profile">The numbers of the device for the cost model; null when they are not known.</param>
    /// <exception cref="NotSupportedException">The accelerator's groups are too small.</exception>
    public TiledKernels(IKernelLoader loader, Accelerator accelerator, DeviceProfile? profile = null)
        : this(loader, profile is null ? new TiledPlanner(accelerator.NumMultiprocessors) : new TiledPlanner(profile))
    {
        if (accelerator.MaxNumThreadsPerGroup < LargestGroup)
            throw new NotSupportedException(
                $"The tiled kernels need groups of {LargestGroup} threads, but '{accelerator.Name}' has at most "
                + $"{accelerator.MaxNumThreadsPerGroup}; use the SIMD kernels on a CPU accelerator.");
    }

    internal TiledKernels(IKernelLoader loader, IFamilyPlanner planner)
    {
        Planner = planner;
        conv2d = new TiledConv2dLauncher(loader);
        pointwise = new PointwiseLauncher(loader);
        maxPool2d = new MaxPool2dLauncher(loader);
        averagePool2d = new AveragePool2dLauncher(loader);
        softmax = new SoftmaxLauncher(loader);
        combine = new CombineLauncher(loader);
        select = new SelectLauncher(loader);
        groupNorm = new GroupNormLauncher(loader);
        topK = new TopKLauncher(loader);
        resize = new ResizeLauncher(loader);
    }

    /// <inheritdoc/>
    public string Name => "tiled";

    /// <inheritdoc/>
    public bool HostVisible => false;

    /// <inheritdoc/>
    public IFamilyPlanner Planner { get; }

    /// <inheritdoc/>
    /// <remarks>Other operators load their own kernels.</remarks>
    public void Load() => resize.Load().GetAwaiter().GetResult();

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
    public Task LoadConv2d(in Conv2dShape shape, in Conv2dMethod method, bool isActivated = false) => isActivated
        ? Task.WhenAll(conv2d.Load(shape, method), pointwise.LoadInPlace(shape.K))
        : conv2d.Load(shape, method);

    /// <inheritdoc/>
    public Task LoadPointwise(int channels, bool isActivated = false) => pointwise.Load(channels, isActivated);

    /// <inheritdoc/>
    public Task LoadCombine(int channels) => combine.Load(channels);

    /// <inheritdoc/>
    public Task LoadSelect(int inner) => select.Load(inner);

    /// <inheritdoc/>
    public Task LoadGroupNorm() => groupNorm.Load();

    /// <inheritdoc/>
    public Task LoadTopK() => topK.Load();

    /// <inheritdoc/>
    public Task LoadMaxPool2d(int channels) => maxPool2d.Load(channels);

    /// <inheritdoc/>
    public Task LoadAveragePool2d(int channels) => averagePool2d.Load(channels);

    /// <inheritdoc/>
    public Task LoadSoftmax() => softmax.Load();

    /// <inheritdoc/>
    public void PackFilter(
        in Conv2dShape shape, ReadOnlySpan<float> filter, Span<float> packed, Conv2dAlgorithm algorithm = Conv2dAlgorithm.Direct)
    {
        TiledConv2dMethods.RequireAlgorithm(shape, algorithm);
        PackedFilter.Pack(shape, algorithm, filter, packed);
    }

    /// <inheritdoc/>
    public void Conv2d(
        AcceleratorStream stream, in Conv2dShape shape, in Operands operands, Epilogue epilogue, Conv2dMethod method = default,
        ArrayView<float> workspace = default)
    {
        if (epilogue.Activation == Activation.None)
        {
            conv2d.Launch(stream, shape, operands, epilogue, method, workspace);
            return;
        }
        conv2d.Launch(stream, shape, operands, epilogue.WithoutActivation(), method, workspace);
        pointwise.LaunchInPlace(stream, shape.N * shape.P * shape.Q, shape.K, operands.Output, epilogue.OnlyActivation());
    }

    /// <inheritdoc/>
    public void Pointwise(AcceleratorStream stream, int pixels, int channels, in Operands operands, Epilogue epilogue) =>
        pointwise.Launch(stream, pixels, channels, operands, epilogue);

    /// <inheritdoc/>
    public void Combine(AcceleratorStream stream, in CombineShape shape, in Operands operands, Epilogue epilogue) =>
        combine.Launch(stream, shape, operands, epilogue);

    /// <inheritdoc/>
    public void Select(AcceleratorStream stream, in SelectShape shape, in Operands operands) => select.Launch(stream, shape, operands);

    /// <inheritdoc/>
    public void GroupNorm(AcceleratorStream stream, in GroupNormShape shape, in Operands operands, Epilogue epilogue) =>
        groupNorm.Launch(stream, shape, operands, epilogue);

    /// <inheritdoc/>
    public void TopK(
        AcceleratorStream stream, int rows, int classes, int k, bool givesIndices, ArrayView<float> input, ArrayView<float> output) =>
        topK.Launch(stream, rows, classes, k, givesIndices, input, output);

    /// <inheritdoc/>
    public void MaxPool2d(AcceleratorStream stream, in Pool2dShape shape, ArrayView<float> input, ArrayView<float> output) =>
        maxPool2d.Launch(stream, shape, input, output);

    /// <inheritdoc/>
    public void AveragePool2d(AcceleratorStream stream, in Pool2dShape shape, ArrayView<float> input, ArrayView<float> output) =>
        averagePool2d.Launch(stream, shape, input, output);

    /// <inheritdoc/>
    public void Softmax(AcceleratorStream stream, int rows, int classes, ArrayView<float> input, ArrayView<float> output) =>
        softmax.Launch(stream, rows, classes, input, output);

    /// <inheritdoc/>
    public void ResizeColumns(
        AcceleratorStream stream, in HorizontalPass pass, in ResampleAxis axis, ArrayView<byte> pixels, ArrayView<byte> resized) =>
        resize.LaunchHorizontal(stream, pass, axis, pixels, resized);

    /// <inheritdoc/>
    public void ResizeRows(
        AcceleratorStream stream, in VerticalPass pass, in ResampleAxis axis, ArrayView<byte> resized, ArrayView<float> table,
        ArrayView<float> output) => resize.LaunchVertical(stream, pass, axis, resized, table, output);
}
