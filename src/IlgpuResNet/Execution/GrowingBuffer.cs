using ILGPU;
using ILGPU.Runtime;
using IlgpuResNet.Devices;

namespace IlgpuResNet.Execution;

/// <summary>Device memory for images of a run, replaced by a larger piece when an image needs more. Not thread-safe.</summary>
/// <param name="purpose">Its contents, for the error when there is no memory.</param>
internal sealed class GrowingBuffer<T>(string purpose) : IDisposable
    where T : unmanaged
{
    private MemoryBuffer1D<T, Stride1D.Dense>? buffer;

    /// <summary>Bytes allocated.</summary>
    public long Bytes => buffer?.LengthInBytes ?? 0;

    /// <summary>The first elements; they keep their values only while the memory need not grow.</summary>
    /// <exception cref="DeviceMemoryException">The device has no room for them.</exception>
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

    /// <inheritdoc/>
    public void Dispose() => buffer?.Dispose();

    private MemoryBuffer1D<T, Stride1D.Dense> Allocate(Accelerator accelerator, long length)
    {
        try
        {
            return accelerator.Allocate1D<T>(length);
        }
        catch (Exception e) when (!DeviceFailure.IsLoss(e))
        {
            throw DeviceFailure.CannotAllocate(accelerator, accelerator.Name, length * Interop.SizeOf<T>(), purpose, e);
        }
    }
}
