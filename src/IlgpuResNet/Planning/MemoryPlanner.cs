using System.Collections.Immutable;
using IlgpuResNet.Kernels;

namespace IlgpuResNet.Planning;

/// <summary>A block of memory that must keep its contents from one step to another.</summary>
/// <param name="Length">Elements.</param>
/// <param name="First">First step that needs it.</param>
/// <param name="Last">Last step that needs it, inclusive.</param>
internal readonly record struct Lifetime(long Length, int First, int Last)
{
    public bool Overlaps(Lifetime other) => First <= other.Last && other.First <= Last;
}

/// <summary>The place of each block in one arena.</summary>
/// <param name="Offsets">Offset of each block, in elements.</param>
/// <param name="Length">Length of the arena, in elements.</param>
/// <param name="LowerBound">The largest sum of blocks that are alive at one step: no arena can be shorter.</param>
internal sealed record MemoryPlan(ImmutableArray<long> Offsets, long Length, long LowerBound);

/// <summary>
/// Places blocks with lifetimes in one arena: largest first, each in the smallest gap between the blocks that are alive
/// with it ("greedy by size" of Pisarchyk and Lee 2020, arXiv:2001.03288). Pure.
/// </summary>
internal static class MemoryPlanner
{
    /// <summary>
    /// Offsets are multiples of this number of elements (256 bytes), so that every view starts at a whole vector and cache line.
    /// </summary>
    public const long Alignment = 64;

    public static MemoryPlan Plan(IReadOnlyList<Lifetime> blocks)
    {
        long[] offsets = new long[blocks.Count];
        var placed = new List<int>();
        long length = 0;
        foreach (int block in Enumerable.Range(0, blocks.Count).OrderByDescending(i => blocks[i].Length).ThenBy(i => blocks[i].First))
        {
            offsets[block] = BestGap(blocks, offsets, placed, block);
            placed.Add(block);
            length = Math.Max(length, offsets[block] + Align(blocks[block].Length));
        }
        return new MemoryPlan([.. offsets], length, LowerBound(blocks));
    }

    private static long BestGap(IReadOnlyList<Lifetime> blocks, long[] offsets, List<int> placed, int block)
    {
        long needed = Align(blocks[block].Length);
        long end = 0, best = -1, bestSize = long.MaxValue;
        foreach (int other in placed.Where(other => blocks[other].Overlaps(blocks[block])).OrderBy(other => offsets[other]))
        {
            long gap = offsets[other] - end;
            if (gap >= needed && gap < bestSize) (best, bestSize) = (end, gap);
            end = Math.Max(end, offsets[other] + Align(blocks[other].Length));
        }
        return best >= 0 ? best : end;
    }

    /// <summary>Sum of the lengths of the blocks that are alive at a step.</summary>
    public static long InUse(IReadOnlyList<Lifetime> blocks, int step)
    {
        long sum = 0;
        foreach (Lifetime block in blocks)
        {
            if (block.First <= step && step <= block.Last) sum += block.Length;
        }
        return sum;
    }

    private static long LowerBound(IReadOnlyList<Lifetime> blocks) => blocks.Count == 0 ? 0 : blocks.Max(at => InUse(blocks, at.First));

    /// <summary>The length rounded up to <see cref="Alignment"/>.</summary>
    public static long Align(long length) => IntegerMath.RoundUp(length, Alignment);
}
