using System.Runtime.CompilerServices;

namespace IlgpuResNet.SimulatedCuda;

/// <summary>Contexts, which are current per thread.</summary>
internal sealed unsafe partial class SimulatedDriver
{
    /// <summary><c>CU_SHARED_MEM_CONFIG_FOUR_BYTE_BANK_SIZE</c>.</summary>
    private const int FourByteBanks = 1;

    private readonly ConditionalWeakTable<Thread, SimulatedContext> currentOfThread = [];
    private int contextsMade;

    /// <summary>The calling thread's context.</summary>
    private SimulatedContext? Current
    {
        get => currentOfThread.TryGetValue(Thread.CurrentThread, out SimulatedContext? context) ? context : null;
        set
        {
            currentOfThread.Remove(Thread.CurrentThread);
            if (value is not null) currentOfThread.Add(Thread.CurrentThread, value);
        }
    }

    public CudaResult cuCtxCreate_v2(nint* context, int flags, int device) => Call(Needs.Initialization, () =>
    {
        if (device < 0 || device >= settings.Devices.Length) return CudaResult.InvalidDevice;
        var made = new SimulatedContext(device, $"context {++contextsMade}");
        *context = handles.Add(made);
        Current = made;
        return CudaResult.Success;
    });

    /// <summary>Waits for the context's work and frees all that it owns.</summary>
    public CudaResult cuCtxDestroy_v2(nint context) => Call(Needs.Initialization, () =>
    {
        if (handles.Find<SimulatedContext>(context) is not { } destroyed) return NoSuchHandle(context, "context", isFree: true);
        Destroy(context, destroyed);
        return CudaResult.Success;
    });

    /// <summary>Frees a context that a failing <c>cuCtxDestroy</c> has left, and all it has: the one that is the oldest.</summary>
    public void DestroyOldestContext()
    {
        lock (gate)
        {
            nint handle = handles.HandlesOf<SimulatedContext>().Min();
            Destroy(handle, handles.Find<SimulatedContext>(handle)!);
        }
    }

    private void Destroy(nint context, SimulatedContext destroyed)
    {
        RunAll(destroyed);
        foreach (Allocation allocation in allocations.Values.Where(allocation => allocation.Context == destroyed).ToArray())
        {
            if (destroyed.Failure is CudaResult.Success)
                Report(FindingKind.Leak, $"{destroyed} is destroyed before {allocation.Name} is freed");
            Forget(allocation);
        }
        foreach (PageLock pageLock in pageLocks.Values.Where(pageLock => pageLock.Context == destroyed).ToArray())
        {
            if (destroyed.Failure is CudaResult.Success)
                Report(FindingKind.Leak, $"{destroyed} is destroyed before {pageLock} is released");
            pageLocks.Remove(pageLock.Address);
        }
        handles.Remove(item => item is IContextOwned owned && owned.Context == destroyed);
        handles.Remove(context);
        destroyed.IsDestroyed = true;
        if (Current == destroyed) Current = null;
    }

    public CudaResult cuCtxSetCurrent(nint context) => Call(Needs.Initialization, () =>
    {
        SimulatedContext? found = context == 0 ? null : handles.Find<SimulatedContext>(context);
        if (context != 0 && found is null) return NoSuchHandle(context, "context");
        Current = found;
        return CudaResult.Success;
    });

    public CudaResult cuCtxSynchronize() => Call(Needs.Context, () =>
    {
        RunAll(Current!);
        return Current!.Failure;
    });

    public CudaResult cuCtxGetCacheConfig(int* config) => Call(Needs.Context, () => Answer(config, 0));

    public CudaResult cuCtxSetCacheConfig(int config) => Call(Needs.Context, () => CudaResult.Success);

    public CudaResult cuCtxGetSharedMemConfig(int* config) => Call(Needs.Context, () => Answer(config, FourByteBanks));

    public CudaResult cuCtxSetSharedMemConfig(int config) => Call(Needs.Context, () => CudaResult.Success);

    public CudaResult cuCtxEnablePeerAccess(nint peer, int flags) => Call(Needs.Context, () => CudaResult.InvalidContext);

    public CudaResult cuCtxDisablePeerAccess(nint peer) => Call(Needs.Context, () => CudaResult.PeerAccessNotEnabled);

    /// <summary>Whether the thread has a context that takes calls.</summary>
    private CudaResult CheckContext()
    {
        switch (Current)
        {
            case null:
                Report(FindingKind.WrongContext, "the thread has no current context");
                return CudaResult.InvalidContext;
            case { IsDestroyed: true } destroyed:
                Report(FindingKind.UseAfterFree, $"{destroyed} was destroyed");
                return CudaResult.ContextIsDestroyed;
            case var context:
                return context.Failure;
        }
    }

    /// <summary>The answer to a handle without an object: a finding when there once was one.</summary>
    private CudaResult NoSuchHandle(nint handle, string kind, bool isFree = false)
    {
        FindingKind finding = isFree || !handles.WasRemoved(handle) ? FindingKind.DoubleFree : FindingKind.UseAfterFree;
        Report(finding, handles.WasRemoved(handle) ? $"the {kind} 0x{handle:X} was destroyed before" : $"0x{handle:X} was never a {kind}");
        return kind == "context" ? CudaResult.InvalidContext : CudaResult.InvalidHandle;
    }

    private static CudaResult Answer(int* target, int value)
    {
        *target = value;
        return CudaResult.Success;
    }
}

/// <summary>An object that a context destroys with itself.</summary>
internal interface IContextOwned
{
    SimulatedContext Context { get; }
}
