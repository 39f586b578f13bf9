using System.Runtime.InteropServices;

namespace IlgpuResNet.Bench.Engines;

/// <summary>Times of both engines on the same weights and images.</summary>
/// <param name="Times">Milliseconds of one inference in each round.</param>
/// <param name="ProcessorTimes">Milliseconds of processor time of one inference, all threads together.</param>
/// <param name="RunsPerRound">Inferences in a round, of which its figure is the mean.</param>
/// <param name="MaxRelativeError">Largest |ours - peer| / |peer| (L2) of an image's logits.</param>
/// <param name="OtherWork">Share of the processors' time that other processes had meanwhile; null where the system does not tell.</param>
internal sealed record Comparison(
    PairedRounds Times, PairedRounds ProcessorTimes, int RunsPerRound, double MaxRelativeError, double? OtherWork)
{
    /// <summary>Largest relative error at which the engines still compute the same network, so that their times can be compared.</summary>
    internal const double LargestError = 1e-3;

    /// <summary>Least time of a round for each engine, approximately.</summary>
    private const double RoundMs = 250;

    private const int MostRunsPerRound = 100;

    /// <summary>
    /// Pause between the engines until the threads of the last one sleep: those of ONNX Runtime spin for about 45 ms after an inference.
    /// </summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// Starts both engines in processes of their own, compares their logits, and lets them run in turn, never at the same time.
    /// </summary>
    /// <exception cref="ResNetException">A process failed, or the outputs differ.</exception>
    public static async Task<Comparison> RunAsync(ModelFiles files, int batch, int threads, int rounds, CancellationToken cancellation)
    {
        using EngineProcess ours = Start(EngineKind.Ours);
        InferenceTime oursWarm = await ours.TimeAsync(cancellation);
        using EngineProcess peer = Start(EngineKind.Ort);
        InferenceTime peerWarm = await peer.TimeAsync(cancellation);
        double error = MaxError(Logits(EngineKind.Ours), Logits(EngineKind.Ort), batch);
        if (!(error <= LargestError))
            throw new ResNetException(
                $"The logits of both engines differ by {Figures.Text(error, "E1")} (relative L2), "
                + $"more than {Figures.Text(LargestError, "E0")}: their times cannot be compared.");

        int runs = Math.Clamp((int)Math.Ceiling(RoundMs / Math.Max(oursWarm.Elapsed, peerWarm.Elapsed)), 1, MostRunsPerRound);
        var others = new OtherWork(ours, peer);
        (InferenceTime[] Ours, InferenceTime[] Peer) times = await PairedRounds.MeasureAsync<InferenceTime>(rounds, async engine =>
        {
            await Task.Delay(Pause, cancellation);
            return await (engine is EngineKind.Ours ? ours : peer).TimeAsync(runs, cancellation);
        });
        return new Comparison(Pair(time => time.Elapsed), Pair(time => time.Processor), runs, error, others.Share());

        PairedRounds Pair(Func<InferenceTime, double> part) => new([.. times.Ours.Select(part)], [.. times.Peer.Select(part)]);
        EngineProcess Start(EngineKind kind) => EngineProcess.Start(
            new EngineJob(kind, EngineTask.Rounds, files.Of(kind), batch, threads, files.LogitsOf(kind)));
        float[] Logits(EngineKind kind) => MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(files.LogitsOf(kind))).ToArray();
    }

    /// <summary>Largest relative L2 difference of an image's logits; NaN when there is one in them.</summary>
    internal static double MaxError(ReadOnlySpan<float> ours, ReadOnlySpan<float> peer, int batch)
    {
        if (ours.Length != peer.Length)
            throw new ResNetException($"The engines give {ours.Length} and {peer.Length} logits for {batch} images.");
        int classes = peer.Length / batch;
        double largest = 0;
        for (int image = 0; image < batch; image++)
        {
            double difference = 0, magnitude = 0;
            for (int i = image * classes; i < (image + 1) * classes; i++)
            {
                difference += Math.Pow((double)ours[i] - peer[i], 2);
                magnitude += Math.Pow(peer[i], 2);
            }
            // Math.Max keeps a NaN.
            largest = Math.Max(largest, Math.Sqrt(difference / magnitude));
        }
        return largest;
    }
}
