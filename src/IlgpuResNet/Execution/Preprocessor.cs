using System.Runtime.InteropServices;
using ILGPU;
using ILGPU.Runtime;
using IlgpuResNet.Devices;
using IlgpuResNet.Graphs;
using IlgpuResNet.Kernels;
using IlgpuResNet.Pixels;

namespace IlgpuResNet.Execution;

/// <summary>
/// Turns images into network input on a device: resize, centre crop and normalisation, bit-equal to Pillow and
/// torchvision. Only the bytes under the crop travel to the device. Buffers grow to the largest image seen and are
/// then reused; weights are computed anew only when the image size changes. Not thread-safe.
/// </summary>
internal sealed class Preprocessor : IDisposable
{
    /// <summary>The most pixels an image may have: their bytes are indexed with ints on the device.</summary>
    public const int MaxPixels = 1 << 28;

    /// <summary>Bytes of images that may be on their way to a device at once; a run with more waits in between.</summary>
    private const int MostStaged = 1 << 26;

    /// <summary>Bytes of images that one launch on the processor may prepare: larger ones take so long that a launch more does not count.</summary>
    private const int MostGathered = 1 << 20;

    /// <summary>Channels of the network's input: red, green, blue.</summary>
    public const int Channels = 3;

    private readonly Accelerator accelerator;
    private readonly AcceleratorStream stream;
    private readonly ImagePreset preset;
    private readonly IKernelFamily kernels;
    private readonly MemoryBuffer1D<float, Stride1D.Dense> table;
    private readonly GrowingBuffer<byte> pixels = new("the pixels of an image");
    private readonly GrowingBuffer<byte> resized = new("the resized rows of an image");
    private readonly GrowingBuffer<int> weights = new("the resampling weights of an image");
    private byte[] staging = [];
    private PageLockScope<byte>? stagingLock;

    /// <summary>Bytes of the staging memory that may be on their way to the device.</summary>
    private int staged;

    /// <summary>Bytes of the pixels that kernels of the sequence under way have yet to read; 0 where each is enqueued at once.</summary>
    private int gathered;

    // Of the last image size.
    private int width;
    private int height;
    private PreprocessGeometry geometry;
    private ResampleAxis axisX;
    private ResampleAxis axisY;
    private Range columns;
    private Range rows;

    /// <summary>Uploads the normalisation table.</summary>
    /// <exception cref="ImageException">The preset's numbers make no input.</exception>
    public Preprocessor(Accelerator accelerator, AcceleratorStream stream, ImagePreset preset, IKernelFamily kernels)
    {
        preset.Validate();
        this.accelerator = accelerator;
        this.stream = stream;
        this.preset = preset;
        this.kernels = kernels;
        table = accelerator.Allocate1D(NormalisationTable(preset));
    }

    /// <summary>Bytes of its buffers, here and on the device.</summary>
    public long MemoryBytes => pixels.Bytes + resized.Bytes + weights.Bytes + table.LengthInBytes + staging.Length;

    /// <summary>Fails unless a network's input is what images become by its model's preset.</summary>
    /// <exception cref="GraphException">It is not.</exception>
    public static void CheckMakes(MapShape input, Model model)
    {
        int crop = model.Preset.CropSize;
        if (input.C != Channels)
            throw new GraphException($"{model.Name} takes {input.C} channels, but images give {Channels}; prepare the input yourself and run it as floats.");
        if (input.H != crop || input.W != crop)
            throw new GraphException($"{model.Weights.Source}: takes images of {input}, but its preset makes [{crop}, {crop}, {input.C}]; use a preset with that crop, a session of the preset's size, or prepare the images yourself.");
    }

    /// <summary>Waits for images of a run that failed at a later one: their bytes must stay until they have arrived.</summary>
    public void Begin()
    {
        if (staged > 0) stream.Synchronize();
        staged = 0;
    }

    /// <summary>Says that the stream was waited for: what was on its way has arrived.</summary>
    public void End() => staged = 0;

    /// <summary>Says that a sequence begins (<see cref="IKernelFamily.BeginSequence"/>): what was gathered before has been read.</summary>
    public void BeginSequence() => gathered = 0;

    /// <summary>True when an image can be prepared in the sequence under way; another one's weights or bytes would replace what its kernels are still to read.</summary>
    public bool Joins(PixelSpan image) =>
        gathered > 0 && image.Width == width && image.Height == height && gathered + PackedLength(image) <= Math.Min(pixels.Bytes, MostGathered);

