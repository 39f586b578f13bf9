using System.Collections.Immutable;
using IlgpuResNet.Bench.Ptx;
using IlgpuResNet.Devices;
using IlgpuResNet.Kernels;
using IlgpuResNet.Kernels.Tiled;
using IlgpuResNet.Planning;

namespace IlgpuResNet.Tests;

[TestClass]
public sealed class CostModelTests
{
    /// <summary>One multiprocessor of 64 lanes at 1 GHz, with memory too fast to matter.</summary>
    private static readonly DeviceProfile Simple = new("simple", 1, 1, 64, 1e6, 0, MultiprocessorLimits.OfCuda(80));

    private static readonly Conv2dMethod Direct = new(Conv2dAlgorithm.Direct, GemmTile.M64N64);

    [TestMethod]
    public void One_group_takes_its_instructions_a_barrier_a_slice_and_two_latencies()
    {
        // 64 pixels x 64 channels are one group of two warps, 100 slices long; a multiply-add keeps a quarter of 64 lanes for two cycles.
        var shape = Conv2dShape.Create(1, 8, 8, 800, 64, 1, 1, 1, 0);
        TileCode code = TileCode.Of(GemmTile.M64N64);
        double slice = 2 * 512 + 0.5 * (code.SliceInstructions - 512) + 60;
        double compute = (100 * slice + 2 * 600) * 1e-9;
        // The cache gives 16 bytes a cycle: a slice of both operands in 256 cycles.
        double feeding = 100 * 2 * 64 * 8 * 4 / 16 * 1e-9;
        StepCost cost = new TiledCostModel(Simple).OfConv2d(shape, Direct, hasResidual: false);
        Assert.AreEqual(1, cost.Blocks);
        Assert.AreEqual(1.5e-6 + Math.Max(compute, feeding), cost.Seconds, 1e-12);
        Assert.AreEqual(2.0 * 64 * 64 * 800 / 128e9, cost.FloorSeconds, 1e-12);
    }

    [TestMethod]
    public void Partitions_of_the_reduction_exchange_their_sums_in_the_end()
    {
        // 32 pixels x 64 channels are one group of four warps, 50 slices of 16 long; 8x8 sums of a thread, of which it stores a quarter.
        var shape = Conv2dShape.Create(1, 4, 8, 800, 64, 1, 1, 1, 0);
        TileCode code = TileCode.Of(GemmTile.M32N64P4);
        double instructions = 2 * 256 + 0.5 * (code.SliceInstructions - 256);
        double cycles = 50 * (Math.Max(instructions, 600) + 60) + 3 * (64 + 2 * 60) + 2 * 600;
        StepCost cost =
            new TiledCostModel(Simple).OfConv2d(shape, new Conv2dMethod(Conv2dAlgorithm.Direct, GemmTile.M32N64P4), hasResidual: false);
        Assert.AreEqual(1.5e-6 + cycles * 1e-9, cost.Seconds, 1e-12);
    }

    [TestMethod]
    public void Groups_beyond_a_wave_wait_for_the_next()
    {
        int resident = Simple.Limits.BlocksOf(
            GemmTile.M64N64.Threads, TileCode.Of(GemmTile.M64N64).Registers, TileCode.Of(GemmTile.M64N64).SharedBytes);
        double Seconds(int groups) =>
            new TiledCostModel(Simple).OfConv2d(Conv2dShape.Create(groups, 8, 8, 800, 64, 1, 1, 1, 0), Direct, hasResidual: false).Seconds;
        Assert.AreEqual(1.0,
            new TiledCostModel(Simple).OfConv2d(Conv2dShape.Create(resident, 8, 8, 800, 64, 1, 1, 1, 0), Direct, hasResidual: false).Waves);
        // What begins a wave alone takes as long as if nothing had run before it.
        Assert.AreEqual(Seconds(resident) + Seconds(1) - 1.5e-6, Seconds(resident + 1), 1e-12);
    }

    [TestMethod]
    public void No_layer_is_modelled_below_its_floor()
    {
        foreach (string name in (string[])["resnet18", "resnet50", "resnext50_32x4d"])
        {
            using ResNet model = ResNet.Create(ResNetConfig.Presets.Single(config => config.Name == name));
            foreach (int batch in (int[])[1, 32])
            {
                ExecutionPlan plan = ExecutionPlan.Create(model, maxBatch: batch);
                foreach (DeviceProfile device in DeviceProfiles.Known)
                {
                    var planner = new TiledPlanner(device);
                    foreach ((PlanStep step, StepCost cost) in plan.Steps.Zip(
                        PlanCosts.Of(planner.CostModel!, plan, MethodSelector.Choose(planner, plan, Numerics.Fast))))
                        Assert.IsGreaterThanOrEqualTo(
                            cost.FloorSeconds, cost.Seconds, $"{name}, {step.Node.Name}, {device.Name}, batch {batch}");
                }
            }
        }
    }

