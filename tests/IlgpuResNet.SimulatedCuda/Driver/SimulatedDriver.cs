using System.Runtime.CompilerServices;

namespace IlgpuResNet.SimulatedCuda;

/// <summary>
/// An NVIDIA driver without a GPU: the 48 functions of the driver API that ILGPU declares, under their own names. Memory lies in arrays,
/// kernels run on the PTX interpreter, streams run late (<see cref="ExecutionTiming"/>), any call can be made to fail
/// (<see cref="FaultRule"/>), and mistakes of the host are written down (<see cref="Finding"/>). One lock makes it thread-safe.
/// </summary>
/// <remarks>
/// It knows neither the limits that ptxas sets, nor speed, nor the quirks of a driver's version. One file per concern: devices, contexts,
/// memory, page locks, copies, streams, events, modules, launches, faults, findings.
/// </remarks>
internal sealed unsafe partial class SimulatedDriver
{
    private readonly Lock gate = new();
    private readonly HandleTable handles = new();
    private readonly Dictionary<string, int> calls = [];
    private readonly DriverSettings settings;
    private readonly Random random;
    private bool isInitialized;

    /// <summary>Name of the call that is being executed.</summary>
    private string call = "";

    public SimulatedDriver(DriverSettings? settings = null)
    {
        this.settings = settings ?? new DriverSettings();
        random = new Random(this.settings.Seed);
        faults = [.. this.settings.Faults.Select(rule => new PendingFault(rule))];
    }

    /// <summary>Conditions that a call checks first.</summary>
    private enum Needs
    {
        Nothing,
        Initialization,
        Context,
    }

    public DriverSettings Settings => settings;

    /// <summary>How often each function was called.</summary>
    public IReadOnlyDictionary<string, int> Calls
    {
        get
        {
            lock (gate) return new SortedDictionary<string, int>(calls, StringComparer.Ordinal);
        }
    }

    /// <summary>Every function of the driver goes through here.</summary>
    /// <param name="needs">What is checked first.</param>
    /// <param name="body">What it does.</param>
    /// <param name="refused">What it does where it fails before that; null for nothing.</param>
    /// <param name="function">Its name.</param>
    private CudaResult Call(
        Needs needs, Func<CudaResult> body, Action? refused = null, [CallerMemberName] string function = "")
    {
        // Outside the lock: other threads' calls go on meanwhile.
        Holding(function)?.Pass();
        lock (gate)
        {
            call = function;
            calls[function] = calls.GetValueOrDefault(function) + 1;
            if (Refusal(needs, function) is not CudaResult.Success and var refusal)
            {
                refused?.Invoke();
                return refusal;
            }
            try
            {
                return body();
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                // Nothing may be thrown into native code.
                Report(FindingKind.Unsupported, $"the simulator failed: {e}");
                return CudaResult.Unknown;
            }
        }
    }

    /// <summary>The reason for which a call fails before it does anything; success where there is none.</summary>
    private CudaResult Refusal(Needs needs, string function)
    {
        if (needs > Needs.Nothing && !isInitialized) return CudaResult.NotInitialized;
        if (needs is Needs.Context && CheckContext() is not CudaResult.Success and var unfit) return unfit;
        RunSome();
        call = function;
        return Injected(function) ?? CudaResult.Success;
    }
}
