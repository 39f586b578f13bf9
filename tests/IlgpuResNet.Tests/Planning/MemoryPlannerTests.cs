using IlgpuResNet.Planning;

namespace IlgpuResNet.Tests;

[TestClass]
public sealed class MemoryPlannerTests
{
    private const int Seed = 20_001;
    private const int Cases = 500;

    [TestMethod]
    public void Blocks_alive_together_never_overlap_and_all_fit_the_arena()
    {
        var random = new Random(Seed);
        for (int test = 0; test < Cases; test++)
        {
            Lifetime[] blocks = RandomBlocks(random, random.Next(1, 40));
            MemoryPlan plan = MemoryPlanner.Plan(blocks);
            for (int i = 0; i < blocks.Length; i++)
            {
                Assert.AreEqual(0, plan.Offsets[i] % MemoryPlanner.Alignment, $"seed {Seed}, case {test}, block {i}");
                Assert.IsLessThanOrEqualTo(plan.Length, plan.Offsets[i] + blocks[i].Length, $"seed {Seed}, case {test}, block {i}");
                for (int j = 0; j < i; j++)
                {
                    bool aliveTogether = blocks[i].First <= blocks[j].Last && blocks[j].First <= blocks[i].Last;
                    bool overlap = plan.Offsets[i] < plan.Offsets[j] + blocks[j].Length
                        && plan.Offsets[j] < plan.Offsets[i] + blocks[i].Length;
                    Assert.IsFalse(
                        aliveTogether && overlap, $"seed {Seed}, case {test}: blocks {i} and {j} share memory while both are alive");
                }
            }
        }
    }

    [TestMethod]
    public void The_lower_bound_is_the_largest_sum_over_all_steps()
    {
        var random = new Random(Seed);
        for (int test = 0; test < Cases; test++)
        {
            Lifetime[] blocks = RandomBlocks(random, random.Next(1, 30));
            long expected = 0;
            for (int step = 0; step < 100; step++)
            {
                long alive = 0;
                foreach (Lifetime block in blocks)
                {
                    if (step >= block.First && step <= block.Last) alive += block.Length;
                }
                expected = Math.Max(expected, alive);
            }
            MemoryPlan plan = MemoryPlanner.Plan(blocks);
            Assert.AreEqual(expected, plan.LowerBound, $"seed {Seed}, case {test}");
            Assert.IsGreaterThanOrEqualTo(expected, plan.Length);
        }
    }

    [TestMethod]
    public void Memory_is_reused_when_lifetimes_do_not_meet()
    {
        MemoryPlan plan = MemoryPlanner.Plan([new(640, 0, 1), new(640, 2, 3), new(640, 4, 4)]);
        Assert.AreEqual(640, plan.Length);
    }

    private static Lifetime[] RandomBlocks(Random random, int count)
    {
        var blocks = new Lifetime[count];
        for (int i = 0; i < count; i++)
        {
            int first = random.Next(0, 50);
            blocks[i] = new Lifetime(random.Next(1, 5000), first, first + random.Next(0, 8));
        }
        return blocks;
    }
}
