using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using IlgpuResNet.Kernels.Simd;

namespace IlgpuResNet.Bench;

/// <summary>
/// Peak rates of this machine, measured on all threads at once: multiply-adds in registers, and reads of memory that no cache holds. The
/// best of many short passes counts, because other work on the machine can only slow one down: for multiply-adds the best pass of each
/// thread, because threads share nothing there, for reads the best pass of all threads together.
/// </summary>
/// <param name="GflopPerSecond">Float32 operations, a multiply-add counted as two, in 10^9 a second.</param>
/// <param name="GigabytesPerSecond">Bytes read, in 10^9 a second.</param>
internal readonly record struct MachinePeak(double GflopPerSecond, double GigabytesPerSecond)
{
    /// <summary>Passes of about 2 ms: shorter than a time slice.</summary>
    private const int FmaPasses = 150;

    private const int ReadPasses = 25;

    /// <summary>
    /// Multiply-adds in flight: two units times a latency of up to five cycles, and no more than 16 registers hold with two operands.
    /// </summary>
    private const int Accumulators = 12;

    private const int FmaRepeats = 1_000_000;

    /// <summary>Floats that a thread reads: 64 MiB, beyond what caches hold.</summary>
    private const int ReadFloats = 1 << 24;

    /// <param name="lanes">Floats of a vector: 16, 8, 4 or 1.</param>
    /// <param name="threads">Threads at work.</param>
    public static MachinePeak Measure(int lanes, int threads) => lanes switch
    {
        16 => Measure<Vector512<float>, SimdLanes512>(threads),
        8 => Measure<Vector256<float>, SimdLanes256>(threads),
        4 => Measure<Vector128<float>, SimdLanes128>(threads),
        _ => Measure<float, SimdLanes32>(threads),
    };

    /// <summary>Multiply-adds in registers and nothing else: work that takes the same time whenever a whole core does it.</summary>
    /// <param name="repeats">Number of repeats, in proportion to the time.</param>
    public static float Work(int repeats) => MultiplyAdd<Vector128<float>, SimdLanes128>(repeats);

    private static MachinePeak Measure<TVector, TLanes>(int threads)
        where TVector : struct
        where TLanes : ISimdLanes<TVector>
    {
        double[] passes = new double[threads];
        OnThreads(threads, thread => passes[thread] = FastestPass(() => MultiplyAdd<TVector, TLanes>(FmaRepeats)));
        double flops = passes.Sum(pass => 2.0 * TLanes.Count * Accumulators * FmaRepeats / pass);
        float[][] memory = [.. Enumerable.Range(0, threads).Select(_ => new float[ReadFloats])];
        // Pages that were never written may all be one page of zeros.
        foreach (float[] part in memory) Array.Fill(part, 1);
        double seconds = FastestCommonPass(threads, thread => Read<TVector, TLanes>(memory[thread]));
        double bytes = (double)sizeof(float) * ReadFloats * threads / seconds;
        return new MachinePeak(flops / 1e9, bytes / 1e9);
    }

    /// <summary>Seconds of a thread's fastest pass.</summary>
    private static double FastestPass(Func<float> pass)
    {
        double best = double.PositiveInfinity;
        for (int i = 0; i < FmaPasses; i++)
        {
            long start = Stopwatch.GetTimestamp();
            pass();
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        return best;
    }

    /// <summary>Seconds of the fastest pass, from the start of all threads to the end of all.</summary>
    private static double FastestCommonPass(int threads, Func<int, float> part)
    {
        double best = double.PositiveInfinity;
        long start = 0;
        using var barrier = new Barrier(threads, _ =>
        {
            long now = Stopwatch.GetTimestamp();
            if (start != 0) best = Math.Min(best, Stopwatch.GetElapsedTime(start, now).TotalSeconds);
            start = now;
        });
        OnThreads(threads, thread =>
        {
            for (int pass = 0; pass < ReadPasses; pass++)
            {
                barrier.SignalAndWait();
                part(thread);
            }
            barrier.SignalAndWait();
        });
        return best;
    }

    private static void OnThreads(int threads, Action<int> work)
    {
        Thread[] workers = [.. Enumerable.Range(0, threads).Select(thread => new Thread(() => work(thread)))];
        foreach (Thread worker in workers) worker.Start();
        foreach (Thread worker in workers) worker.Join();
    }

    /// <summary>Chains of multiply-adds that stay near one: no denormals, no infinities.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static unsafe float MultiplyAdd<TVector, TLanes>(int repeats)
        where TVector : struct
        where TLanes : ISimdLanes<TVector>
    {
        TVector factor = TLanes.Broadcast(0.999f), summand = TLanes.Broadcast(0.001f);
        TVector a0 = summand, a1 = summand, a2 = summand, a3 = summand, a4 = summand, a5 = summand;
        TVector a6 = summand, a7 = summand, a8 = summand, a9 = summand, a10 = summand, a11 = summand;
        for (int i = 0; i < repeats; i++)
        {
            a0 = TLanes.MultiplyAdd(a0, factor, summand);
            a1 = TLanes.MultiplyAdd(a1, factor, summand);
            a2 = TLanes.MultiplyAdd(a2, factor, summand);
            a3 = TLanes.MultiplyAdd(a3, factor, summand);
            a4 = TLanes.MultiplyAdd(a4, factor, summand);
            a5 = TLanes.MultiplyAdd(a5, factor, summand);
            a6 = TLanes.MultiplyAdd(a6, factor, summand);
            a7 = TLanes.MultiplyAdd(a7, factor, summand);
            a8 = TLanes.MultiplyAdd(a8, factor, summand);
            a9 = TLanes.MultiplyAdd(a9, factor, summand);
            a10 = TLanes.MultiplyAdd(a10, factor, summand);
            a11 = TLanes.MultiplyAdd(a11, factor, summand);
        }
        TVector sum = TLanes.Add(TLanes.Add(TLanes.Add(a0, a1), TLanes.Add(a2, a3)), TLanes.Add(TLanes.Add(a4, a5), TLanes.Add(a6, a7)));
        return First<TVector, TLanes>(TLanes.Add(sum, TLanes.Add(TLanes.Add(a8, a9), TLanes.Add(a10, a11))));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static unsafe float Read<TVector, TLanes>(float[] memory)
        where TVector : struct
        where TLanes : ISimdLanes<TVector>
    {
        TVector a = TLanes.Broadcast(0), b = a, c = a, d = a;
        fixed (float* start = memory)
        {
            float* end = start + memory.Length;
            for (float* p = start; p < end; p += 4 * TLanes.Count)
            {
                a = TLanes.Add(a, TLanes.Load(p));
                b = TLanes.Add(b, TLanes.Load(p + TLanes.Count));
                c = TLanes.Add(c, TLanes.Load(p + 2 * TLanes.Count));
                d = TLanes.Add(d, TLanes.Load(p + 3 * TLanes.Count));
            }
        }
        return First<TVector, TLanes>(TLanes.Add(TLanes.Add(a, b), TLanes.Add(c, d)));
    }

    /// <summary>One element of the result, so that the compiler cannot leave the work out.</summary>
    private static unsafe float First<TVector, TLanes>(TVector vector)
        where TVector : struct
        where TLanes : ISimdLanes<TVector>
    {
        float* values = stackalloc float[TLanes.Count];
        TLanes.Store(vector, values);
        return values[0];
    }
}
