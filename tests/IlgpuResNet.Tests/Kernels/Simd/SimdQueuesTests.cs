using IlgpuResNet.Kernels.Simd;

namespace IlgpuResNet.Tests;

/// <summary>How groups take the parts of a step.</summary>
[TestClass]
public sealed unsafe class SimdQueuesTests
{
    private const int Groups = 3;

    [TestMethod]
    public void A_group_takes_its_own_from_the_front_and_then_others_from_the_back()
    {
        long* taken = stackalloc long[Groups * SimdQueues.Stride];
        new Span<long>(taken, Groups * SimdQueues.Stride).Clear();
        int[] counts = [2, 0, 3];
        var first = new SimdQueues(taken, group: 0, Groups);
        var last = new SimdQueues(taken, group: 2, Groups);
        var order = new List<(int Owner, int Part)>();
        Assert.IsTrue(last.Take(counts, out int owner, out int part));
        order.Add((owner, part));
        while (first.Take(counts, out owner, out part)) order.Add((owner, part));
        CollectionAssert.AreEqual(new[] { (2, 0), (0, 0), (0, 1), (2, 2), (2, 1) }, order);
        Assert.IsFalse(last.Take(counts, out _, out _));
    }

    /// <summary>Many times, so that two groups meet at the same part.</summary>
    [TestMethod]
    public void Groups_at_once_take_every_part_once()
    {
        int[] counts = [50, 1, 20];
        for (int round = 0; round < 200; round++)
        {
            long[] taken = GC.AllocateArray<long>(Groups * SimdQueues.Stride, pinned: true);
            int[][] seen = [.. counts.Select(count => new int[count])];
            Parallel.For(0, Groups, group =>
            {
                fixed (long* counters = taken)
                {
                    var queues = new SimdQueues(counters, group, Groups);
                    while (queues.Take(counts, out int owner, out int part)) Interlocked.Increment(ref seen[owner][part]);
                }
            });
            foreach (int[] parts in seen) Assert.IsTrue(parts.All(times => times == 1), string.Join(" ", parts));
        }
    }
}
