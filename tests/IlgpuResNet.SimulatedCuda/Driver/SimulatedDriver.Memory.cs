namespace IlgpuResNet.SimulatedCuda;

/// <summary>Device memory.</summary>
internal sealed unsafe partial class SimulatedDriver
{
    /// <summary>
    /// Device addresses start here: no processor gives a process such addresses unless it asks for them, so that a host that follows one
    /// dies, and a host pointer is never taken for a device's.
    /// </summary>
    private const ulong FirstAddress = 1UL << 50;

    /// <summary>Addresses between two allocations at least, which no access past an end crosses.</summary>
    private const ulong Gap = 1 << 16;

    /// <summary>cuMemAlloc promises this alignment; here no allocation has a higher one.</summary>
    private const ulong Alignment = 256;

    /// <summary>Fresh memory is full of NaNs, freed memory of another pattern.</summary>
    private const byte FreshByte = 0xFF, FreedByte = 0xFE;

    /// <summary><c>CU_POINTER_ATTRIBUTE_MEMORY_TYPE</c> and its values.</summary>
    private const int MemoryTypeAttribute = 2, HostMemory = 1, DeviceMemory = 2;

    private readonly SortedList<ulong, Allocation> allocations = [];
    private readonly SortedList<ulong, FreedMemory> freed = [];
    private ulong nextAddress = FirstAddress;

    public CudaResult cuMemGetInfo_v2(nint* free, nint* total) => Call(Needs.Context, () =>
    {
        long bytes = settings.Devices[Current!.Device].MemoryBytes;
        *free = (nint)(bytes - Used(Current!.Device));
        *total = (nint)bytes;
        return CudaResult.Success;
    });

    public CudaResult cuMemAlloc_v2(nint* address, nint bytes) => Call(Needs.Context, () =>
    {
        SimulatedContext context = Current!;
        if (bytes <= 0) return CudaResult.InvalidValue;
        // One array holds an allocation, and .NET's have less than 2^31 elements.
        if (bytes > Array.MaxLength || Used(context.Device) + bytes > settings.Devices[context.Device].MemoryBytes)
            return CudaResult.OutOfMemory;
        var allocation = new Allocation(context, nextAddress + Alignment, (int)bytes, new HostStack());
        allocation.Data.AsSpan().Fill(FreshByte);
        allocations.Add(allocation.Address, allocation);
        nextAddress += ((ulong)bytes + Gap) / Gap * Gap + Gap;
        *address = (nint)allocation.Address;
        return CudaResult.Success;
    });

    /// <summary>Waits for the context's work, as a real driver does before it unmaps memory, and frees.</summary>
    public CudaResult cuMemFree_v2(nint address) => Call(Needs.Context, () =>
    {
        if (address == 0) return CudaResult.Success;
        if (!allocations.TryGetValue((ulong)address, out Allocation? allocation))
        {
            string name = freed.GetValueOrDefault((ulong)address)?.Name ?? $"0x{address:X}";
            Report(FindingKind.DoubleFree, $"{name} is no allocation, or no longer one");
            return CudaResult.InvalidValue;
        }
        if (allocation.Context != Current)
            Report(FindingKind.WrongContext, $"{allocation.Name} belongs to {allocation.Context}, not to {Current}");
        RunAll(allocation.Context);
        Forget(allocation);
        return CudaResult.Success;
    });

    public CudaResult cuMemsetD8Async(nint address, byte value, nint bytes, nint stream) => Call(Needs.Context, () =>
    {
        if (bytes == 0) return CudaResult.Success;
        if (FindStream(stream) is not { } found) return CudaResult.InvalidHandle;
        if (FindRange(address, bytes) is not { } allocation) return CudaResult.InvalidValue;
        Enqueue(found, $"memset of {bytes} bytes", operation =>
        {
            allocation.Span((ulong)address, bytes).Fill(value);
            allocation.MarkWritten((ulong)address, bytes);
            Touch(operation, allocation, (ulong)address, bytes, isWrite: true);
        });
        return CudaResult.Success;
    });

    public CudaResult cuPointerGetAttribute(nint target, int attribute, nint address) => Call(Needs.Context, () =>
    {
        if (attribute != MemoryTypeAttribute)
        {
            Report(FindingKind.Unsupported, $"pointer attribute {attribute} is not known here");
            return CudaResult.InvalidValue;
        }
        if (AllocationAt((ulong)address) is not null) return Answer((int*)target, DeviceMemory);
        return PageLockAt((ulong)address, 1) is not null ? Answer((int*)target, HostMemory) : CudaResult.InvalidValue;
    });

    private static bool IsDeviceAddress(nint address) => (ulong)address >= FirstAddress && address > 0;

    private long Used(int device) =>
        allocations.Values.Where(allocation => allocation.Context.Device == device).Sum(allocation => (long)allocation.Length);

    private void Forget(Allocation allocation)
    {
        allocations.Remove(allocation.Address);
        freed.Add(allocation.Address, new FreedMemory(allocation.Name, allocation.Address, allocation.Length));
        allocation.Data.AsSpan().Fill(FreedByte);
    }

    private Allocation? AllocationAt(ulong address) =>
        Floor(allocations, address) is { } allocation && address < allocation.Address + (ulong)allocation.Length ? allocation : null;

    /// <summary>The freed memory of an address, which is never allocated again.</summary>
    private FreedMemory? FreedAt(ulong address) =>
        Floor(freed, address) is { } found && address < found.Address + (ulong)found.Length ? found : null;

    /// <summary>The allocation that a range of a call lies in; reports a range that leaves it, or that was freed.</summary>
    private Allocation? FindRange(nint address, nint bytes)
    {
        ulong first = (ulong)address;
        if (AllocationAt(first) is not { } allocation)
        {
            if (FreedAt(first) is { } before) Report(FindingKind.UseAfterFree, $"0x{address:X} lies in {before.Name}, which is freed");
            else Report(FindingKind.OutOfBounds, $"0x{address:X} is no device memory");
            return null;
        }
        if (first + (ulong)bytes > allocation.Address + (ulong)allocation.Length)
        {
            Report(FindingKind.OutOfBounds, $"{bytes} bytes at 0x{address:X} leave {allocation.Name}");
            return null;
        }
        if (allocation.Context != Current)
            Report(FindingKind.WrongContext, $"{allocation.Name} belongs to {allocation.Context}, not to {Current}");
        return allocation;
    }

    /// <summary>The value of the highest key that is not above the given one.</summary>
    private static T? Floor<T>(SortedList<ulong, T> list, ulong key)
        where T : class
    {
        int low = 0, high = list.Count - 1;
        while (low <= high)
        {
            int middle = (low + high) / 2;
            if (list.Keys[middle] <= key) low = middle + 1;
            else high = middle - 1;
        }
        return high < 0 ? null : list.Values[high];
    }
}

/// <summary>Device memory that was freed.</summary>
internal sealed record FreedMemory(string Name, ulong Address, int Length);
