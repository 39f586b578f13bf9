namespace IlgpuResNet.Kernels.Simd;

/// <summary>
/// Deals out the parts of one step to the groups. Each group has a queue of its own parts and takes them from the front, so that its caches
/// still hold what it wrote in the step before; a group whose queue is empty takes parts from the back of other queues. So all groups end
/// together, even when one core is slower than another for a while.
/// </summary>
/// <param name="taken">
/// A counter for each group, <see cref="Stride"/> apart and 0 at first: the number of parts taken from the front and, in its upper half,
/// from the back.
/// </param>
/// <param name="group">Number of the group that asks.</param>
/// <param name="groups">Number of groups.</param>
internal readonly unsafe struct SimdQueues(long* taken, int group, int groups)
{
    /// <summary>Longs from one group's counter to the next: one cache line.</summary>
    public const int Stride = 8;

    private const int HalfBits = 32;

    /// <summary>Number of the group.</summary>
    public int Group => group;

    /// <summary>Number of groups.</summary>
    public int Groups => groups;

    /// <summary>Takes a part, the group's own parts first; false when all parts are taken.</summary>
    /// <param name="counts">Number of parts of each group.</param>
    /// <param name="owner">Receives the number of the group to whose queue the part belongs.</param>
    /// <param name="part">Receives the part's number in that queue.</param>
    public bool Take(ReadOnlySpan<int> counts, out int owner, out int part)
    {
        for (int i = 0; i < groups; i++)
        {
            owner = (group + i) % groups;
            ref long counter = ref taken[owner * Stride];
            for (long seen = Volatile.Read(ref counter); ;)
            {
                int front = (int)seen, back = (int)(seen >> HalfBits);
                if (front + back >= counts[owner]) break;
                long now = Interlocked.CompareExchange(ref counter, seen + (i == 0 ? 1 : 1L << HalfBits), seen);
                if (now == seen)
                {
                    part = i == 0 ? front : counts[owner] - 1 - back;
                    return true;
                }
                seen = now;
            }
        }
        owner = part = 0;
        return false;
    }
}
