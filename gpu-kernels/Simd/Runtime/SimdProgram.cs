using System.Diagnostics;
using System.Runtime.InteropServices;
using ILGPU;
using ILGPU.Frontend;

namespace IlgpuResNet.Kernels.Simd;

/// <summary>
/// A sequence of steps that one launch on the CPU accelerator walks, with a barrier between two steps. A launch wakes every worker thread
/// and waits for all of them, which costs tens of microseconds, and it lets the scheduler put two workers on one core; a step of a network
/// can be shorter than that. All groups must run at the same time, so there are no more groups than multiprocessors, of one thread each.
/// </summary>
/// <remarks>
/// The program owns the scratch memory of the steps. It grows when a step is added and is freed with the program, so that a run allocates
/// nothing.
/// </remarks>
/// <param name="mostGroups">Largest number of groups of a launch.</param>
internal sealed unsafe class SimdProgram(int mostGroups)
{
    private const int InitialCapacity = 64;

    /// <summary>
    /// Time after which a waiting group sleeps until the others arrive. They nearly always arrive sooner, unless another program occupies
    /// their core; then more spinning would only use up this thread's share of the processor.
    /// </summary>
    private static readonly long SpinTicks = Stopwatch.Frequency / 10_000;

    private const int SpinsBetweenLooks = 8;

    /// <summary>
    /// The scratch memory of each group starts at a multiple of this, so that no two groups write to one cache line or its prefetched
    /// neighbour.
    /// </summary>
    private const long ScratchAlignment = 128;

    private readonly object gate = new();
    private SimdStep[] steps = new SimdStep[InitialCapacity];
    private int count;
    private int arrived;
    private int phase;
    private Exception? failure;
    private byte* scratch;
    private long* taken;
    private int takenSteps;
    private long scratchBytes;

    ~SimdProgram()
    {
        NativeMemory.AlignedFree(scratch);
        NativeMemory.AlignedFree(taken);
    }

    /// <summary>
    /// For measurements: receives the start of every step and the end of the last one (<see cref="Stopwatch.GetTimestamp"/>), one more
    /// entry than there are steps; null to record nothing. A step lasts until all groups have finished it.
    /// </summary>
    public long[]? Timestamps { get; set; }

    /// <summary>
    /// For measurements: each group calls it on its thread, with 1 when it starts and with -1 when it ends; null for no call.
    /// </summary>
    public Action<int>? Working { get; set; }

    /// <summary>Adds a step at the end. It may allocate.</summary>
    public void Add(in SimdStep step)
    {
        if (step.ScratchBytes > scratchBytes) Grow(step.ScratchBytes);
        if (count == steps.Length) Array.Resize(ref steps, 2 * count);
        if (takenSteps < steps.Length) GrowTaken();
        steps[count++] = step;
    }

    /// <summary>Removes all steps.</summary>
    public void Clear() => count = 0;

    /// <summary>Must be called after a launch: removes all steps, and throws when a group failed.</summary>
    /// <exception cref="InvalidOperationException">A step failed; the inner exception is the cause.</exception>
    public void Finish()
    {
        Timestamps?[count] = Stopwatch.GetTimestamp();
        new Span<long>(taken, count * mostGroups * SimdQueues.Stride).Clear();
        count = 0;
        arrived = 0;
        Exception? thrown = failure;
        failure = null;
        if (thrown is not null) throw new InvalidOperationException($"A step failed on the processor: {thrown.Message}", thrown);
    }

    /// <summary>Computes one group's share of all steps.</summary>
    /// <param name="group">Number of the group.</param>
    /// <param name="groups">Number of groups, all of which must be launched.</param>
    public void Run(int group, int groups)
    {
        try
        {
            Working?.Invoke(1);
            for (int i = 0; i < count; i++)
            {
                if (i > 0 && !Meet(groups)) return;
                if (group == 0) Timestamps?[i] = Stopwatch.GetTimestamp();
                var queues = new SimdQueues(taken + (nint)i * mostGroups * SimdQueues.Stride, group, groups);
                steps[i].Run(queues, scratch + group * scratchBytes);
            }
        }
        catch (Exception e)
        {
            // An exception on ILGPU's thread would end the process, and the other groups would wait forever.
            lock (gate)
            {
                failure = e;
                Monitor.PulseAll(gate);
            }
        }
        finally
        {
            Working?.Invoke(-1);
        }
    }

    /// <summary>Waits until all groups have arrived; false when one of them failed.</summary>
    private bool Meet(int groups)
    {
        int current = Volatile.Read(ref phase);
        if (Interlocked.Increment(ref arrived) == groups)
        {
            arrived = 0;
            lock (gate)
            {
                Volatile.Write(ref phase, current + 1);
                Monitor.PulseAll(gate);
            }
            return true;
        }
        long start = Stopwatch.GetTimestamp();
        while (Volatile.Read(ref phase) == current)
        {
            if (Stopwatch.GetTimestamp() - start > SpinTicks) return Sleep(current);
            Thread.SpinWait(SpinsBetweenLooks);
        }
        return true;
    }

    /// <summary>Grows the scratch memory of each group to at least this number of bytes.</summary>
    private void Grow(long bytes)
    {
        long rounded = IntegerMath.RoundUp(bytes, ScratchAlignment);
        NativeMemory.AlignedFree(scratch);
        scratch = null;
        scratchBytes = 0;
        scratch = (byte*)NativeMemory.AlignedAlloc(checked((nuint)(mostGroups * rounded)), (nuint)ScratchAlignment);
        scratchBytes = rounded;
    }

    /// <summary>Allocates a counter for each group in each step that has room; all counters are 0 between launches.</summary>
    private void GrowTaken()
    {
        int length = checked(steps.Length * mostGroups * SimdQueues.Stride);
        NativeMemory.AlignedFree(taken);
        taken = null;
        taken = (long*)NativeMemory.AlignedAlloc((nuint)length * sizeof(long), SimdQueues.Stride * sizeof(long));
        new Span<long>(taken, length).Clear();
        takenSteps = steps.Length;
    }

    private bool Sleep(int current)
    {
        lock (gate)
        {
            while (Volatile.Read(ref phase) == current)
            {
                if (failure is not null) return false;
                Monitor.Wait(gate);
            }
            return true;
        }
    }
}

/// <summary>The kernel that runs a <see cref="SimdProgram"/>.</summary>
internal static class SimdProgramKernel
{
    /// <summary>Calls a method that ILGPU does not read and the CPU accelerator runs as it is.</summary>
    /// <param name="program">The program as a GC handle, because kernels take no references.</param>
    public static void Kernel(long program) => RunGroup(Grid.IdxX, Grid.DimX, program);

    [External("simd_program")]
    private static void RunGroup(int group, int groups, long program) =>
        ((SimdProgram)GCHandle.FromIntPtr((nint)program).Target!).Run(group, groups);
}
