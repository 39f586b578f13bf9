using System.Diagnostics;
using ILGPU;
using ILGPU.Frontend;
using ILGPU.Runtime;
using IlgpuResNet.Execution;

namespace IlgpuResNet.Bench;

/// <summary>The memory that many runs leave behind.</summary>
/// <param name="GrowthBytes">
/// Growth of the process's resident set, garbage collected before and after; null where the system does not tell.
/// </param>
/// <param name="AllocatedBytesPerRun">Managed memory that all threads of the process allocated, garbage or not.</param>
internal sealed record Soak(long? GrowthBytes, double AllocatedBytesPerRun)
{
    /// <summary>
    /// Number of runs between collections: the amount of garbage shows in the collector's own tables, by 0.5 MB for 10,000 runs, and must
    /// be the same at both readings.
    /// </summary>
    private const int RunsPerCollection = 1000;

    /// <summary>
    /// Runs before the first reading. Methods that are called seldom, such as those in which threads wait, are compiled again after
    /// thousands of runs, and that memory stays: 1.6 MB in 2000 runs of ResNet-18, next to nothing with .NET's tiered compilation off.
    /// </summary>
    private const int WarmUpRuns = 3 * RunsPerCollection;

    /// <summary>Measures after a warm-up.</summary>
    public static Soak Measure(Action run, int runs)
    {
        WarmUp.Run(run);
        long? resident = RunAndCollect(run, Math.Min(runs, WarmUpRuns));
        long allocated = GC.GetTotalAllocatedBytes(precise: true);
        long? last = RunAndCollect(run, runs);
        allocated = GC.GetTotalAllocatedBytes(precise: true) - allocated;
        return new Soak(last - resident, (double)allocated / runs);
    }

    /// <summary>Measures the part of ILGPU in an inference: launches a kernel that does nothing on all threads of the processor.</summary>
    public static Soak MeasureLaunch(int runs) => Measure(Launch(TimeSpan.Zero), runs);

    /// <summary>
    /// Managed memory that all threads allocate for one launch in which each does nothing for a given time: how ILGPU's threads wait for
    /// each other, and what that allocates, depends on the time.
    /// </summary>
    public static double AllocatedByLaunch(TimeSpan length, int runs)
    {
        Action launch = Launch(length);
        WarmUp.Run(launch);
        long allocated = GC.GetTotalAllocatedBytes(precise: true);
        for (int i = 0; i < runs; i++) launch();
        return (double)(GC.GetTotalAllocatedBytes(precise: true) - allocated) / runs;
    }

    private static Action Launch(TimeSpan length)
    {
        Accelerator accelerator = ComputeDevice.Cpu.Open().Accelerator;
        AcceleratorStream stream = accelerator.DefaultStream;
        Action<AcceleratorStream, KernelConfig, long> wait = accelerator.LoadKernel<long>(Wait);
        var config = new KernelConfig(accelerator.NumMultiprocessors, 1);
        long ticks = (long)(length.TotalSeconds * Stopwatch.Frequency);
        return () =>
        {
            using ScopedAcceleratorBinding binding = accelerator.BindScoped();
            wait(stream, config, ticks);
            stream.Synchronize();
        };
    }

    private static void Wait(long ticks) => SpinFor(ticks);

    /// <summary>ILGPU does not read it, and the CPU accelerator runs it as it is.</summary>
    [External(nameof(SpinFor))]
    private static void SpinFor(long ticks)
    {
        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetTimestamp() - start < ticks) Thread.SpinWait(1);
    }

    /// <summary>
    /// Runs, and returns the resident set afterwards. Aggressive collections give free memory back, so that all of it is in use.
    /// </summary>
    private static long? RunAndCollect(Action run, int runs)
    {
        for (int i = 1; i <= runs; i++)
        {
            run();
            if (i % RunsPerCollection == 0 || i == runs)
                GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        }
        return ProcessMemory.Resident();
    }
}
