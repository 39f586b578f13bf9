using IlgpuResNet.SimulatedCuda.Ptx;

namespace IlgpuResNet.SimulatedCuda;

/// <summary>
/// Streams, and when their work runs. There is no thread behind them: work runs within driver calls, so that a seed repeats a run.
/// </summary>
internal sealed unsafe partial class SimulatedDriver
{
    /// <summary><c>CU_STREAM_NON_BLOCKING</c>.</summary>
    private const int NonBlocking = 1;

    /// <summary>Most operations that run at a call which does not wait for them.</summary>
    private const int MostAtOnce = 4;

    /// <summary>Operations that the host has waited for.</summary>
    private readonly StreamClock hostClock = new();

    private int streamsMade;

    public CudaResult cuStreamCreate(nint* stream, int flags) => Call(Needs.Context, () => CreateStream(stream, flags));

    public CudaResult cuStreamCreateWithPriority(nint* stream, int flags, int priority) =>
        Call(Needs.Context, () => CreateStream(stream, flags));

    /// <summary>Lets the stream's work run first: a real driver runs it after the call.</summary>
    public CudaResult cuStreamDestroy_v2(nint stream) => Call(Needs.Context, () =>
    {
        if (handles.Find<SimulatedStream>(stream) is not { } destroyed) return NoSuchHandle(stream, "stream", isFree: true);
        RunUntil(destroyed, destroyed.Enqueued);
        handles.Remove(stream);
        return CudaResult.Success;
    });

    public CudaResult cuStreamSynchronize(nint stream) => Call(Needs.Context, () =>
    {
        if (FindStream(stream) is not { } found) return CudaResult.InvalidHandle;
        Wait(found, found.Enqueued);
        return Current!.Failure;
    });

    private CudaResult CreateStream(nint* stream, int flags)
    {
        *stream = handles.Add(new SimulatedStream(Current!, $"stream {++streamsMade}", (flags & NonBlocking) == 0));
        return CudaResult.Success;
    }

    private SimulatedStream? FindStream(nint stream)
    {
        SimulatedStream? found = stream == 0 ? Current!.DefaultStream : handles.Find<SimulatedStream>(stream);
        if (found is null) NoSuchHandle(stream, "stream");
        else if (found.Context != Current) Report(FindingKind.WrongContext, $"{found} belongs to {found.Context}, not to {Current}", found);
        return found;
    }

    private IEnumerable<SimulatedStream> Streams() =>
        handles.All<SimulatedStream>().Concat(handles.All<SimulatedContext>().Select(context => context.DefaultStream));

    private Operation Enqueue(SimulatedStream stream, string what, Action<Operation> execute, HostRange? host = null)
    {
        // The default stream and blocking ones wait for each other.
        Operation[] after = [.. Streams()
            .Where(other => other != stream && other.Context == stream.Context && other.Pending.Count > 0)
            .Where(other => stream == stream.Context.DefaultStream
                ? other.IsBlocking : stream.IsBlocking && other == stream.Context.DefaultStream)
            .Select(other => other.Pending.Last())];
        stream.Clock.Add(hostClock);
        foreach (Operation other in after)
        {
            stream.Clock.Add(other.Clock);
            stream.Clock.Add(other.Stream, other.Number);
        }
        var operation = new Operation(stream, call, what, execute) { Clock = new StreamClock(stream.Clock), Host = host };
        operation.After.AddRange(after);
        stream.Pending.Enqueue(operation);
        if (settings.Timing is ExecutionTiming.Immediate) RunUntil(stream, operation.Number);
        return operation;
    }

    /// <summary>The host waits for an operation, and knows afterwards that it and all before it are done.</summary>
    private void Wait(SimulatedStream stream, int number)
    {
        StreamClock before = new(stream.Clock);
        RunUntil(stream, number);
        hostClock.Add(before);
        hostClock.Add(stream, number);
    }

    private void RunAll(SimulatedContext context)
    {
        foreach (SimulatedStream stream in Streams().Where(stream => stream.Context == context).ToArray()) Wait(stream, stream.Enqueued);
    }

    /// <summary>Runs some of what is pending, if the seed says so.</summary>
    private void RunSome()
    {
        if (settings.Timing is not ExecutionTiming.Random) return;
        for (int left = random.Next(MostAtOnce + 1); left > 0; left--)
        {
            SimulatedStream[] ready = [.. Streams().Where(stream => stream.Pending.TryPeek(out Operation? first) && first.IsReady)];
            if (ready.Length == 0) return;
            RunNext(ready[random.Next(ready.Length)]);
        }
    }

    /// <summary>
    /// Runs a stream up to an operation, and what that must come after; where time is random, also some work of other streams in between.
    /// </summary>
    private void RunUntil(SimulatedStream stream, int number)
    {
        while (stream.Done < number)
        {
            foreach (Operation other in stream.Pending.Peek().After) RunUntil(other.Stream, other.Number);
            RunNext(stream);
            RunSome();
        }
    }

    private void RunNext(SimulatedStream stream)
    {
        Operation operation = stream.Pending.Dequeue();
        stream.Done = operation.Number;
        // A failed context runs nothing any more.
        if (stream.Context.Failure is not CudaResult.Success) return;
        try
        {
            operation.Execute();
        }
        catch (PtxException e)
        {
            stream.Context.Failure = Fail(operation, e);
        }
    }
}
