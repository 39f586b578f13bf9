namespace IlgpuResNet.SimulatedCuda;

/// <summary>Calls that are made to fail.</summary>
internal sealed partial class SimulatedDriver
{
    private readonly List<PendingFault> faults;
    private readonly List<HeldCall> held = [];

    /// <summary>Makes calls fail from now on.</summary>
    public void Inject(FaultRule rule)
    {
        lock (gate) faults.Add(new PendingFault(rule));
    }

    /// <summary>How many faults have struck since the driver was made.</summary>
    public int FaultsStruck { get; private set; }

    /// <summary>Takes back all rules that have not struck.</summary>
    public void ClearFaults()
    {
        lock (gate) faults.Clear();
    }

    /// <summary>Loses a device while nobody uses it, as a reset or a fallen link does: every context on it fails from now on.</summary>
    public void Lose(int device, CudaResult error = CudaResult.LaunchFailed)
    {
        lock (gate)
            foreach (SimulatedContext context in handles.All<SimulatedContext>())
                if (context.Device == device)
                    context.Failure = error;
    }

    /// <summary>Makes a device slow: the next call of a function does not begin before it is released.</summary>
    public HeldCall Hold(string function)
    {
        var call = new HeldCall(function);
        lock (held) held.Add(call);
        return call;
    }

    private HeldCall? Holding(string function)
    {
        lock (held)
        {
            HeldCall? found = held.Find(call => call.Function == function);
            if (found is not null) held.Remove(found);
            return found;
        }
    }

    /// <summary>The result of a call that a rule makes fail; null for a call that goes on.</summary>
    private CudaResult? Injected(string function)
    {
        foreach (PendingFault fault in faults)
        {
            if (!fault.Strikes(function)) continue;
            FaultsStruck++;
            if (fault.Rule.Result.IsSticky() && Current is { } context) context.Failure = fault.Rule.Result;
            return fault.Rule.Result;
        }
        return null;
    }

    private sealed class PendingFault(FaultRule rule)
    {
        private int uses;

        public FaultRule Rule => rule;

        public bool Strikes(string function)
        {
            if (function != rule.Function) return false;
            uses++;
            return uses >= rule.Use && uses < rule.Use + rule.Times;
        }
    }
}
