using System.Runtime.InteropServices;

namespace IlgpuResNet.SimulatedCuda;

/// <summary>Host memory that is page-locked, so that copies from and to it run while the host goes on.</summary>
internal sealed unsafe partial class SimulatedDriver
{
    private const int PageBytes = 4096;

    private readonly SortedList<ulong, PageLock> pageLocks = [];

    public CudaResult cuMemHostRegister_v2(nint address, nint bytes, int flags) => Call(Needs.Context, () => Lock((ulong)address, bytes));

    public CudaResult cuMemHostUnregister(nint address) => Call(Needs.Context, () => Unlock((ulong)address));

    public CudaResult cuMemAllocHost_v2(nint* address, nint bytes) => Call(Needs.Context, () =>
    {
        *address = (nint)NativeMemory.AlignedAlloc((nuint)bytes, PageBytes);
        return Lock((ulong)*address, bytes);
    });

    public CudaResult cuMemFreeHost(nint address) => Call(Needs.Context, () =>
    {
        CudaResult result = Unlock((ulong)address);
        if (result is CudaResult.Success) NativeMemory.AlignedFree((void*)address);
        return result;
    });

    public CudaResult cuMemHostGetDevicePointer_v2(nint* device, nint host, int flags) => Call(Needs.Context, () =>
    {
        if (PageLockAt((ulong)host, 1) is null) return CudaResult.InvalidValue;
        *device = host;
        return CudaResult.Success;
    });

    private CudaResult Lock(ulong address, nint bytes)
    {
        if (bytes <= 0 || address == 0) return CudaResult.InvalidValue;
        if (pageLocks.Values.Any(other => other.Overlaps(address, bytes))) return CudaResult.HostMemoryAlreadyRegistered;
        pageLocks.Add(address, new PageLock(Current!, address, bytes, new HostStack()));
        return CudaResult.Success;
    }

    private CudaResult Unlock(ulong address)
    {
        if (!pageLocks.TryGetValue(address, out PageLock? released))
        {
            Report(FindingKind.DoubleFree, $"0x{address:X} is not page-locked");
            return CudaResult.HostMemoryNotRegistered;
        }
        if (released.Context != Current) Report(FindingKind.WrongContext, $"{released} belongs to {released.Context}, not to {Current}");
        foreach (Operation operation in PendingOn(address, released.Bytes).ToArray())
        {
            Report(FindingKind.ReleasedWhilePending, operation, $"{released} was released before this {operation.What} ran");
            RunUntil(operation.Stream, operation.Number);
        }
        pageLocks.Remove(address);
        return CudaResult.Success;
    }

    /// <summary>The lock that covers a whole range.</summary>
    private PageLock? PageLockAt(ulong address, nint bytes) =>
        Floor(pageLocks, address) is { } found && address + (ulong)bytes <= found.Address + (ulong)found.Bytes ? found : null;

    /// <summary>Pending copies from or to a range of page-locked memory.</summary>
    private IEnumerable<Operation> PendingOn(ulong address, nint bytes) =>
        Streams().SelectMany(stream => stream.Pending).Where(operation => operation.Host?.Overlaps(address, bytes) is true);
}

/// <summary>A range of host memory that a context has page-locked.</summary>
internal sealed record PageLock(SimulatedContext Context, ulong Address, nint Bytes, HostStack Stack)
{
    public bool Overlaps(ulong address, nint bytes) => address < Address + (ulong)Bytes && Address < address + (ulong)bytes;

    public override string ToString() => $"the page lock of {Bytes} bytes at 0x{Address:X}";
}
