using ILGPU;
using ILGPU.Runtime;
using IlgpuResNet.Devices;
using IlgpuResNet.Kernels;
using IlgpuResNet.Pixels;

namespace IlgpuResNet.Execution;

/// <summary>
/// Prepares a run's images on the device as network input: resize, centre crop and normalisation, with the same bits as Pillow and
/// torchvision. <see cref="ImageResampling"/> has the arithmetic, <see cref="PixelStaging"/> brings the pixels, the kernel family resizes.
/// Buffers grow to the largest image and are then reused; weights are computed anew only when the image size changes. Not thread-safe.
/// </summary>
internal sealed class Preprocessor : IDisposable
{
    private readonly AcceleratorStream stream;
    private readonly ImagePreset preset;
    private readonly IKernelFamily kernels;
    private readonly PixelStaging staging;
    private readonly MemoryBuffer1D<float, Stride1D.Dense> table;
    private readonly GrowingBuffer<byte> resized = new("the resized rows of an image");
    private readonly GrowingBuffer<int> weights = new("the resampling weights of an image");

    private bool hasTable;

    // Of the last image size.
    private ImageResampling? resampling;
    private ResampleAxis axisX;
    private ResampleAxis axisY;

    /// <summary>Allocates the normalisation table.</summary>
    /// <exception cref="ImageException">The preset's numbers make no input.</exception>
    public Preprocessor(Accelerator accelerator, AcceleratorStream stream, ImagePreset preset, IKernelFamily kernels)
    {
        preset.Validate();
        this.stream = stream;
        this.preset = preset;
        this.kernels = kernels;
        staging = new PixelStaging(stream, kernels.HostVisible);
        table = accelerator.Allocate1D<float>(FixedPoint.TableLength);
    }

    /// <summary>Bytes of its buffers on the host and on the device.</summary>
    public long MemoryBytes => staging.Bytes + resized.Bytes + weights.Bytes + table.LengthInBytes;

    /// <inheritdoc cref="PixelStaging.BeginRun"/>
    public void BeginRun() => staging.BeginRun();

    /// <inheritdoc cref="PixelStaging.EndRun"/>
    public void EndRun() => staging.EndRun();

    /// <inheritdoc cref="PixelStaging.BeginSequence"/>
    public void BeginSequence() => staging.BeginSequence();

    /// <summary>
    /// True when an image can be prepared in the sequence of kernels under way. Otherwise its weights or pixels would replace those that
    /// the sequence has yet to read.
    /// </summary>
    public bool Joins(PixelSpan image) =>
        resampling is { } last && last.IsFor(image) && staging.HasRoomBehind(last.PackedLength(image.Format));

    /// <summary>
    /// Enqueues the preparation of one image, whose bytes are no longer needed when this returns. Within a sequence of kernels, which may
    /// gather what is enqueued, only an image that <see cref="Joins"/> may follow another.
    /// </summary>
    /// <param name="image">The image, of any size up to <see cref="ImageResampling.MaxPixels"/>.</param>
    /// <param name="input">The network's input <c>[N, crop height, crop width, 3]</c>.</param>
    /// <param name="index">The image's place in the batch, 0 to N - 1.</param>
    /// <param name="following">Images that come after it, for which room is made where they may join.</param>
    /// <exception cref="ImageException">The image is empty, too large or too narrow.</exception>
    /// <exception cref="DeviceMemoryException">The device has no room for it.</exception>
    public void Upload(PixelSpan image, ArrayView<float> input, int index, int following = 0)
    {
        long slot = (long)preset.InputHeight * preset.InputWidth * ImageResampling.Channels;
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((index + 1) * slot, input.Length, nameof(index));
        ImageResampling size = ResamplingOf(image);
        (PreprocessAxis x, PreprocessAxis y) = (size.X, size.Y);
        ArrayView<byte> pixels = staging.Upload(image, size, following);
        ArrayView<byte> rows = resized.View(stream, (long)size.Rows * x.Count * ImageResampling.Channels);
        var horizontal = new HorizontalPass(
            size.Rows, x.Count, size.RowBytes(image.Format), image.Format.Layout(preset.Channels), axisX.MaxTaps, axisX.Start);
        kernels.ResizeColumns(stream, horizontal, axisX, pixels, rows);
        var vertical = new VerticalPass(
            preset.InputHeight, preset.InputWidth, y.Count, x.Count, y.Padding, x.Padding, axisY.MaxTaps, axisY.Start);
        kernels.ResizeRows(stream, vertical, axisY, rows, table.View, input.SubView(index * slot, slot));
    }

    /// <inheritdoc/>
    public void Dispose() => Disposal.All(staging, table, resized, weights);

    /// <summary>The resampling of an image's size, with its weights on the device; the last one when the size is the same.</summary>
    private ImageResampling ResamplingOf(PixelSpan image)
    {
        if (resampling is { } last && last.IsFor(image)) return last;
        // No size is valid until its weights are on the device.
        resampling = null;
        if (!hasTable)
        {
            // Not in the constructor: a copy that fails there would leave memory that no owner knows.
            table.View.CopyFromCPU(stream, NormalisationTable.Create(preset));
            hasTable = true;
        }
        var next = ImageResampling.Create(image.Width, image.Height, preset);
        (ResampleCoefficients x, ResampleCoefficients y) = (next.Horizontal, next.Vertical);
        int[] packed = [.. x.Bounds, .. x.Weights, .. y.Bounds, .. y.Weights];
        ArrayView<int> view = weights.View(stream, packed.Length);
        view.CopyFromCPU(stream, packed);
        int half = x.Bounds.Length + x.Weights.Length;
        axisX = Axis(x, view.SubView(0, half));
        axisY = Axis(y, view.SubView(half));
        return resampling = next;
    }

    private static ResampleAxis Axis(ResampleCoefficients coefficients, ArrayView<int> view) => new(
        view.SubView(0, coefficients.Bounds.Length),
        view.SubView(coefficients.Bounds.Length, coefficients.Weights.Length),
        coefficients.MaxTaps,
        coefficients.InputStart);
}
