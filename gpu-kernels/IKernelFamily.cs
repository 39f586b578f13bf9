using System.Collections.Immutable;
using ILGPU;
using ILGPU.Runtime;

namespace IlgpuResNet.Kernels;

/// <summary>The device memory one convolution or point-wise step works on.</summary>
/// <param name="Input">Activations <c>[N, H, W, C]</c>.</param>
/// <param name="Filter">The filter as <see cref="IKernelFamily.PackFilter"/> laid it out; unused by point-wise steps.</param>
/// <param name="Scale">Per output channel factor <c>[K]</c>.</param>
/// <param name="Shift">Per output channel summand <c>[K]</c>.</param>
/// <param name="Residual">Summand of the output's shape; not read unless the epilogue says so, may be empty then.</param>
/// <param name="Output">Result <c>[N, P, Q, K]</c>; may be the same memory as <paramref name="Residual"/>, never as <paramref name="Input"/>.</param>
internal readonly record struct Operands(
    ArrayView<float> Input,
    ArrayView<float> Filter,
    ArrayView<float> Scale,
    ArrayView<float> Shift,
    ArrayView<float> Residual,
    ArrayView<float> Output);

/// <summary>
/// The operators of the network as one family of kernels, loaded on one accelerator. Everything that compiles
/// or allocates happens in the constructor, in <see cref="Load"/> and in <see cref="LoadConv2d"/> and its like; the other methods only enqueue work on the stream. Views may be larger
/// than the shape needs; nothing outside the shape's extent is read or written. Not thread-safe: callers
/// that share an instance serialise their calls.
/// </summary>
internal interface IKernelFamily
{
    /// <summary>
    /// Compiles what all operators have in common, which may take a while: filters can be packed on other threads meanwhile. Without it
    /// the first operator does so.
    /// </summary>
    void Load();

    /// <summary>
    /// Starts a sequence: what is called until <see cref="EndSequence"/> may be gathered and launched as one.
    /// Forgets a sequence that was not ended; so does a call that throws.
    /// </summary>
    /// <param name="threads">Processor threads that work on it at most, null for all; a family for GPUs has none and ignores it.</param>
    void BeginSequence(int? threads = null);

    /// <summary>Ends the sequence: everything called since <see cref="BeginSequence"/> is enqueued when this returns.</summary>
    void EndSequence(AcceleratorStream stream);

    /// <summary>Short name for tables, such as <c>tiled</c> or <c>simd</c>.</summary>
    string Name { get; }

    /// <summary>
    /// True when the first layers of a batch are done sooner image by image: their maps then stay in a processor's caches. A GPU
    /// wants as many as fill it.
    /// </summary>
    bool PrefersSingleImages { get; }

    /// <summary>
    /// Every way to compute a convolution that may be the fastest on some device, for a cost model or a stopwatch to choose from. Those that
    /// are not <see cref="Conv2dMethod.IsExact"/> change the rounding errors.
    /// </summary>
    /// <exception cref="ArgumentException">The groups are not of equal size.</exception>
    ImmutableArray<Conv2dMethod> Conv2dMethods(in Conv2dShape shape);

    /// <summary>
    /// The one of <see cref="Conv2dMethods"/> that is expected to be the fastest on this device. It depends on the whole shape, the
    /// batch included.
    /// </summary>
    /// <param name="shape">The convolution.</param>
    /// <param name="exact">True to choose among those only that are <see cref="Conv2dMethod.IsExact"/>.</param>
    /// <exception cref="ArgumentException">The groups are not of equal size.</exception>
    Conv2dMethod FastestConv2d(in Conv2dShape shape, bool exact = false);

    /// <summary>Number of floats that <see cref="Conv2d"/> needs for intermediate results, 0 for none.</summary>
    /// <exception cref="ArgumentException">The family cannot compute the convolution so.</exception>
    long WorkspaceLength(in Conv2dShape shape, in Conv2dMethod kernel);

