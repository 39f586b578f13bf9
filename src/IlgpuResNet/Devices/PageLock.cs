using System.Runtime.CompilerServices;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;

namespace IlgpuResNet.Devices;

/// <summary>
/// Page-locks a pinned array, so that CUDA copies it while the host goes on. Where a driver refuses, copies take longer and are right
/// nevertheless: they pass through memory of the driver's.
/// </summary>
/// <remarks>
/// ILGPU's own page lock releases, when its constructor has failed and it is collected, memory that another lock may have by then.
/// </remarks>
internal sealed unsafe class PageLock : IDisposable
{
    /// <summary>
    /// Arrays whose locks could not be released. The collector must not give their memory to others before the context is destroyed.
    /// </summary>
    private static readonly ConditionalWeakTable<Accelerator, List<Array>> Kept = [];

    private readonly CudaAccelerator? accelerator;
    private readonly Array array;
    private readonly nint address;
    private bool isHeld;

    private PageLock(Accelerator device, Array array, void* address, long bytes)
    {
        this.array = array;
        this.address = (nint)address;
        accelerator = device as CudaAccelerator;
        if (accelerator is null || bytes == 0) return;
        CudaError error = CudaAPI.CurrentAPI.MemHostRegister(
            this.address, (nint)bytes, MemHostRegisterFlags.CU_MEMHOSTREGISTER_PORTABLE);
        isHeld = error is CudaError.CUDA_SUCCESS;
        if (!isHeld) Refusal = error.ToString();
    }

    /// <summary>Releases the lock of a session that nobody disposed.</summary>
    ~PageLock()
    {
        try
        {
            Release();
        }
        catch (AcceleratorException)
        {
            // The array is kept.
        }
    }

    /// <summary>The driver's reason for not locking; null where it did, and on devices whose copies need no locks.</summary>
    public string? Refusal { get; }

    /// <summary>Locks an array that was allocated pinned. The device is current on the calling thread.</summary>
    public static PageLock Create<T>(Accelerator accelerator, T[] pinned)
        where T : unmanaged
    {
        fixed (T* address = pinned) return new PageLock(accelerator, pinned, address, (long)sizeof(T) * pinned.Length);
    }

    /// <summary>Releases the lock; no copy from or to the array may be pending. The exceptions are the driver's.</summary>
    public void Dispose()
    {
        GC.SuppressFinalize(this);
        Release();
    }

    private void Release()
    {
        // A context takes its page locks with it when it is destroyed.
        if (!isHeld || accelerator is null or { IsDisposed: true }) return;
        isHeld = false;
        try
        {
            using var binding = new DeviceBinding(accelerator);
            CudaException.ThrowIfFailed(CudaAPI.CurrentAPI.MemHostUnregister(address));
        }
        catch (CudaException)
        {
            List<Array> kept = Kept.GetOrCreateValue(accelerator);
            lock (kept) kept.Add(array);
            throw;
        }
    }
}
