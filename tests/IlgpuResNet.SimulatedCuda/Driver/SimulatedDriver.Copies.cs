namespace IlgpuResNet.SimulatedCuda;

/// <summary>
/// Copies. Pageable memory is read before the call returns, and written before it returns. Page-locked memory is read and written when the
/// copy runs; until then a destination holds nothing that may be read.
/// </summary>
internal sealed unsafe partial class SimulatedDriver
{
    public CudaResult cuMemcpyAsync(nint target, nint source, nint bytes, nint stream) => Call(Needs.Context, () =>
    {
        if (bytes == 0) return CudaResult.Success;
        if (FindStream(stream) is not { } found) return CudaResult.InvalidHandle;
        Allocation? to = IsDeviceAddress(target) ? FindRange(target, bytes) : null;
        Allocation? from = IsDeviceAddress(source) ? FindRange(source, bytes) : null;
        if (to is null && IsDeviceAddress(target) || from is null && IsDeviceAddress(source)) return CudaResult.InvalidValue;
        switch (to, from)
        {
            case ({ }, null): Upload(found, to, (ulong)target, source, bytes); break;
            case (null, { }): Download(found, target, from, (ulong)source, bytes); break;
            case ({ }, { }): CopyWithin(found, to, (ulong)target, from, (ulong)source, bytes); break;
            default:
                Report(FindingKind.Unsupported, "a copy from host to host");
                return CudaResult.InvalidValue;
        }
        return CudaResult.Success;
    });

    private void Upload(SimulatedStream stream, Allocation to, ulong target, nint source, nint bytes)
    {
        HostRange? host = PageLockAt((ulong)source, bytes) is null ? null : new HostRange(source, bytes, isSource: true);
        byte[] pageable = host is null ? new ReadOnlySpan<byte>((void*)source, checked((int)bytes)).ToArray() : [];
        Enqueue(stream, $"copy of {bytes} bytes to the device", operation =>
        {
            if (host?.HasChanged is true)
                Report(FindingKind.SourceChanged, operation, $"the source of the {operation.What} changed before it ran");
            (host is null ? pageable : host.Span).CopyTo(to.Span(target, bytes));
            to.MarkWritten(target, bytes);
            Touch(operation, to, target, bytes, isWrite: true);
        }, host);
    }

    private void Download(SimulatedStream stream, nint target, Allocation from, ulong source, nint bytes)
    {
        HostRange? host = PageLockAt((ulong)target, bytes) is null ? null : new HostRange(target, bytes, isSource: false);
        // An earlier copy may still have to read what lies there.
        if (host is not null && !PendingOn((ulong)target, bytes).Any(operation => operation.Host!.IsSource)) host.Span.Fill(FreshByte);
        Operation copy = Enqueue(stream, $"copy of {bytes} bytes to the host", operation =>
        {
            CheckWritten(operation, from, source, bytes);
            from.Span(source, bytes).CopyTo(new Span<byte>((void*)target, checked((int)bytes)));
            Touch(operation, from, source, bytes, isWrite: false);
            foreach (Operation later in PendingOn((ulong)target, bytes)) later.Host!.Accept();
        }, host);
        if (host is null) Wait(stream, copy.Number);
    }

    private void CopyWithin(SimulatedStream stream, Allocation to, ulong target, Allocation from, ulong source, nint bytes) =>
        Enqueue(stream, $"copy of {bytes} bytes on the device", operation =>
        {
            CheckWritten(operation, from, source, bytes);
            from.Span(source, bytes).CopyTo(to.Span(target, bytes));
            to.MarkWritten(target, bytes);
            Touch(operation, from, source, bytes, isWrite: false);
            Touch(operation, to, target, bytes, isWrite: true);
        });

    private void CheckWritten(Operation operation, Allocation from, ulong source, nint bytes)
    {
        if (from.IsWhollyWritten(source, bytes)) return;
        Report(FindingKind.UninitializedRead, operation, $"the {operation.What} reads bytes of {from.Name} that were never written");
    }
}