    /// <summary>
    /// Enqueues the preprocessing of one image. The image's bytes are no longer needed when this returns. Within a sequence of the network's
    /// kernels, which may gather what is enqueued, only an image that <see cref="Joins"/> comes after another.
    /// </summary>
    /// <param name="image">The image, of any size up to <see cref="MaxPixels"/>.</param>
    /// <param name="input">The network's input <c>[N, CropSize, CropSize, 3]</c>.</param>
    /// <param name="index">The image's place in the batch, 0 to N - 1.</param>
    /// <param name="following">Images that come after it, for which room is made where they may join.</param>
    /// <exception cref="ImageException">The image is empty, too large or too narrow.</exception>
    /// <exception cref="DeviceMemoryException">The device has no room for it.</exception>
    public void Upload(PixelSpan image, ArrayView<float> input, int index, int following = 0)
    {
        long slot = (long)preset.CropSize * preset.CropSize * Channels;
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((index + 1) * slot, input.Length, nameof(index));
        SetSize(image.Width, image.Height);

        int rowCount = rows.End - rows.Start;
        int rowBytes = RowBytes(image);
        ArrayView<byte> source = CopyToDevice(image, rowCount, rowBytes, following);

        (PreprocessAxis x, PreprocessAxis y) = geometry;
        ArrayView<byte> bytes = resized.View(stream, (long)rowCount * x.Count * Channels);
        var horizontal = new HorizontalPass(rowCount, x.Count, rowBytes, Layout(image.Format), axisX.MaxTaps, axisX.Start);
        kernels.ResizeColumns(stream, horizontal, axisX, source, bytes);
        var vertical = new VerticalPass(preset.CropSize, y.Count, x.Count, y.Padding, x.Padding, axisY.MaxTaps, axisY.Start);
        kernels.ResizeRows(stream, vertical, axisY, bytes, table.View, input.SubView(index * slot, slot));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        stagingLock?.Dispose();
        table.Dispose();
        pixels.Dispose();
        resized.Dispose();
        weights.Dispose();
    }

    /// <summary>Makes the weights for an image size, unless the last image had the same.</summary>
    private void SetSize(int newWidth, int newHeight)
    {
        if (newWidth == width && newHeight == height) return;
        if (newWidth < 1 || newHeight < 1)
            throw new ImageException("The image has no pixels; an image must be at least 1x1.");
        if ((long)newWidth * newHeight > MaxPixels)
            throw new ImageException($"A {newWidth}x{newHeight} image is too large: at most {MaxPixels} pixels are taken; scale it down first.");

        // Until everything below is done, no size is valid.
        (width, height) = (0, 0);
        geometry = PreprocessGeometry.Create(newWidth, newHeight, preset);
        (PreprocessAxis x, PreprocessAxis y) = geometry;
        var horizontal = ResampleCoefficients.Create(x.Size, x.Resized, x.Offset, x.Count, preset.Interpolation);
        var vertical = ResampleCoefficients.Create(y.Size, y.Resized, y.Offset, y.Count, preset.Interpolation);
        int[] packed = [.. horizontal.Bounds, .. horizontal.Weights, .. vertical.Bounds, .. vertical.Weights];
        ArrayView<int> view = weights.View(stream, packed.Length);
        view.CopyFromCPU(stream, packed);
        int half = horizontal.Bounds.Length + horizontal.Weights.Length;
        axisX = Axis(horizontal, view.SubView(0, half));
        axisY = Axis(vertical, view.SubView(half));
        columns = new Range(horizontal.InputStart, horizontal.InputEnd);
        rows = new Range(vertical.InputStart, vertical.InputEnd);
        (width, height) = (newWidth, newHeight);
    }

    private static ResampleAxis Axis(ResampleCoefficients coefficients, ArrayView<int> view) => new(
        view.SubView(0, coefficients.Bounds.Length),
        view.SubView(coefficients.Bounds.Length, coefficients.Weights.Length),
        coefficients.MaxTaps,
        coefficients.InputStart);

