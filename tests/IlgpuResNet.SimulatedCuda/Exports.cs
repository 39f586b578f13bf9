using System.Runtime.InteropServices;

namespace IlgpuResNet.SimulatedCuda;

/// <summary>The driver's functions as native code calls them: each leads to the method of its name of the process's driver.</summary>
internal static unsafe class Exports
{
    private static SimulatedDriver Driver => Simulator.Driver!;

    [UnmanagedCallersOnly]
    public static int cuCtxCreate_v2(nint* context, int flags, int device) => (int)Driver.cuCtxCreate_v2(context, flags, device);

    [UnmanagedCallersOnly]
    public static int cuCtxDestroy_v2(nint context) => (int)Driver.cuCtxDestroy_v2(context);

    [UnmanagedCallersOnly]
    public static int cuCtxSetCurrent(nint context) => (int)Driver.cuCtxSetCurrent(context);

    [UnmanagedCallersOnly]
    public static int cuCtxSynchronize() => (int)Driver.cuCtxSynchronize();

    [UnmanagedCallersOnly]
    public static int cuCtxGetCacheConfig(int* config) => (int)Driver.cuCtxGetCacheConfig(config);

    [UnmanagedCallersOnly]
    public static int cuCtxSetCacheConfig(int config) => (int)Driver.cuCtxSetCacheConfig(config);

    [UnmanagedCallersOnly]
    public static int cuCtxGetSharedMemConfig(int* config) => (int)Driver.cuCtxGetSharedMemConfig(config);

    [UnmanagedCallersOnly]
    public static int cuCtxSetSharedMemConfig(int config) => (int)Driver.cuCtxSetSharedMemConfig(config);

    [UnmanagedCallersOnly]
    public static int cuCtxEnablePeerAccess(nint peer, int flags) => (int)Driver.cuCtxEnablePeerAccess(peer, flags);

    [UnmanagedCallersOnly]
    public static int cuCtxDisablePeerAccess(nint peer) => (int)Driver.cuCtxDisablePeerAccess(peer);

    [UnmanagedCallersOnly]
    public static int cuMemcpyAsync(
        nint target, nint source, nint bytes, nint stream) =>
        (int)Driver.cuMemcpyAsync(target, source, bytes, stream);

    [UnmanagedCallersOnly]
    public static int cuInit(int flags) => (int)Driver.cuInit(flags);

    [UnmanagedCallersOnly]
    public static int cuDriverGetVersion(int* version) => (int)Driver.cuDriverGetVersion(version);

    [UnmanagedCallersOnly]
    public static int cuGetErrorString(int error, nint* text) => (int)Driver.cuGetErrorString(error, text);

    [UnmanagedCallersOnly]
    public static int cuDeviceGetCount(int* count) => (int)Driver.cuDeviceGetCount(count);

    [UnmanagedCallersOnly]
    public static int cuDeviceGet(int* device, int ordinal) => (int)Driver.cuDeviceGet(device, ordinal);

    [UnmanagedCallersOnly]
    public static int cuDeviceGetName(byte* name, int length, int device) => (int)Driver.cuDeviceGetName(name, length, device);

    [UnmanagedCallersOnly]
    public static int cuDeviceTotalMem_v2(nint* bytes, int device) => (int)Driver.cuDeviceTotalMem_v2(bytes, device);

    [UnmanagedCallersOnly]
    public static int cuDeviceGetAttribute(
        int* value, int attribute, int device) =>
        (int)Driver.cuDeviceGetAttribute(value, attribute, device);

    [UnmanagedCallersOnly]
    public static int cuDeviceCanAccessPeer(int* can, int device, int peer) => (int)Driver.cuDeviceCanAccessPeer(can, device, peer);

    [UnmanagedCallersOnly]
    public static int cuDeviceGetP2PAttribute(
        int* value, int attribute, int source, int target) =>
        (int)Driver.cuDeviceGetP2PAttribute(value, attribute, source, target);

    [UnmanagedCallersOnly]
    public static int cuEventCreate(nint* created, int flags) => (int)Driver.cuEventCreate(created, flags);

    [UnmanagedCallersOnly]
    public static int cuEventDestroy_v2(nint destroyed) => (int)Driver.cuEventDestroy_v2(destroyed);

    [UnmanagedCallersOnly]
    public static int cuEventRecord(nint recorded, nint stream) => (int)Driver.cuEventRecord(recorded, stream);

    [UnmanagedCallersOnly]
    public static int cuEventQuery(nint queried) => (int)Driver.cuEventQuery(queried);

