namespace IlgpuResNet.SimulatedCuda.Ptx;

/// <summary>
/// Chooses which thread goes on and how far. A kernel's result must not depend on it: each policy here is one that a GPU's
/// scheduler might happen to follow.
/// </summary>
internal abstract class Scheduler
{
    /// <summary>Every policy, made anew: the random one starts from its seed.</summary>
    public static Scheduler[] All =>
        [new RoundRobin(), new OneByOne(isReversed: false), new OneByOne(isReversed: true), new RandomBursts(Seed)];

    private const int Seed = 17;

    /// <summary>The fastest policy here: each thread runs to its next barrier before another starts.</summary>
    public static Scheduler InOrder() => new OneByOne(isReversed: false);

    /// <summary>The order in which CTAs run.</summary>
    public virtual IEnumerable<int> Order(int ctas) => Enumerable.Range(0, ctas);

    /// <summary>Gives each of the running threads a turn.</summary>
    public abstract void Advance(List<PtxThread> running);

    /// <summary>One access each: what a GPU does when no thread ever waits.</summary>
    private sealed class RoundRobin : Scheduler
    {
        public override void Advance(List<PtxThread> running)
        {
            foreach (PtxThread thread in running) thread.Run(1);
        }

        public override string ToString() => "round robin";
    }

    /// <summary>Each thread to its next barrier before another starts: as unequal as can be.</summary>
    private sealed class OneByOne(bool isReversed) : Scheduler
    {
        public override IEnumerable<int> Order(int ctas) => isReversed ? base.Order(ctas).Reverse() : base.Order(ctas);

        public override void Advance(List<PtxThread> running)
        {
            for (int t = 0; t < running.Count; t++) running[isReversed ? running.Count - 1 - t : t].Run();
        }

        public override string ToString() => isReversed ? "one by one, reversed" : "one by one";
    }

    /// <summary>Random threads for random numbers of accesses.</summary>
    private sealed class RandomBursts(int seed) : Scheduler
    {
        private const int LongestBurst = 24;

        private readonly Random random = new(seed);

        public override IEnumerable<int> Order(int ctas)
        {
            int[] order = [.. base.Order(ctas)];
            random.Shuffle(order);
            return order;
        }

        public override void Advance(List<PtxThread> running)
        {
            // As many turns as threads: some get several of them, some none.
            for (int turn = running.Count; turn > 0; turn--) running[random.Next(running.Count)].Run(random.Next(1, LongestBurst + 1));
        }

        public override string ToString() => $"random, seed {seed}";
    }
}
