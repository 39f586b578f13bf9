using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;

namespace IlgpuResNet.Devices;

/// <summary>Makes a device current on the calling thread until it is disposed, and then the one that was current before.</summary>
internal readonly struct DeviceBinding : IDisposable
{
    private readonly Accelerator? previous;

    /// <summary>Makes a device current; the exceptions are the driver's.</summary>
    public DeviceBinding(Accelerator accelerator)
    {
        Accelerator? current = Accelerator.Current;
        if (current != accelerator)
        {
            previous = current;
            accelerator.Bind();
        }
        else if (accelerator is CudaAccelerator)
        {
            // ILGPU asks the driver once per thread. Its call may have failed, and another library of the app may have called since.
            CudaException.ThrowIfFailed(CudaAPI.CurrentAPI.SetCurrentContext(accelerator.NativePtr));
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // A context that was destroyed meanwhile must not become current again.
        if (previous is not { IsDisposed: false }) return;
        try
        {
            previous.Bind();
        }
        catch (AcceleratorException)
        {
            // The work on this device is done. The next call that needs the other one asks the driver again, and reports its failure.
        }
    }
}