    [UnmanagedCallersOnly]
    public static int cuEventSynchronize(nint awaited) => (int)Driver.cuEventSynchronize(awaited);

    [UnmanagedCallersOnly]
    public static int cuEventElapsedTime(
        float* milliseconds, nint first, nint last) =>
        (int)Driver.cuEventElapsedTime(milliseconds, first, last);

    [UnmanagedCallersOnly]
    public static int cuLaunchKernel(
        nint function, int gridX, int gridY, int gridZ, int blockX, int blockY, int blockZ, int sharedBytes,
        nint stream, nint arguments, nint extra) =>
        (int)Driver.cuLaunchKernel(function, gridX, gridY, gridZ, blockX, blockY, blockZ, sharedBytes, stream, arguments, extra);

    [UnmanagedCallersOnly]
    public static int cuOccupancyMaxActiveBlocksPerMultiprocessor(
        int* blocks, nint function, int block, nint sharedBytes) =>
        (int)Driver.cuOccupancyMaxActiveBlocksPerMultiprocessor(blocks, function, block, sharedBytes);

    [UnmanagedCallersOnly]
    public static int cuOccupancyMaxPotentialBlockSize(
        int* grid, int* block, nint function, nint callback, nint sharedBytes, int limit) =>
        (int)Driver.cuOccupancyMaxPotentialBlockSize(grid, block, function, callback, sharedBytes, limit);

    [UnmanagedCallersOnly]
    public static int cuMemGetInfo_v2(nint* free, nint* total) => (int)Driver.cuMemGetInfo_v2(free, total);

    [UnmanagedCallersOnly]
    public static int cuMemAlloc_v2(nint* address, nint bytes) => (int)Driver.cuMemAlloc_v2(address, bytes);

    [UnmanagedCallersOnly]
    public static int cuMemFree_v2(nint address) => (int)Driver.cuMemFree_v2(address);

    [UnmanagedCallersOnly]
    public static int cuMemsetD8Async(
        nint address, byte value, nint bytes, nint stream) =>
        (int)Driver.cuMemsetD8Async(address, value, bytes, stream);

    [UnmanagedCallersOnly]
    public static int cuPointerGetAttribute(
        nint target, int attribute, nint address) =>
        (int)Driver.cuPointerGetAttribute(target, attribute, address);

    [UnmanagedCallersOnly]
    public static int cuModuleLoadData(nint* module, byte* ptx) => (int)Driver.cuModuleLoadData(module, ptx);

    [UnmanagedCallersOnly]
    public static int cuModuleLoadDataEx(
        nint* module, byte* ptx, int options, int* keys, nint* values) =>
        (int)Driver.cuModuleLoadDataEx(module, ptx, options, keys, values);

    [UnmanagedCallersOnly]
    public static int cuModuleUnload(nint module) => (int)Driver.cuModuleUnload(module);

    [UnmanagedCallersOnly]
    public static int cuModuleGetFunction(
        nint* function, nint module, byte* name) =>
        (int)Driver.cuModuleGetFunction(function, module, name);

    [UnmanagedCallersOnly]
    public static int cuMemHostRegister_v2(nint address, nint bytes, int flags) => (int)Driver.cuMemHostRegister_v2(address, bytes, flags);

    [UnmanagedCallersOnly]
    public static int cuMemHostUnregister(nint address) => (int)Driver.cuMemHostUnregister(address);

    [UnmanagedCallersOnly]
    public static int cuMemAllocHost_v2(nint* address, nint bytes) => (int)Driver.cuMemAllocHost_v2(address, bytes);

    [UnmanagedCallersOnly]
    public static int cuMemFreeHost(nint address) => (int)Driver.cuMemFreeHost(address);

    [UnmanagedCallersOnly]
    public static int cuMemHostGetDevicePointer_v2(
        nint* device, nint host, int flags) =>
        (int)Driver.cuMemHostGetDevicePointer_v2(device, host, flags);

    [UnmanagedCallersOnly]
    public static int cuStreamCreate(nint* stream, int flags) => (int)Driver.cuStreamCreate(stream, flags);

    [UnmanagedCallersOnly]
    public static int cuStreamCreateWithPriority(
        nint* stream, int flags, int priority) =>
        (int)Driver.cuStreamCreateWithPriority(stream, flags, priority);

    [UnmanagedCallersOnly]
    public static int cuStreamDestroy_v2(nint stream) => (int)Driver.cuStreamDestroy_v2(stream);

    [UnmanagedCallersOnly]
    public static int cuStreamSynchronize(nint stream) => (int)Driver.cuStreamSynchronize(stream);
}
