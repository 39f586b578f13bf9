using System.Diagnostics;

namespace IlgpuResNet.Bench.Engines;

/// <summary>Measures whole processes that only load a network and run it, one image at a time.</summary>
internal static class WholeProcess
{
    /// <summary>
    /// Milliseconds from the start of a process to its first logits, the start of .NET included, from a file that the system's cache holds.
    /// </summary>
    /// <exception cref="ResNetException">A process failed.</exception>
    public static async Task<PairedRounds> ColdStartsAsync(ModelFiles files, int threads, int rounds, CancellationToken cancellation)
    {
        // The first processes read files that the system's cache does not hold yet.
        await MeasureAsync(EngineKind.Ours);
        await MeasureAsync(EngineKind.Ort);
        return await PairedRounds.MeasureAsync(rounds, MeasureAsync);

        async Task<double> MeasureAsync(EngineKind kind)
        {
            long start = Stopwatch.GetTimestamp();
            using EngineProcess engine = EngineProcess.Start(new EngineJob(kind, EngineTask.Cold, files.Of(kind), 1, threads));
            await engine.AnswerAsync(cancellation);
            double elapsedMs = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            await engine.EndAsync(cancellation);
            return elapsedMs;
        }
    }

    /// <summary>Largest resident sets in megabytes (10^6 bytes), mapped files included, of processes that run a few times.</summary>
    /// <exception cref="ResNetException">A process failed.</exception>
    public static Task<PairedRounds> MemoryPeaksAsync(ModelFiles files, int threads, int rounds, CancellationToken cancellation) =>
        PairedRounds.MeasureAsync(rounds, async kind =>
        {
            using EngineProcess engine = EngineProcess.Start(new EngineJob(kind, EngineTask.Memory, files.Of(kind), 1, threads));
            double megabytes = await engine.AnswerAsync(cancellation);
            await engine.EndAsync(cancellation);
            return megabytes;
        });
}
