using System.Diagnostics;
using ILGPU;
using ILGPU.Backends;
using ILGPU.Backends.EntryPoints;
using ILGPU.Runtime;

namespace IlgpuResNet.Kernels;

/// <summary>
/// Loads explicitly grouped kernels on an accelerator, or in tests on a machine without one. There is one method for each number of
/// parameters that the kernels have.
/// </summary>
internal interface IKernelLoader
{
    /// <summary>Compiles a kernel.</summary>
    /// <returns>A delegate that launches it.</returns>
    Action<AcceleratorStream, KernelConfig, T1, T2, T3> Load<T1, T2, T3>(
        Action<T1, T2, T3> kernel, KernelSpecialization specialization = default)
        where T1 : struct
        where T2 : struct
        where T3 : struct;

    /// <inheritdoc cref="Load{T1, T2, T3}"/>
    Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4> Load<T1, T2, T3, T4>(
        Action<T1, T2, T3, T4> kernel, KernelSpecialization specialization = default)
        where T1 : struct
        where T2 : struct
        where T3 : struct
        where T4 : struct;

    /// <inheritdoc cref="Load{T1, T2, T3}"/>
    Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5> Load<T1, T2, T3, T4, T5>(
        Action<T1, T2, T3, T4, T5> kernel, KernelSpecialization specialization = default)
        where T1 : struct
        where T2 : struct
        where T3 : struct
        where T4 : struct
        where T5 : struct;

    /// <inheritdoc cref="Load{T1, T2, T3}"/>
    Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5, T6> Load<T1, T2, T3, T4, T5, T6>(
        Action<T1, T2, T3, T4, T5, T6> kernel, KernelSpecialization specialization = default)
        where T1 : struct
        where T2 : struct
        where T3 : struct
        where T4 : struct
        where T5 : struct
        where T6 : struct;
}

/// <summary>
/// The loader of an accelerator. Thread-safe: the driver compiles several kernels at once as far as it can, and while ILGPU generates the
/// code of the next one.
/// </summary>
/// <remarks>
/// ILGPU's own <c>LoadKernel</c> holds the accelerator's lock during all of that, and an allocation on another thread would wait for it.
/// Most of ILGPU's code generation holds a lock of the context; two threads in the rest gained little (bench/NOTES.md), too little to risk
/// its dictionaries, which are not locked.
/// </remarks>
/// <param name="accelerator">The accelerator.</param>
/// <param name="bind">Makes it current on the calling thread until the result is disposed; null for ILGPU's own way.</param>
internal sealed class AcceleratorKernelLoader(Accelerator accelerator, Func<IDisposable>? bind = null) : IKernelLoader
{
    private readonly Lock generating = new();
    private int kernels;
    private long generatingTicks;
    private long buildingTicks;

    /// <summary>Times of the kernels that were loaded so far.</summary>
    public KernelLoadTimes Times => new(
        Volatile.Read(ref kernels),
        TimeSpan.FromTicks(Interlocked.Read(ref generatingTicks)),
        TimeSpan.FromTicks(Interlocked.Read(ref buildingTicks)));

    public Action<AcceleratorStream, KernelConfig, T1, T2, T3> Load<T1, T2, T3>(
        Action<T1, T2, T3> kernel, KernelSpecialization specialization)
        where T1 : struct
        where T2 : struct
        where T3 : struct =>
        Load<Action<AcceleratorStream, KernelConfig, T1, T2, T3>>(kernel, specialization);

    public Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4> Load<T1, T2, T3, T4>(
        Action<T1, T2, T3, T4> kernel, KernelSpecialization specialization)
        where T1 : struct
        where T2 : struct
        where T3 : struct
        where T4 : struct =>
        Load<Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4>>(kernel, specialization);

    public Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5> Load<T1, T2, T3, T4, T5>(
        Action<T1, T2, T3, T4, T5> kernel, KernelSpecialization specialization)
        where T1 : struct
        where T2 : struct
        where T3 : struct
        where T4 : struct
        where T5 : struct =>
        Load<Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5>>(kernel, specialization);

    public Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5, T6> Load<T1, T2, T3, T4, T5, T6>(
        Action<T1, T2, T3, T4, T5, T6> kernel, KernelSpecialization specialization)
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
        // CUDA compiles for the device to which the thread is bound.
        using IDisposable binding = bind is null ? accelerator.BindScoped() : bind();
        CompiledKernel compiled;
        long start;
        lock (generating)
        {
            start = Stopwatch.GetTimestamp();
            compiled = accelerator.GetBackend().Compile(
                EntryPointDescription.FromExplicitlyGroupedKernel(kernel.Method), specialization);
        }
        Interlocked.Add(ref generatingTicks, Stopwatch.GetElapsedTime(start).Ticks);
        start = Stopwatch.GetTimestamp();
        TLaunch launch = accelerator.LoadKernel(compiled).CreateLauncherDelegate<TLaunch>();
        Interlocked.Add(ref buildingTicks, Stopwatch.GetElapsedTime(start).Ticks);
        Interlocked.Increment(ref kernels);
        return launch;
    }
}

/// <summary>Times that the kernels of a device took to load, for measurements.</summary>
/// <param name="Kernels">Number of kernels that were loaded.</param>
/// <param name="Generating">Time in ILGPU, which handles one kernel after another.</param>
/// <param name="Building">Time in the driver, summed over kernels that it may have compiled at once, waiting included.</param>
internal readonly record struct KernelLoadTimes(int Kernels, TimeSpan Generating, TimeSpan Building);
