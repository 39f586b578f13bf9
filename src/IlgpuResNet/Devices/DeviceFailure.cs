using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using ILGPU.Runtime.Cuda;
using ILGPU.Runtime.OpenCL;

namespace IlgpuResNet.Devices;

/// <summary>Reads the exceptions of drivers: which mean that memory is short, and which that the device is lost.</summary>
internal static class DeviceFailure
{
    /// <summary>True when a driver reports that it lacks memory.</summary>
    public static bool IsOutOfMemory(Exception e) => e.GetBaseException() switch
    {
        OutOfMemoryException => true,
        CudaException cuda => cuda.Error == nameof(CudaError.CUDA_ERROR_OUT_OF_MEMORY),
        CLException cl => cl.Error is CLError.CL_MEM_OBJECT_ALLOCATION_FAILURE or CLError.CL_OUT_OF_HOST_MEMORY,
        _ => false,
    };

    /// <summary>
    /// True when nothing on the device can be relied on any more. Few errors of a driver leave its context usable, and which ones do
    /// differs from driver to driver.
    /// </summary>
    public static bool IsLoss(Exception e) => e.GetBaseException() is CudaException or CLException && !IsOutOfMemory(e);

    /// <summary>True when a driver reports that it cannot compile a kernel, which leaves its context usable.</summary>
    public static bool IsCompilation(Exception e) => e.GetBaseException() switch
    {
        CudaException cuda => cuda.Error is nameof(CudaError.CUDA_ERROR_INVALID_PTX) or nameof(CudaError.CUDA_ERROR_INVALID_IMAGE)
            or nameof(CudaError.CUDA_ERROR_INVALID_SOURCE) or nameof(CudaError.CUDA_ERROR_NO_BINARY_FOR_GPU),
        CLException cl => cl.Error is CLError.CL_BUILD_PROGRAM_FAILURE or CLError.CL_COMPILE_PROGRAM_FAILURE,
        _ => false,
    };

    /// <summary>Free bytes of the device; null where the driver does not report them.</summary>
    public static long? FreeMemory(Accelerator accelerator)
    {
        try
        {
            // The failure that is being reported may be that of an earlier binding.
            using var binding = new DeviceBinding(accelerator);
            return accelerator switch
            {
                CudaAccelerator cuda => cuda.GetFreeMemory(),
                // .NET measures the load when it collects garbage; before the first collection it has no figure.
                CPUAccelerator when GC.GetGCMemoryInfo() is { Index: > 0 } memory =>
                    Math.Max(0, memory.TotalAvailableMemoryBytes - memory.MemoryLoadBytes),
                _ => null,
            };
        }
        catch (CudaException)
        {
            return null;
        }
    }

    /// <summary>The error for memory that could not be allocated.</summary>
    /// <param name="accelerator">The device.</param>
    /// <param name="device">Its name, for the message.</param>
    /// <param name="bytes">Bytes that were asked for.</param>
    /// <param name="purpose">Their use.</param>
    /// <param name="e">The driver's exception.</param>
    public static DeviceMemoryException CannotAllocate(Accelerator accelerator, string device, long bytes, string purpose, Exception e)
    {
        long? free = FreeMemory(accelerator);
        long total = accelerator is CPUAccelerator ? GC.GetGCMemoryInfo().TotalAvailableMemoryBytes : accelerator.MemorySize;
        return new DeviceMemoryException(
            $"{device}: {bytes} bytes for {purpose} cannot be allocated of {total} on the device"
            + $"{(free is null ? "" : $", {free} of them free")}: {DeviceRuntime.FirstLine(e)} "
            + "Use a smaller batch or image, or another device.",
            bytes, free, e);
    }
}
