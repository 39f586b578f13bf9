namespace IlgpuResNet.Bench.Engines;

/// <summary>A figure of both engines in each round, such as milliseconds.</summary>
internal sealed record PairedRounds(double[] Ours, double[] Peer)
{
    /// <summary>Our figure over the peer's in each round: other work on the machine slows both alike.</summary>
    public Statistics Ratio => Statistics.Of(Ours.Zip(Peer, (ours, peer) => ours / peer));

    /// <summary>Measures the engines one after the other; the first one changes with every round.</summary>
    public static async Task<(T[] Ours, T[] Peer)> MeasureAsync<T>(int rounds, Func<EngineKind, Task<T>> measure)
    {
        T[] ours = new T[rounds], peer = new T[rounds];
        for (int round = 0; round < rounds; round++)
        {
            if (round % 2 == 0) ours[round] = await measure(EngineKind.Ours);
            peer[round] = await measure(EngineKind.Ort);
            if (round % 2 != 0) ours[round] = await measure(EngineKind.Ours);
        }
        return (ours, peer);
    }

    /// <summary>Measures the engines one after the other, by one number each.</summary>
    public static async Task<PairedRounds> MeasureAsync(int rounds, Func<EngineKind, Task<double>> measure)
    {
        (double[] ours, double[] peer) = await MeasureAsync<double>(rounds, measure);
        return new PairedRounds(ours, peer);
    }
}
