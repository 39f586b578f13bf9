using ILGPU;
using ILGPU.Runtime;

namespace IlgpuResNet.Devices;

/// <summary>Floats on a device, freed when this is disposed.</summary>
internal sealed class DeviceMemory : IDisposable
{
    /// <summary>
    /// Bytes of the longest vectors and of a cache line: reads and writes that cross into the next line count twice. GPU drivers
    /// align further by themselves; ILGPU's memory of the processor starts 16 bytes into a page.
    /// </summary>
    private const int Alignment = 64;

    private readonly MemoryBuffer1D<float, Stride1D.Dense> buffer;
    private Task? collapsing;

    /// <summary>Allocates; throws what the device's driver makes of it.</summary>
    public DeviceMemory(Accelerator accelerator, long length)
    {
        bool isProcessor = accelerator.AcceleratorType is AcceleratorType.CPU;
        buffer = accelerator.Allocate1D<float>(isProcessor ? length + Alignment / sizeof(float) : length);
        long past = isProcessor ? buffer.NativePtr % Alignment : 0;
        View = buffer.View.BaseView.SubView(past == 0 ? 0 : (Alignment - past) / sizeof(float), length);
    }

    /// <summary>All of it.</summary>
    public ArrayView<float> View { get; }

    /// <summary>The stream that uploads before there is a session.</summary>
    public AcceleratorStream DefaultStream => buffer.Accelerator.DefaultStream;

    /// <summary>Says that the memory will be read many times more: the processor's moves to large pages, meanwhile, once.</summary>
    public void ExpectManyReads()
    {
        if (buffer.Accelerator.AcceleratorType is not AcceleratorType.CPU) return;
        lock (buffer) collapsing ??= Task.Run(() => LargePages.Collapse(buffer.NativePtr, buffer.LengthInBytes));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (buffer) collapsing ??= Task.CompletedTask;
        collapsing.Wait();
        buffer.Dispose();
    }
}
