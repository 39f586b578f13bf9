using System.Runtime.InteropServices;
using ILGPU;
using ILGPU.Runtime;
using IlgpuResNet.Devices;
using IlgpuResNet.Pixels;

namespace IlgpuResNet.Execution;

/// <summary>
/// The pixels of a run's images on their way to the device; only the bytes under the crop travel. Where the host sees the device's memory,
/// several images lie side by side there, so that one launch prepares them. Elsewhere the bytes pass through page-locked host memory, and
/// nothing waits for their copies. Both memories grow to the largest need and are then reused. Not thread-safe.
/// </summary>
internal sealed class PixelStaging(AcceleratorStream stream, bool hostVisible) : IDisposable
{
    /// <summary>Most bytes of host memory for images on their way; a run with more waits in between.</summary>
    private const int MostStaged = 1 << 26;

    /// <summary>Most bytes of images for one launch: larger images take so long that one more launch does not count.</summary>
    private const int MostGathered = 1 << 20;

    private readonly GrowingBuffer<byte> pixels = new("the pixels of an image");
    private byte[] host = [];
    private PageLock? pageLock;

    /// <summary>Bytes of host memory whose copies may be under way.</summary>
    private int staged;

    /// <summary>
    /// Bytes of device memory that kernels of the sequence under way have yet to read; 0 where kernels are enqueued at once.
    /// </summary>
    private int gathered;

    /// <summary>Bytes allocated, on the host and on the device.</summary>
    public long Bytes => pixels.Bytes + host.Length;

    /// <summary>
    /// Begins a run. Images of a run that failed may still be on their way; their bytes must stay until they have arrived.
    /// </summary>
    public void BeginRun()
    {
        if (staged > 0) stream.Synchronize();
        staged = 0;
    }

    /// <summary>Ends a run whose stream was waited for: everything has arrived.</summary>
    public void EndRun() => staged = 0;

    /// <summary>Begins a sequence of kernels: the pixels of the last sequence have been read.</summary>
    public void BeginSequence() => gathered = 0;

    /// <summary>True when an image's pixels fit behind those of the sequence under way.</summary>
    public bool HasRoomBehind(long length) => gathered > 0 && gathered + length <= Math.Min(pixels.Bytes, MostGathered);

    /// <summary>Brings the pixels under the crop to the device.</summary>
    /// <param name="image">The image; its bytes are no longer needed when this returns.</param>
    /// <param name="resampling">The resampling of its size.</param>
    /// <param name="following">Images that come after it, for which there should be room behind it.</param>
    /// <returns>Its pixels, rows end to end.</returns>
    /// <exception cref="DeviceMemoryException">The device has no room for it.</exception>
    public ArrayView<byte> Upload(PixelSpan image, ImageResampling resampling, int following)
    {
        int length = checked((int)resampling.PackedLength(image.Format));
        return hostVisible ? PackInPlace(image, resampling, length, following) : PackAndCopy(image, resampling, length);
    }

    /// <inheritdoc/>
    public void Dispose() => Disposal.All(pageLock, pixels);

    private ArrayView<byte> PackInPlace(PixelSpan image, ImageResampling resampling, int length, int following)
    {
        // Images behind the first were found to have room.
        long room = gathered == 0 ? Math.Max(length, Math.Min(MostGathered, (1L + following) * length)) : gathered + length;
        ArrayView<byte> view = pixels.View(stream, room).SubView(gathered, length);
        gathered += length;
        resampling.Pack(image, MemoryMarshal.CreateSpan(ref view[0], length));
        return view;
    }

    private ArrayView<byte> PackAndCopy(PixelSpan image, ImageResampling resampling, int length)
    {
        ArrayView<byte> view = pixels.View(stream, length);
        Reserve(length);
        resampling.Pack(image, host.AsSpan(staged, length));
        // Nothing waits for it here: the stream keeps the order.
        view.CopyFromCPUUnsafeAsync(stream, ref host[staged], length);
        staged += length;
        return view;
    }

    /// <summary>Makes room in the host memory.</summary>
    private void Reserve(int length)
    {
        if (host.Length - staged >= length) return;
        if (staged > 0) stream.Synchronize();
        int wanted = (int)Math.Max(length, Math.Min(MostStaged, 2L * staged + length));
        staged = 0;
        if (host.Length >= wanted) return;
        pageLock?.Dispose();
        pageLock = null;
        host = GC.AllocateUninitializedArray<byte>(wanted, pinned: true);
        pageLock = PageLock.Create(stream.Accelerator, host);
    }
}
