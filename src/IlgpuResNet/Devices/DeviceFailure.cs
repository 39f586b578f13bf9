using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using ILGPU.Runtime.Cuda;
using ILGPU.Runtime.OpenCL;

namespace IlgpuResNet.Devices;

/// <summary>What the exceptions of drivers mean.</summary>
internal static class DeviceFailure
{
    /// <summary>True when a driver says that memory is what it lacks.</summary>
    public static bool IsOutOfMemory(Exception e) => e.GetBaseException() switch
    {
        OutOfMemoryException => true,
        CudaException cuda => cuda.Error == nameof(CudaError.CUDA_ERROR_OUT_OF_MEMORY),
        CLException cl => cl.Error is CLError.CL_MEM_OBJECT_ALLOCATION_FAILURE or CLError.CL_OUT_OF_HOST_MEMORY,
        _ => false,
    };

    /// <summary>
    /// True when nothing on the device can be relied on any more. Few errors of a driver leave its context usable, and which do differs
    /// from driver to driver.
    /// </summary>
    public static bool IsLoss(Exception e) => e.GetBaseException() is CudaException or CLException && !IsOutOfMemory(e);

    /// <summary>Bytes that are free; null where the driver does not say.</summary>
    public static long? FreeMemory(Accelerator accelerator)
    {
        try
        {
            return accelerator switch
            {
                CudaAccelerator cuda => cuda.GetFreeMemory(),
                // .NET looks at the load when it collects garbage; before the first time it knows nothing.
                CPUAccelerator when GC.GetGCMemoryInfo() is { Index: > 0 } memory => Math.Max(0, memory.TotalAvailableMemoryBytes - memory.MemoryLoadBytes),
                _ => null,
            };
        }
        catch (CudaException)
        {
            return null;
        }
    }

    /// <summary>The error for memory that was not to be had.</summary>
    public static DeviceMemoryException CannotAllocate(Accelerator accelerator, string device, long bytes, string purpose, Exception e)
    {
        long? free = FreeMemory(accelerator);
        long total = accelerator is CPUAccelerator ? GC.GetGCMemoryInfo().TotalAvailableMemoryBytes : accelerator.MemorySize;
        return new DeviceMemoryException(
            $"{device}: {bytes} bytes for {purpose} cannot be allocated of {total} on the device{(free is null ? "" : $", {free} of them free")}: {DeviceRuntime.FirstLine(e)} Use a smaller batch or image, or another device.",
            bytes, free, e);
    }
}
