using System.Diagnostics;

namespace IlgpuResNet.SimulatedCuda;

/// <summary>Events, which say when a stream has come so far.</summary>
internal sealed unsafe partial class SimulatedDriver
{
    public CudaResult cuEventCreate(nint* created, int flags) => Call(Needs.Context, () =>
    {
        *created = handles.Add(new SimulatedEvent(Current!));
        return CudaResult.Success;
    });

    public CudaResult cuEventDestroy_v2(nint destroyed) => Call(Needs.Context, () =>
    {
        if (handles.Find<SimulatedEvent>(destroyed) is null) return NoSuchHandle(destroyed, "event", isFree: true);
        handles.Remove(destroyed);
        return CudaResult.Success;
    });

    public CudaResult cuEventRecord(nint recorded, nint stream) => Call(Needs.Context, () =>
    {
        if (handles.Find<SimulatedEvent>(recorded) is not { } found) return NoSuchHandle(recorded, "event");
        if (FindStream(stream) is not { } on) return CudaResult.InvalidHandle;
        found.IsQueried = false;
        found.Mark = Enqueue(on, "event", _ => found.Ticks = Stopwatch.GetTimestamp());
        return CudaResult.Success;
    });

    /// <summary>An event that was never recorded counts as complete.</summary>
    public CudaResult cuEventQuery(nint queried) => Call(Needs.Context, () =>
    {
        if (handles.Find<SimulatedEvent>(queried) is not { } found) return NoSuchHandle(queried, "event");
        if (found.Mark is not { } mark) return CudaResult.Success;
        // Work that runs late must still end for a host that asks again and again.
        if (mark.Stream.Done < mark.Number && !found.IsQueried)
        {
            found.IsQueried = true;
            return CudaResult.NotReady;
        }
        Wait(mark.Stream, mark.Number);
        return Current!.Failure;
    });

    public CudaResult cuEventSynchronize(nint awaited) => Call(Needs.Context, () =>
    {
        if (handles.Find<SimulatedEvent>(awaited) is not { } found) return NoSuchHandle(awaited, "event");
        if (found.Mark is { } mark) Wait(mark.Stream, mark.Number);
        return Current!.Failure;
    });

    public CudaResult cuEventElapsedTime(float* milliseconds, nint first, nint last) => Call(Needs.Context, () =>
    {
        if (handles.Find<SimulatedEvent>(first) is not { } start) return NoSuchHandle(first, "event");
        if (handles.Find<SimulatedEvent>(last) is not { } end) return NoSuchHandle(last, "event");
        if (start.Mark is null || end.Mark is null) return CudaResult.InvalidHandle;
        if (!start.IsComplete || !end.IsComplete) return CudaResult.NotReady;
        *milliseconds = (float)Stopwatch.GetElapsedTime(start.Ticks, end.Ticks).TotalMilliseconds;
        return CudaResult.Success;
    });
}

/// <summary>An event.</summary>
internal sealed class SimulatedEvent(SimulatedContext context) : IContextOwned
{
    public SimulatedContext Context => context;

    /// <summary>Where it was recorded last.</summary>
    public Operation? Mark { get; set; }

    /// <summary>When the stream came there.</summary>
    public long Ticks { get; set; }

    /// <summary>True once the host has asked for it in vain.</summary>
    public bool IsQueried { get; set; }

    public bool IsComplete => Mark is not null && Mark.Stream.Done >= Mark.Number;
}
