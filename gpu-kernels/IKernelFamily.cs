using ILGPU;
using ILGPU.Runtime;

namespace IlgpuResNet.Kernels;

/// <summary>
/// The operators of a network as one family of kernels on one accelerator. Everything that compiles or allocates happens in the constructor
/// and in <see cref="Load"/>, <see cref="LoadConv2d"/> and the other methods that load; operators only enqueue work on the stream. Views
/// may be longer than the shape needs; nothing outside the shape's extent is read or written. Not thread-safe, except where a method says
/// otherwise: callers that share an instance serialise their calls.
/// </summary>
internal interface IKernelFamily
{
    /// <summary>Short name for tables, such as <c>tiled</c> or <c>simd</c>.</summary>
    string Name { get; }

    /// <summary>
    /// True when views are the processor's own memory: the host reads and writes them directly, with no copy to or from a device.
    /// </summary>
    bool HostVisible { get; }

    /// <summary>Plans for this family: the methods of a convolution, the memory they need, and their cost.</summary>
    IFamilyPlanner Planner { get; }

    /// <summary>
    /// Compiles what every session needs, the kernels that resize images included, and waits for it, which may take a while: filters can be
    /// packed on other threads meanwhile. Without it the first operator compiles what it needs.
    /// </summary>
    void Load();

    /// <summary>
    /// Begins to compile what <see cref="Conv2d"/> needs to compute a convolution by a method, for batches of other sizes as well, so that
    /// it need not compile; the task ends when that is done. What is compiled already is not compiled again. The methods below do so for
    /// their operators. Several threads may call these methods at once.
    /// </summary>
    /// <param name="shape">The convolution.</param>
    /// <param name="method">How it is computed.</param>
    /// <param name="isActivated">True for an epilogue with an activation.</param>
    /// <exception cref="ArgumentException">The family cannot compute the convolution by this method.</exception>
    Task LoadConv2d(in Conv2dShape shape, in Conv2dMethod method, bool isActivated = false);

    /// <summary>Begins to compile what <see cref="Pointwise"/> needs for a number of channels.</summary>
    /// <param name="channels">Channels.</param>
    /// <param name="isActivated">True for an epilogue with an activation.</param>
    Task LoadPointwise(int channels, bool isActivated = false) => Task.CompletedTask;

    /// <summary>Begins to compile what <see cref="Combine"/> needs for a number of channels.</summary>
    Task LoadCombine(int channels) => Task.CompletedTask;

    /// <summary>Begins to compile what <see cref="Select"/> needs for a number of inner elements.</summary>
    Task LoadSelect(int inner) => Task.CompletedTask;

    /// <summary>Begins to compile what <see cref="GroupNorm"/> needs.</summary>
    Task LoadGroupNorm() => Task.CompletedTask;

    /// <summary>Begins to compile what <see cref="TopK"/> needs.</summary>
    Task LoadTopK() => Task.CompletedTask;

    /// <summary>Begins to compile what <see cref="MaxPool2d"/> needs for a number of channels.</summary>
    Task LoadMaxPool2d(int channels) => Task.CompletedTask;

    /// <summary>Begins to compile what <see cref="AveragePool2d"/> needs for a number of channels.</summary>
    Task LoadAveragePool2d(int channels) => Task.CompletedTask;

    /// <summary>Begins to compile what <see cref="Softmax"/> needs.</summary>
    Task LoadSoftmax() => Task.CompletedTask;

    /// <summary>Lays a filter out in the order in which this family's convolution reads it. Several threads may do so at once.</summary>
    /// <param name="shape">The convolution.</param>
    /// <param name="filter">The filter in PyTorch's order <c>[K, C / Groups, R, S]</c>.</param>
    /// <param name="packed">Receives <see cref="IFamilyPlanner.PackedFilterLength"/> floats; every one is written.</param>
    /// <param name="algorithm">The algorithm that will read it.</param>
    /// <exception cref="ArgumentException">The family cannot compute the convolution by this algorithm.</exception>
    void PackFilter(
        in Conv2dShape shape, ReadOnlySpan<float> filter, Span<float> packed, Conv2dAlgorithm algorithm = Conv2dAlgorithm.Direct);

    /// <summary>
    /// Starts a sequence: operators that are called until <see cref="EndSequence"/> may be gathered and launched as one. Forgets a sequence
    /// that was not ended; an operator that throws does so, too.
    /// </summary>
    /// <param name="threads">Most processor threads that work on it, null for all; a family for GPUs has none and ignores it.</param>
    void BeginSequence(int? threads = null);

    /// <summary>Ends the sequence: everything called since <see cref="BeginSequence"/> is enqueued when this returns.</summary>
    void EndSequence(AcceleratorStream stream);

