using ILGPU;
using ILGPU.Runtime;

namespace IlgpuResNet.Devices;

/// <summary>Floats on a device, such as an arena or weights; freed when this is disposed.</summary>
internal sealed class DeviceMemory : IDisposable
{
    /// <summary>
    /// Bytes of the longest vectors and of a cache line: a read or write that crosses into the next line counts twice. GPU drivers align
    /// further by themselves; ILGPU's memory on the processor starts 16 bytes into a page.
    /// </summary>
    private const int Alignment = 64;

    private readonly MemoryBuffer1D<float, Stride1D.Dense> buffer;
    private Task? collapsing;

    /// <summary>Allocates; the exceptions are the driver's.</summary>
    public DeviceMemory(Accelerator accelerator, long length)
    {
        bool isProcessor = accelerator.AcceleratorType is AcceleratorType.CPU;
        buffer = accelerator.Allocate1D<float>(isProcessor ? length + Alignment / sizeof(float) : length);
        long past = isProcessor ? buffer.NativePtr % Alignment : 0;
        View = buffer.View.BaseView.SubView(past == 0 ? 0 : (Alignment - past) / sizeof(float), length);
    }

    /// <summary>All floats.</summary>
    public ArrayView<float> View { get; }

    /// <summary>The stream that uploads weights before the session has one.</summary>
    public AcceleratorStream DefaultStream => buffer.Accelerator.DefaultStream;

    /// <summary>
    /// Announces that the memory will be read many times more: on the processor it moves to large pages in the background, once.
    /// </summary>
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
