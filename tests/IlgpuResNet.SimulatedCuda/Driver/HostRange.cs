namespace IlgpuResNet.SimulatedCuda;

/// <summary>Page-locked memory that a pending copy reads or writes.</summary>
internal sealed unsafe class HostRange(nint address, nint bytes, bool isSource)
{
    private byte[] enqueued = isSource ? new ReadOnlySpan<byte>((void*)address, checked((int)bytes)).ToArray() : [];

    public Span<byte> Span => new((void*)address, checked((int)bytes));

    /// <summary>True when the copy reads it.</summary>
    public bool IsSource => isSource;

    /// <summary>True when the host has changed the source since the copy was enqueued.</summary>
    public bool HasChanged => isSource && !Span.SequenceEqual(enqueued);

    /// <summary>Takes the present content for the right one, as the device itself has written it.</summary>
    public void Accept()
    {
        if (isSource) enqueued = Span.ToArray();
    }

    public bool Overlaps(ulong other, nint otherBytes) =>
        other < (ulong)address + (ulong)bytes && (ulong)address < other + (ulong)otherBytes;
}
