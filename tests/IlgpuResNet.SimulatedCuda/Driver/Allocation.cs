using IlgpuResNet.SimulatedCuda.Ptx;

namespace IlgpuResNet.SimulatedCuda;

/// <summary>A piece of device memory.</summary>
internal sealed class Allocation(SimulatedContext context, ulong address, int length, HostStack stack)
{
    public SimulatedContext Context => context;

    public ulong Address => address;

    public int Length => length;

    public byte[] Data { get; } = GC.AllocateUninitializedArray<byte>(length);

    /// <summary>Which bytes were written since the memory was allocated.</summary>
    public bool[] IsWritten { get; } = new bool[length];

    public HostStack Stack => stack;

    public StreamAccesses Accesses { get; } = new();

    public string Name => $"the allocation of {length} bytes at 0x{address:X}";

    public Span<byte> Span(ulong at, long bytes) => Data.AsSpan((int)(at - address), checked((int)bytes));

    public void MarkWritten(ulong at, long bytes) => IsWritten.AsSpan((int)(at - address), checked((int)bytes)).Fill(true);

    public bool IsWhollyWritten(ulong at, long bytes) => !IsWritten.AsSpan((int)(at - address), checked((int)bytes)).Contains(false);

    /// <summary>The allocation as a region that a kernel may access.</summary>
    public Region CreateRegion(int cellBytes) => new(Name, address, Data, cellBytes) { IsWritten = IsWritten };
}