    /// <summary>Beside what waits in the cache, and in the slices that the plan is walked in.</summary>
    [TestMethod]
    [DataRow(1)]
    [DataRow(32)]
    public void Less_than_a_wave_of_groups_is_chosen_only_where_no_full_wave_is_modelled_to_be_faster(int batch)
    {
        using ResNet model = ResNet.Create(ResNetConfig.ResNet50);
        int below = 0;
        foreach (DeviceProfile device in DeviceProfiles.Known)
        {
            var planner = new TiledPlanner(device);
            ExecutionPlan plan = SegmentSelector.Choose(planner, ExecutionPlan.Create(model, maxBatch: batch), Numerics.Fast);
            ImmutableArray<StepCost> costs = PlanCosts.Of(planner.CostModel!, plan, MethodSelector.Choose(planner, plan, Numerics.Fast));
            foreach (PlanSegment segment in plan.Segments)
            {
                for (int i = segment.First; i < segment.End; i++)
                {
                    if (!plan.Steps[i].IsConvolution || costs[i].Waves >= 1) continue;
                    below++;
                    foreach (Conv2dMethod kernel in TiledConv2dMethods.Of(StepShapes.Conv2d(plan.Steps[i]) with { N = segment.Images }))
                    {
                        StepCost other = PlanCosts.OfStep(planner.CostModel!, plan, i, segment, kernel);
                        if (other.Waves >= 1) Assert.IsLessThanOrEqualTo(
                            other.Seconds, costs[i].Seconds, $"{device.Name}, {plan.Steps[i].Node.Name}, {kernel}");
                    }
                }
            }
        }
        Assert.IsGreaterThan(0, below, "no layer has less than a wave, so nothing was compared");
    }

    /// <summary>
    /// A map costs the memory's time as soon as the images between its writing and its reading do not fit half of the cache.
    /// </summary>
    [TestMethod]
    public void Maps_of_more_images_than_the_cache_holds_come_from_memory()
    {
        // 1 MB of cache at 16 GB/s, memory at 1 GB/s; a pass of 100 kB in and as much out for an image.
        var device = new DeviceProfile("cache", 1, 1, 64, 1, 1 << 20, MultiprocessorLimits.OfCuda(80));
        const int Floats = 25_000;
        double fast = 4.0 * Floats / 16e9, slow = 4.0 * Floats / 0.85e9, start = 1.5e-6 + 600e-9;
        Assert.AreEqual(start + 2 * fast + 2 * fast, Seconds(new MapsInFlight(2, 2, 2, 0)), 1e-12);
        Assert.AreEqual(start + 2 * slow + 2 * fast, Seconds(new MapsInFlight(8, 2, 2, 0)), 1e-12);
        Assert.AreEqual(start + 2 * fast + 2 * slow, Seconds(new MapsInFlight(2, 2, 8, 0)), 1e-12);
        Assert.AreEqual(
            start + 2 * slow + 2 * slow, Seconds(new MapsInFlight(2, 2, 2, 4 * Floats)), 1e-12, "what waits fills the cache, too");

        double Seconds(MapsInFlight maps) => new TiledCostModel(device).OfPass(2 * Floats, 0, 2 * Floats, 2, maps).Seconds;
    }

