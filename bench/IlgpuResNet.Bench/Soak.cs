using ILGPU;
using ILGPU.Runtime;
using IlgpuResNet.Devices;
using IlgpuResNet.Execution;

namespace IlgpuResNet.Bench;

/// <summary>What many runs leave behind.</summary>
/// <param name="GrowthBytes">Growth of the process's resident set, garbage collected before and after; null where the system does not say.</param>
/// <param name="AllocatedBytesPerRun">Managed memory that all threads of the process allocated, garbage or not.</param>
internal sealed record Soak(long? GrowthBytes, double AllocatedBytesPerRun)
{
    /// <summary>
    /// Garbage is collected after so many runs: how much there was of it shows in the collector's own tables, by 0.5 MB for 10,000 runs,
    /// and it must be the same at both readings.
    /// </summary>
    private const int RunsPerCollection = 1000;

    /// <summary>
    /// Runs before the first reading. Methods that are called seldom, such as those in which threads wait, are compiled again after thousands of
    /// runs, and what that takes stays: 1.6 MB in 2000 runs of ResNet-18, next to nothing with .NET's tiered compilation off.
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

    /// <summary>What an inference costs in ILGPU alone: a kernel that does nothing is launched on all threads of the processor.</summary>
    public static Soak MeasureLaunch(int runs)
    {
        Accelerator accelerator = ComputeDevice.Cpu.Open().Accelerator;
        using AcceleratorStream stream = accelerator.CreateStream();
        Action<AcceleratorStream, KernelConfig, long> nothing = accelerator.LoadKernel<long>(Nothing);
        var config = new KernelConfig(accelerator.NumMultiprocessors, 1);
        return Measure(
            () =>
            {
                using ScopedAcceleratorBinding binding = accelerator.BindScoped();
                nothing(stream, config, 0);
                stream.Synchronize();
            },
            runs);
    }

    private static void Nothing(long argument)
    {
    }

    /// <summary>Runs, and says what is resident then. Aggressive collections give free memory back, so that it is in use.</summary>
    private static long? RunAndCollect(Action run, int runs)
    {
        for (int i = 1; i <= runs; i++)
        {
            run();
            if (i % RunsPerCollection == 0 || i == runs) GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        }
        return ProcessMemory.Resident();
    }
}
