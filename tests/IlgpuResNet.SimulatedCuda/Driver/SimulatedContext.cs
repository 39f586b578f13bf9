namespace IlgpuResNet.SimulatedCuda;

/// <summary>A context: what owns memory, streams, modules and events on one device.</summary>
internal sealed class SimulatedContext
{
    public SimulatedContext(int device, string name)
    {
        (Device, Name) = (device, name);
        DefaultStream = new SimulatedStream(this, $"the default stream of {name}", isBlocking: true);
    }

    /// <summary>Ordinal of its device.</summary>
    public int Device { get; }

    public string Name { get; }

    /// <summary>The stream of handle 0.</summary>
    public SimulatedStream DefaultStream { get; }

    /// <summary>The error that every further call returns; success as long as it is healthy.</summary>
    public CudaResult Failure { get; set; }

    public bool IsDestroyed { get; set; }

    public override string ToString() => Name;
}
