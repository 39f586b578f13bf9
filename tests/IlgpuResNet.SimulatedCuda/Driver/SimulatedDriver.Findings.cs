namespace IlgpuResNet.SimulatedCuda;

/// <summary>The findings, and the objects that are still alive.</summary>
internal sealed partial class SimulatedDriver
{
    /// <summary>More findings than anybody reads; later ones are only counted.</summary>
    private const int MostFindings = 100;

    private readonly List<Finding> findings = [];

    public IReadOnlyList<Finding> Findings
    {
        get
        {
            lock (gate) return [.. findings];
        }
    }

    /// <summary>Forgets what was found so far.</summary>
    public void ClearFindings()
    {
        lock (gate) findings.Clear();
    }

    /// <summary>Objects of contexts that were not destroyed.</summary>
    public LiveObjects Live
    {
        get
        {
            lock (gate)
            {
                return new LiveObjects(
                    handles.All<SimulatedContext>().Count(),
                    allocations.Count,
                    pageLocks.Count,
                    handles.All<SimulatedStream>().Count(),
                    handles.All<SimulatedModule>().Count(),
                    handles.All<SimulatedEvent>().Count());
            }
        }
    }

    /// <summary>Adds a finding for each allocation and page lock that is alive, with the stack of the call that made it.</summary>
    public void ReportLeaks()
    {
        lock (gate)
        {
            foreach (Allocation allocation in allocations.Values)
                AddLeak("cuMemAlloc_v2", $"{allocation.Name} was never freed", allocation.Stack);
            foreach (PageLock pageLock in pageLocks.Values)
                AddLeak("cuMemHostRegister_v2", $"{pageLock} was never released", pageLock.Stack);
        }
    }

    /// <summary>Seed, calls, live objects and findings as text.</summary>
    public string Describe()
    {
        lock (gate)
        {
            return string.Join('\n',
            [
                $"findings: {findings.Count}",
                $"seed: {settings.Seed}, timing: {settings.Timing}",
                $"alive: {Live}",
                $"calls: {string.Join(", ", Calls.Select(pair => $"{pair.Key} {pair.Value}"))}",
                .. findings.Select(finding => finding.ToString()),
            ]) + "\n";
        }
    }

    private void AddLeak(string function, string text, HostStack stack) =>
        Add(new Finding(FindingKind.Leak, function, null, text, stack.ToString()));

    /// <summary>Adds a finding about the current call.</summary>
    private void Report(FindingKind kind, string text, SimulatedStream? stream = null) =>
        Add(new Finding(kind, call, stream?.ToString(), text, new HostStack().ToString()));

    /// <summary>Adds a finding about work that was enqueued earlier.</summary>
    private void Report(FindingKind kind, Operation operation, string text) =>
        Add(new Finding(kind, operation.Call, operation.Stream.ToString(), text, operation.Stack.ToString()));

    private void Add(Finding finding)
    {
        if (findings.Count < MostFindings && !findings.Contains(finding)) findings.Add(finding);
    }
}

/// <summary>Numbers of objects of a driver that were not given back.</summary>
internal sealed record LiveObjects(int Contexts, int Allocations, int PageLocks, int Streams, int Modules, int Events)
{
    public override string ToString() =>
        $"{Contexts} contexts, {Allocations} allocations, {PageLocks} page locks, {Streams} streams, {Modules} modules, {Events} events";
}
