namespace IlgpuResNet.SimulatedCuda.Ptx;

/// <summary>A cooperative thread array (a group, a block): threads that share memory and wait for each other.</summary>
internal sealed class Cta
{
    private readonly PtxThread[] threads;

    public Cta(PtxLaunch launch, int index)
    {
        Launch = launch;
        Index = index;
        Shared = AddressSpace.Shared();
        ulong[] addresses = [.. Program.Shared.Select(array => Shared.Add(array.Name, new byte[array.Length], array.Alignment).Address)];
        threads = new PtxThread[launch.Block.Count];
        for (int t = 0; t < threads.Length; t++)
        {
            threads[t] = new PtxThread(this, t, launch.Registers[t]);
            for (int a = 0; a < addresses.Length; a++) threads[t].Registers[Program.Shared[a].Slot] = addresses[a];
        }
    }

    public PtxLaunch Launch { get; }

    public PtxProgram Program => Launch.Program;

    /// <summary>Number within the grid.</summary>
    public int Index { get; }

    public AddressSpace Shared { get; }

    public UniformBranches UniformBranches { get; } = new();

    /// <summary>Runs all threads to their end, from barrier to barrier, as the scheduler says.</summary>
    public void Run(Scheduler scheduler)
    {
        var running = new List<PtxThread>(threads);
        while (true)
        {
            while (running.Count > 0)
            {
                scheduler.Advance(running);
                running.RemoveAll(thread => thread.State is not ThreadState.Running);
            }
            if (threads.All(thread => thread.State is ThreadState.Exited)) return;
            PassBarrier();
            running.AddRange(threads);
        }
    }

    private void PassBarrier()
    {
        PtxThread first = threads.First(thread => thread.State is ThreadState.AtBarrier);
        foreach (PtxThread thread in threads)
        {
            if (thread.State is ThreadState.Exited) throw first.Fault(first.Barrier!, $"waits for ever: {thread} has exited");
            if (thread.Barrier != first.Barrier) throw first.Fault(first.Barrier!, $"waits for ever: {thread} waits at {thread.Barrier}");
        }
        foreach (PtxThread thread in threads) thread.State = ThreadState.Running;
        Shared.Interval++;
    }
}
