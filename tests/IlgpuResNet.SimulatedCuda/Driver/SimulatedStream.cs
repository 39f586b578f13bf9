namespace IlgpuResNet.SimulatedCuda;

/// <summary>A stream: operations that run one after the other.</summary>
internal sealed class SimulatedStream(SimulatedContext context, string name, bool isBlocking) : IContextOwned
{
    public SimulatedContext Context => context;

    /// <summary>True of one that is ordered with the context's default stream.</summary>
    public bool IsBlocking => isBlocking;

    /// <summary>Operations that have not run.</summary>
    public Queue<Operation> Pending { get; } = new();

    /// <summary>Number of the last operation that was enqueued; they count from 1.</summary>
    public int Enqueued { get; set; }

    /// <summary>Number of the last operation that has run.</summary>
    public int Done { get; set; }

    /// <summary>Operations that come before one that is enqueued now.</summary>
    public StreamClock Clock { get; } = new();

    public override string ToString() => name;
}

/// <summary>Per stream, the last operation that is known to come before.</summary>
internal sealed class StreamClock
{
    private readonly Dictionary<SimulatedStream, int> last = [];

    public StreamClock()
    {
    }

    public StreamClock(StreamClock other) => last = new(other.last);

    public bool Covers(SimulatedStream stream, int number) => last.GetValueOrDefault(stream) >= number;

    public void Add(SimulatedStream stream, int number) => last[stream] = Math.Max(number, last.GetValueOrDefault(stream));

    public void Add(StreamClock other)
    {
        foreach ((SimulatedStream stream, int number) in other.last) Add(stream, number);
    }
}

/// <summary>Work in a stream.</summary>
internal sealed class Operation(SimulatedStream stream, string call, string what, Action<Operation> execute)
{
    public SimulatedStream Stream => stream;

    /// <summary>The driver function that enqueued it.</summary>
    public string Call => call;

    public string What => what;

    public HostStack Stack { get; } = new();

    public int Number { get; } = ++stream.Enqueued;

    /// <summary>Operations of other streams that must have run before.</summary>
    public List<Operation> After { get; } = [];

    /// <summary>Operations that come before it.</summary>
    public required StreamClock Clock { get; init; }

    /// <summary>The page-locked memory that it reads or writes.</summary>
    public HostRange? Host { get; init; }

    public bool IsReady => After.TrueForAll(other => other.Stream.Done >= other.Number);

    public void Execute() => execute(this);

    public override string ToString() => $"{what} on {stream}";
}
