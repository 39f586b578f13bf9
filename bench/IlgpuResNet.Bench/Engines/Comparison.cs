using System.Runtime.InteropServices;

namespace IlgpuResNet.Bench.Engines;

/// <summary>Times of both engines on the same weights and images, round by round.</summary>
/// <param name="Ours">Milliseconds of one inference in each round.</param>
/// <param name="Peer">The same of the other engine.</param>
/// <param name="MaxRelativeError">Largest |ours - peer| / |peer| (L2) of an image's logits.</param>
/// <param name="RunsPerRound">Inferences in a round, of which its figure is the mean.</param>
internal sealed record Comparison(double[] Ours, double[] Peer, double MaxRelativeError, int RunsPerRound)
{
    /// <summary>Beyond this the engines do not compute the same network, and their times say nothing.</summary>
    private const double LargestError = 1e-3;

    /// <summary>A round lasts about this long at least, for each engine.</summary>
    private const double RoundMs = 250;

    private const int MostRunsPerRound = 100;

    /// <summary>An engine's threads may go on spinning for a while after an inference: the other waits until they sleep.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    /// <summary>Ours over the peer's, in each round.</summary>
    public IEnumerable<double> Ratios => Ours.Zip(Peer, (ours, peer) => ours / peer);

    /// <summary>
    /// Starts both engines in processes of their own and lets them run in turn, never at the same time; who begins changes with every round.
    /// </summary>
    /// <exception cref="ResNetException">A process failed, or the outputs differ.</exception>
    public static async Task<Comparison> RunAsync(ModelFiles files, int batch, int threads, int rounds, CancellationToken cancellation)
    {
        using EngineProcess ours = Start(EngineKind.Ours);
        double oursMs = await ours.AnswerAsync(cancellation);
        using EngineProcess peer = Start(EngineKind.Ort);
        double peerMs = await peer.AnswerAsync(cancellation);
        // The logits are on disk once a round is done.
        await ours.TimeAsync(1, cancellation);
        await peer.TimeAsync(1, cancellation);
        double error = MaxError(Logits(EngineKind.Ours), Logits(EngineKind.Ort), batch);
        if (!(error <= LargestError)) throw new ResNetException($"The logits of both engines differ by {error:E1} (relative L2), more than {LargestError:E0}: their times cannot be compared.");

        int runs = Math.Clamp((int)Math.Ceiling(RoundMs / Math.Max(oursMs, peerMs)), 1, MostRunsPerRound);
        var times = new Dictionary<EngineProcess, double[]> { [ours] = new double[rounds], [peer] = new double[rounds] };
        for (int round = 0; round < rounds; round++)
        {
            foreach (EngineProcess engine in round % 2 == 0 ? new[] { ours, peer } : [peer, ours])
            {
                await Task.Delay(Pause, cancellation);
                times[engine][round] = await engine.TimeAsync(runs, cancellation);
            }
        }
        return new Comparison(times[ours], times[peer], error, runs);

        EngineProcess Start(EngineKind kind) => EngineProcess.Start(new EngineJob(kind, EngineTask.Rounds, files.Of(kind), batch, threads, files.LogitsOf(kind)));
        float[] Logits(EngineKind kind) => MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(files.LogitsOf(kind))).ToArray();
    }

    /// <summary>Largest relative L2 difference of an image's logits; NaN when there is one in them.</summary>
    public static double MaxError(ReadOnlySpan<float> ours, ReadOnlySpan<float> peer, int batch)
    {
        if (ours.Length != peer.Length) throw new ResNetException($"The engines give {ours.Length} and {peer.Length} logits for {batch} images.");
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