    /// <summary>A plan in slices is chosen where the model has it gain more than it can tell, and then costs less by it.</summary>
    [TestMethod]
    public void Slices_are_chosen_where_they_pay()
    {
        using ResNet model = ResNet.Create(ResNetConfig.ResNet50);
        foreach (DeviceProfile device in DeviceProfiles.Known)
        {
            var planner = new TiledPlanner(device);
            ExecutionPlan single = ExecutionPlan.Create(model);
            Assert.HasCount(1, SegmentSelector.ByCost(planner, planner.CostModel!, single, Numerics.Fast).Segments,
                $"{device.Name}: one image is not cut");
            ExecutionPlan whole = ExecutionPlan.Create(model, maxBatch: 32), walked = SegmentSelector.Choose(planner, whole, Numerics.Fast);
            Assert.IsLessThanOrEqualTo(Seconds(whole), Seconds(walked), device.Name);
            int next = 0;
            foreach (PlanSegment segment in walked.Segments)
            {
                Assert.AreEqual(next, segment.First, device.Name);
                next = segment.End;
            }
            Assert.AreEqual(whole.Steps.Length, next, device.Name);

            double Seconds(ExecutionPlan plan) =>
                PlanCosts.Of(planner.CostModel!, plan, MethodSelector.Choose(planner, plan, Numerics.Fast)).Sum(cost => cost.Seconds);
        }
        ExecutionPlan batch = ExecutionPlan.Create(model, maxBatch: 32);
        // Its cache of 72 MB holds maps of a few images of the first stages, its memory is slow for its multiply-adds.
        Assert.IsLessThan(32, SegmentSelector.Choose(new TiledPlanner(DeviceProfiles.Find("RTX 4090")!), batch, Numerics.Fast).ImagesOf(5));
        Assert.HasCount(1, SegmentSelector.Choose(new TiledPlanner(DeviceProfiles.Find("T4")!), batch, Numerics.Fast).Segments);
    }

    /// <summary>
    /// The model counts launches and groups by itself; here they are those that the kernel family makes, for every kernel it offers.
    /// </summary>
    [TestMethod]
    [DataRow("resnet50", 1)]
    [DataRow("resnet50", 32)]
    [DataRow("resnext50_32x4d", 1)]
    public void Launches_and_groups_are_those_that_the_family_makes(string name, int batch)
    {
        using ResNet model = ResNet.Create(ResNetConfig.Presets.Single(config => config.Name == name));
        ExecutionPlan plan = ExecutionPlan.Create(model, maxBatch: batch);
        ImmutableArray<Conv2dMethod>[] offered = [.. plan.Steps.Select(step =>
            step.IsConvolution ? TiledConv2dMethods.Of(StepShapes.Conv2d(step) with { N = batch }) : [default])];
        for (int i = 0; i < offered.Max(kernels => kernels.Length); i++)
        {
            ImmutableArray<Conv2dMethod> kernels = [.. offered.Select(of => of[Math.Min(i, of.Length - 1)])];
            ImmutableArray<StepCost> costs = PlanCosts.Of(new TiledCostModel(DeviceProfiles.Known[0]), plan, kernels);
            foreach ((StepLaunches launches, StepCost cost) in StepLaunches.Walk(plan, kernels).Zip(costs))
            {
                string step = $"{launches.Step.Node.Name}, {launches.Kernel}";
                Assert.AreEqual(launches.Launches.Length, cost.Launches, step);
                Assert.AreEqual(launches.Product?.Blocks ?? 0, cost.Blocks, step);
            }
        }
    }

    [TestMethod]
    public void A_kernel_that_the_model_cannot_tell_from_the_fastest_is_chosen_and_an_exact_one_where_one_is_wanted()
    {
        foreach (DeviceProfile device in DeviceProfiles.Known)
        {
            var shape = Conv2dShape.Create(1, 14, 14, 256, 256, 3, 3, 1, 1);
            var planner = new TiledPlanner(device);
            double Seconds(Conv2dMethod kernel) => planner.CostModel!.OfConv2d(shape, kernel, hasResidual: false).Seconds;
            ImmutableArray<Conv2dMethod> all = TiledConv2dMethods.Of(shape);
            Assert.IsLessThanOrEqualTo((1 + planner.CostModel!.Indifference) * all.Min(Seconds), Seconds(planner.FastestConv2d(shape)));
            Conv2dMethod exact = planner.FastestConv2d(shape, exact: true);
            Assert.IsTrue(exact.IsExact);
            Assert.IsLessThanOrEqualTo(
                (1 + planner.CostModel!.Indifference) * all.Where(kernel => kernel.IsExact).Min(Seconds), Seconds(exact));
        }
    }

    [TestMethod]
    public void Every_tile_has_its_machine_code_in_the_model()
    {
        var shape = Conv2dShape.Create(1, 56, 56, 64, 64, 3, 3, 1, 1);
        foreach (GemmTile tile in TiledConv2dMethods.Of(shape).Select(kernel => kernel.Tile)) Assert.AreEqual(tile, TileCode.Of(tile).Tile);
        Assert.ThrowsExactly<ArgumentException>(() => TileCode.Of(new GemmTile(1, 2, 3, 4, 5)));
    }
}