    /// <summary>
    /// Begins to compile what <see cref="Conv2d"/> needs to compute a convolution so, batches of other sizes included, so that it will not have to; the
    /// task ends when that is done. What is compiled already is not compiled again. So do the methods below for their
    /// operators, unless <see cref="Load"/> does it; several threads may call them at once.
    /// </summary>
    /// <exception cref="ArgumentException">The family cannot compute the convolution so.</exception>
    Task LoadConv2d(in Conv2dShape shape, in Conv2dMethod kernel);

    /// <summary>Begins to compile what <see cref="Pointwise"/> needs for so many channels.</summary>
    Task LoadPointwise(int channels) => Task.CompletedTask;

    /// <summary>Begins to compile what <see cref="MaxPool2d"/> needs for so many channels.</summary>
    Task LoadMaxPool2d(int channels) => Task.CompletedTask;

    /// <summary>Begins to compile what <see cref="AveragePool2d"/> needs for so many channels.</summary>
    Task LoadAveragePool2d(int channels) => Task.CompletedTask;

    /// <summary>Begins to compile what <see cref="Softmax"/> needs.</summary>
    Task LoadSoftmax() => Task.CompletedTask;

    /// <summary>
    /// Number of floats that <see cref="PackFilter"/> writes for this shape and algorithm; K, C, R, S and Groups alone decide it,
    /// and the layout.
    /// </summary>
    /// <exception cref="ArgumentException">The family cannot compute the convolution by that algorithm.</exception>
    int PackedFilterLength(in Conv2dShape shape, Conv2dAlgorithm algorithm = Conv2dAlgorithm.Direct);

    /// <summary>Lays a filter out as this family's convolution reads it. Several threads may do so at once.</summary>
    /// <param name="shape">The convolution.</param>
    /// <param name="filter">PyTorch's order <c>[K, C / Groups, R, S]</c>.</param>
    /// <param name="packed">Receives <see cref="PackedFilterLength"/> floats; every one is written.</param>
    /// <param name="algorithm">The algorithm that will read it.</param>
    void PackFilter(in Conv2dShape shape, ReadOnlySpan<float> filter, Span<float> packed, Conv2dAlgorithm algorithm = Conv2dAlgorithm.Direct);

    /// <summary>Convolution with its epilogue: <c>[N, H, W, C]</c> to <c>[N, P, Q, K]</c>.</summary>
    /// <param name="stream">Where it is enqueued.</param>
    /// <param name="shape">The convolution.</param>
    /// <param name="operands">Its memory; the filter is packed for the kernel's algorithm.</param>
    /// <param name="epilogue">What is done before results are stored.</param>
    /// <param name="kernel">One of <see cref="Conv2dMethods"/>, or of those for fewer or more images.</param>
    /// <param name="workspace">At least <see cref="WorkspaceLength"/> floats, overlapping no operand; what they hold does not matter.</param>
    void Conv2d(
        AcceleratorStream stream, in Conv2dShape shape, in Operands operands, Epilogue epilogue, Conv2dMethod kernel = default, ArrayView<float> workspace = default);

    /// <summary>The epilogue alone over <c>[pixels, channels]</c>: a batch norm, ReLU or residual add with no convolution before it.</summary>
    void Pointwise(AcceleratorStream stream, int pixels, int channels, in Operands operands, Epilogue epilogue);

    /// <summary>Maximum over each window, padding included with its value; NaN wins, as in PyTorch.</summary>
    void MaxPool2d(AcceleratorStream stream, in Pool2dShape shape, ArrayView<float> input, ArrayView<float> output);

    /// <summary>Mean over each window; padding adds nothing and is counted only when the shape says so. A window over the whole map is global average pooling.</summary>
    void AveragePool2d(AcceleratorStream stream, in Pool2dShape shape, ArrayView<float> input, ArrayView<float> output);

    /// <summary>Row-wise softmax of <c>[rows, classes]</c>: exp(x - max) / sum.</summary>
    void Softmax(AcceleratorStream stream, int rows, int classes, ArrayView<float> input, ArrayView<float> output);
}
