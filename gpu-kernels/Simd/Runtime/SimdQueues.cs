namespace IlgpuResNet.Kernels.Simd;

/// <summary>
/// Deals out the parts of one step. Each group has a queue of its own parts and takes them from the front, so that it finds in its
/// caches what it wrote in the step before; a group that has none left takes others' from the back. So all end together, also when
/// one core is slower than another for a while.
/// </summary>
/// <param name="taken">A counter for each group, <see cref="Stride"/> apart and 0 at first: parts taken from the front, and from the back in the upper half.</param>
/// <param name="group">Number of the group that asks.</param>
/// <param name="groups">Number of groups.</param>
internal readonly unsafe struct SimdQueues(long* taken, int group, int groups)
{
    /// <summary>Longs from one group's counter to the next: a cache line.</summary>
    public const int Stride = 8;

    private const int HalfBits = 32;

    public int Group => group;

    public int Groups => groups;

    /// <summary>Takes a part, the caller's own first; false when all are taken.</summary>
    /// <param name="counts">Parts of each group.</param>
    /// <param name="owner">Whose part it is.</param>
    /// <param name="part">Its number in the owner's queue.</param>
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