    /// <summary>Packs the rows and columns under the crop end to end on the device: on the processor at once, else on the way there.</summary>
    private ArrayView<byte> CopyToDevice(PixelSpan image, int rowCount, int rowBytes, int following)
    {
        int length = checked((int)PackedLength(image)), firstByte = columns.Start * image.Format.BytesPerPixel();
        bool isHere = kernels.HostVisible;
        // Once others are gathered there is room.
        long room = isHere && gathered == 0 ? Math.Max(length, Math.Min(MostGathered, (1L + following) * length)) : gathered + length;
        ArrayView<byte> view = pixels.View(stream, room).SubView(gathered, length);
        if (isHere) gathered += length;
        else Reserve(length);
        Span<byte> packed = isHere ? MemoryMarshal.CreateSpan(ref view[0], length) : staging.AsSpan(staged, length);
        for (int y = 0; y < rowCount; y++)
        {
            long address = (long)(rows.Start + y) * image.Stride + firstByte;
            image.Pixels.Slice((int)address, rowBytes).CopyTo(packed.Slice(y * rowBytes, rowBytes));
        }
        if (isHere) return view;
        // Nothing waits for it here: the stream keeps the order.
        view.CopyFromCPUUnsafeAsync(stream, ref staging[staged], length);
        staged += length;
        return view;
    }

    /// <summary>Bytes of a row of an image under the crop, of the size that the weights are for.</summary>
    private int RowBytes(PixelSpan image) => (columns.End - columns.Start) * image.Format.BytesPerPixel();

    /// <summary>Bytes of its rows under the crop end to end.</summary>
    private long PackedLength(PixelSpan image) => (long)(rows.End - rows.Start) * RowBytes(image);

    /// <summary>Makes room in the staging memory.</summary>
    private void Reserve(int length)
    {
        if (staging.Length - staged >= length) return;
        if (staged > 0) stream.Synchronize();
        int wanted = (int)Math.Max(length, Math.Min(MostStaged, 2L * staged + length));
        staged = 0;
        if (staging.Length >= wanted) return;
        stagingLock?.Dispose();
        stagingLock = null;
        staging = GC.AllocateUninitializedArray<byte>(wanted, pinned: true);
        stagingLock = accelerator.CreatePageLockFromPinned(staging);
    }

    /// <summary>Where the channels of a pixel lie.</summary>
    /// <exception cref="ImageException">There is no such format.</exception>
    internal static PixelLayout Layout(PixelFormat format) => format switch
    {
        PixelFormat.Rgb24 => new PixelLayout(3, 0, 1, 2),
        PixelFormat.Bgr24 => new PixelLayout(3, 2, 1, 0),
        PixelFormat.Rgba32 => new PixelLayout(4, 0, 1, 2),
        PixelFormat.Bgra32 => new PixelLayout(4, 2, 1, 0),
        PixelFormat.Gray8 => new PixelLayout(1, 0, 0, 0),
        _ => throw new ImageException($"Pixel format {(int)format} is unknown; use one of {string.Join(", ", Enum.GetNames<PixelFormat>())}."),
    };

    /// <summary>
    /// The float of every byte value and channel <c>[256, 3]</c>, computed on the host: a device's float division
    /// need not be correctly rounded, torchvision's is.
    /// </summary>
    private static float[] NormalisationTable(ImagePreset preset)
    {
        float[] values = new float[FixedPoint.TableLength];
        for (int value = 0; value <= byte.MaxValue; value++)
        {
            float scaled = value / 255f;
            values[value * Channels] = (scaled - preset.Mean.R) / preset.Std.R;
            values[value * Channels + 1] = (scaled - preset.Mean.G) / preset.Std.G;
            values[value * Channels + 2] = (scaled - preset.Mean.B) / preset.Std.B;
        }
        return values;
    }

    /// <summary>Consecutive pixels of one axis.</summary>
    private readonly record struct Range(int Start, int End);

    /// <summary>Device memory that is replaced by a larger piece when it is too small.</summary>
    private sealed class GrowingBuffer<T>(string purpose) : IDisposable
        where T : unmanaged
    {
        private MemoryBuffer1D<T, Stride1D.Dense>? buffer;

        public long Bytes => buffer?.LengthInBytes ?? 0;

        public ArrayView<T> View(AcceleratorStream stream, long length)
        {
            if (buffer is null || buffer.Length < length)
            {
                // A kernel of an earlier image of the batch may still read the old piece.
                if (buffer is not null) stream.Synchronize();
                buffer?.Dispose();
                buffer = null;
                buffer = Allocate(stream.Accelerator, length);
            }
            return buffer.View.SubView(0, length);
        }

        public void Dispose() => buffer?.Dispose();

        private MemoryBuffer1D<T, Stride1D.Dense> Allocate(Accelerator accelerator, long length)
        {
            try
            {
                return accelerator.Allocate1D<T>(length);
            }
            catch (Exception e)
            {
                throw DeviceFailure.CannotAllocate(accelerator, accelerator.Name, length * Interop.SizeOf<T>(), purpose, e);
            }
        }
    }
}