    /// <summary>Convolution with its epilogue: <c>[N, H, W, C]</c> to <c>[N, P, Q, K]</c>.</summary>
    /// <param name="stream">Where it is enqueued.</param>
    /// <param name="shape">The convolution.</param>
    /// <param name="operands">Its memory; the filter is packed for the method's algorithm.</param>
    /// <param name="epilogue">The operations on a result before it is stored.</param>
    /// <param name="method">
    /// One of <see cref="IFamilyPlanner.Conv2dMethods"/> for this shape, or for the shape with fewer or more images.
    /// </param>
    /// <param name="workspace">
    /// At least <see cref="IFamilyPlanner.WorkspaceLength"/> floats that overlap no operand; their contents do not matter.
    /// </param>
    void Conv2d(
        AcceleratorStream stream, in Conv2dShape shape, in Operands operands, Epilogue epilogue, Conv2dMethod method = default,
        ArrayView<float> workspace = default);

    /// <summary>
    /// The epilogue alone over <c>[pixels, channels]</c>: a batch norm, ReLU or residual add with no convolution before it.
    /// </summary>
    /// <remarks>The filter has the channels' slopes where the activation is <see cref="Activation.PRelu"/>.</remarks>
    void Pointwise(AcceleratorStream stream, int pixels, int channels, in Operands operands, Epilogue epilogue);

    /// <summary>
    /// Product, quotient or sum of two tensors <c>[N, pixels, C]</c>, of which the second may be repeated over pixels or channels, and its
    /// epilogue. The second tensor is in the place of the filter.
    /// </summary>
    void Combine(AcceleratorStream stream, in CombineShape shape, in Operands operands, Epilogue epilogue);

    /// <summary>
    /// Copies elements along the middle axis of <c>[rows, first, inner]</c>, joined with a second input in the place of the residual, in
    /// the order of a table of indices: 32-bit integers in the place of the filter. A negative index gives the shape's value.
    /// </summary>
    void Select(AcceleratorStream stream, in SelectShape shape, in Operands operands);

    /// <summary>
    /// Group normalisation (Wu and He 2018) with its epilogue: <c>(x - mean) / sqrt(variance + epsilon)</c> over the pixels and channels of
    /// each group of an image.
    /// </summary>
    void GroupNorm(AcceleratorStream stream, in GroupNormShape shape, in Operands operands, Epilogue epilogue);

    /// <summary>
    /// The k largest elements of each row of <c>[rows, classes]</c> in descending order, or their indices as floats: <c>[rows, k]</c>. Of
    /// equal elements the first comes first; NaN is the largest.
    /// </summary>
    void TopK(
        AcceleratorStream stream, int rows, int classes, int k, bool givesIndices, ArrayView<float> input, ArrayView<float> output);

    /// <summary>Maximum over each window; padding takes part with its value, and NaN wins, as in PyTorch.</summary>
    void MaxPool2d(AcceleratorStream stream, in Pool2dShape shape, ArrayView<float> input, ArrayView<float> output);

    /// <summary>
    /// Mean over each window; padding adds nothing and is counted only when the shape says so. A window over the whole map is global
    /// average pooling.
    /// </summary>
    void AveragePool2d(AcceleratorStream stream, in Pool2dShape shape, ArrayView<float> input, ArrayView<float> output);

    /// <summary>Row-wise softmax of <c>[rows, classes]</c>: exp(x - max) / sum.</summary>
    void Softmax(AcceleratorStream stream, int rows, int classes, ArrayView<float> input, ArrayView<float> output);

    /// <summary>
    /// First pass of a resize: pixels <c>[rows, rowBytes]</c> to RGB bytes <c>[rows, columns, 3]</c>, the columns resized.
    /// </summary>
    /// <param name="stream">Where it is enqueued.</param>
    /// <param name="pass">The problem size.</param>
    /// <param name="axis">The weights of the columns.</param>
    /// <param name="pixels">Pixels as the image has them.</param>
    /// <param name="resized">Receives the RGB bytes.</param>
    void ResizeColumns(
        AcceleratorStream stream, in HorizontalPass pass, in ResampleAxis axis, ArrayView<byte> pixels, ArrayView<byte> resized);

    /// <summary>
    /// Second pass of a resize: RGB bytes <c>[*, columns, 3]</c> to normalised floats <c>[crop, crop, 3]</c>, the rows resized and padded
    /// to the crop.
    /// </summary>
    /// <param name="stream">Where it is enqueued.</param>
    /// <param name="pass">The problem size.</param>
    /// <param name="axis">The weights of the rows.</param>
    /// <param name="resized">The RGB bytes that <see cref="ResizeColumns"/> wrote.</param>
    /// <param name="table">The float of each byte value and channel, <see cref="FixedPoint.TableLength"/> of them.</param>
    /// <param name="output">Receives the floats.</param>
    void ResizeRows(
        AcceleratorStream stream, in VerticalPass pass, in ResampleAxis axis, ArrayView<byte> resized, ArrayView<float> table,
        ArrayView<float> output);
}
