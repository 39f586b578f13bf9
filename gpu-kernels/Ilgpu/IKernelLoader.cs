using System.Diagnostics;
using ILGPU;
using ILGPU.Backends;
using ILGPU.Backends.EntryPoints;
using ILGPU.Runtime;

namespace IlgpuResNet.Kernels;

/// <summary>
/// Loads explicitly grouped kernels: on an accelerator, or in tests on a machine that has none. One method per number of parameters
/// that a kernel here has.
/// </summary>
internal interface IKernelLoader
{
    /// <summary>Compiles a kernel; what it returns launches it.</summary>
    Action<AcceleratorStream, KernelConfig, T1, T2, T3> Load<T1, T2, T3>(Action<T1, T2, T3> kernel, KernelSpecialization specialization = default)
        where T1 : struct
        where T2 : struct
        where T3 : struct;

    /// <summary>Compiles a kernel; what it returns launches it.</summary>
    Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4> Load<T1, T2, T3, T4>(Action<T1, T2, T3, T4> kernel, KernelSpecialization specialization = default)
        where T1 : struct
        where T2 : struct
        where T3 : struct
        where T4 : struct;

    /// <summary>Compiles a kernel; what it returns launches it.</summary>
    Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5> Load<T1, T2, T3, T4, T5>(Action<T1, T2, T3, T4, T5> kernel, KernelSpecialization specialization = default)
        where T1 : struct
        where T2 : struct
        where T3 : struct
        where T4 : struct
        where T5 : struct;

    /// <summary>Compiles a kernel; what it returns launches it.</summary>
    Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5, T6> Load<T1, T2, T3, T4, T5, T6>(Action<T1, T2, T3, T4, T5, T6> kernel, KernelSpecialization specialization = default)
        where T1 : struct
        where T2 : struct
        where T3 : struct
        where T4 : struct
        where T5 : struct
        where T6 : struct;
}

/// <summary>
/// The loader of an accelerator. Thread-safe: the driver compiles kernels side by side, as far as it can, and while ILGPU generates the next one's code.
/// </summary>
/// <remarks>
/// ILGPU's own <c>LoadKernel</c> holds the accelerator's lock over all of that, and whoever allocates meanwhile waits for it. Of its code
/// generation most holds a lock of the context's; two threads in the rest gained little (bench/NOTES.md), which is not worth its unlocked dictionaries.
/// </remarks>
internal sealed class AcceleratorKernelLoader(Accelerator accelerator) : IKernelLoader
{
    private readonly Lock generating = new();
    private int kernels;
    private long generatingTicks;
    private long buildingTicks;

    /// <summary>What was loaded so far.</summary>
    public KernelLoadTimes Times => new(
        Volatile.Read(ref kernels), TimeSpan.FromTicks(Interlocked.Read(ref generatingTicks)), TimeSpan.FromTicks(Interlocked.Read(ref buildingTicks)));

    public Action<AcceleratorStream, KernelConfig, T1, T2, T3> Load<T1, T2, T3>(Action<T1, T2, T3> kernel, KernelSpecialization specialization)
        where T1 : struct
        where T2 : struct
        where T3 : struct =>
        Load<Action<AcceleratorStream, KernelConfig, T1, T2, T3>>(kernel, specialization);

    public Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4> Load<T1, T2, T3, T4>(Action<T1, T2, T3, T4> kernel, KernelSpecialization specialization)
        where T1 : struct
        where T2 : struct
        where T3 : struct
        where T4 : struct =>
        Load<Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4>>(kernel, specialization);

    public Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5> Load<T1, T2, T3, T4, T5>(Action<T1, T2, T3, T4, T5> kernel, KernelSpecialization specialization)
        where T1 : struct
        where T2 : struct
        where T3 : struct
        where T4 : struct
        where T5 : struct =>
        Load<Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5>>(kernel, specialization);

    public Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5, T6> Load<T1, T2, T3, T4, T5, T6>(Action<T1, T2, T3, T4, T5, T6> kernel, KernelSpecialization specialization)
        where T1 : struct
        where T2 : struct
        where T3 : struct
        where T4 : struct
        where T5 : struct
        where T6 : struct =>
        Load<Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5, T6>>(kernel, specialization);

    private TLaunch Load<TLaunch>(Delegate kernel, KernelSpecialization specialization)
        where TLaunch : Delegate
    {
        // CUDA compiles for the device that the thread is bound to.
        using ScopedAcceleratorBinding binding = accelerator.BindScoped();
        CompiledKernel compiled;
        long start;
        lock (generating)
        {
            start = Stopwatch.GetTimestamp();
            compiled = accelerator.GetBackend().Compile(EntryPointDescription.FromExplicitlyGroupedKernel(kernel.Method), specialization);
        }
        Interlocked.Add(ref generatingTicks, Stopwatch.GetElapsedTime(start).Ticks);
        start = Stopwatch.GetTimestamp();
        TLaunch launch = accelerator.LoadKernel(compiled).CreateLauncherDelegate<TLaunch>();
        Interlocked.Add(ref buildingTicks, Stopwatch.GetElapsedTime(start).Ticks);
        Interlocked.Increment(ref kernels);
        return launch;
    }
}

/// <summary>What the kernels of a device took to load, for measurements.</summary>
/// <param name="Kernels">How many were loaded.</param>
/// <param name="Generating">In ILGPU, one kernel after the other.</param>
/// <param name="Building">In the driver, summed over kernels that it may have had at once, waiting included.</param>
internal readonly record struct KernelLoadTimes(int Kernels, TimeSpan Generating, TimeSpan Building);
