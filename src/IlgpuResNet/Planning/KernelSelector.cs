using System.Collections.Immutable;
using System.Runtime.InteropServices;
using IlgpuResNet.Devices;
using IlgpuResNet.Execution;
using IlgpuResNet.Kernels;
using IlgpuResNet.Kernels.Tiled;

namespace IlgpuResNet.Planning;

/// <summary>Which kernel computes each step of a plan. Pure where the device is a profile.</summary>
internal static class KernelSelector
{
    /// <summary>Modelled times that differ by a smaller share say nothing: the model came within 20 % of what is published for V100 and T4 (bench/NOTES.md).</summary>
    public const double Indifference = 0.10;

    /// <summary>
    /// How each step is computed, the default where it is no convolution. Chosen once for a session, so that an image's result does not depend
    /// on how many others run with it. Where images of a batch are computed one by one it is chosen for one, so that the result does not depend on
    /// how many the session could take either; a GPU is filled by as many as the plan walks at a time.
    /// </summary>
    /// <param name="kernels">The family of the device.</param>
    /// <param name="profile">The device when it is a GPU, else null.</param>
    /// <param name="plan">The steps.</param>
    /// <param name="numerics">What rounding errors are allowed.</param>
    public static ImmutableArray<Conv2dMethod> Choose(IKernelFamily kernels, DeviceProfile? profile, ExecutionPlan plan, Numerics numerics)
    {
        if (profile is not null) return OfTiled(profile, plan, numerics);
        return OfConvolutions(plan, kernels.PrefersSingleImages, (_, shape) => kernels.FastestConv2d(shape, numerics is Numerics.Exact));
    }

    /// <summary>The same for a device with the tiled family that need not be there.</summary>
    public static ImmutableArray<Conv2dMethod> OfTiled(DeviceProfile profile, ExecutionPlan plan, Numerics numerics) => OfConvolutions(
        plan, forSingleImages: false, (step, shape) => Fastest(profile, shape, numerics is Numerics.Exact, kernel => Cost(profile, plan, step, plan.SegmentOf(step), kernel)));

    /// <summary>The kernel of the tiled family that the model expects to be the fastest for a convolution without a residual beside which nothing waits.</summary>
    public static Conv2dMethod Fastest(DeviceProfile profile, Conv2dShape shape, bool exact) =>
        Fastest(profile, shape, exact, kernel => CostModel.OfConv2d(profile, shape, kernel, hasResidual: false));

    /// <summary>
    /// The kernel of the tiled family that the model expects to be the fastest. Of those that it cannot tell from that one: one with a group for every
    /// multiprocessor, and then the one that executes the fewest instructions for its multiply-adds, which cost power and clock as well. None with less than
    /// a wave of groups is taken where a full wave is modelled to be faster.
    /// </summary>
    private static Conv2dMethod Fastest(DeviceProfile profile, Conv2dShape shape, bool exact, Func<Conv2dMethod, StepCost> cost)
    {
        (Conv2dMethod Kernel, StepCost Cost)[] all = [.. Candidates(TiledConv2dMethods.Kernels(shape), exact).Select(kernel => (kernel, cost(kernel)))];
        double indifferent = (1 + Indifference) * all.Min(candidate => candidate.Cost.Seconds);
        double fullWave = all.Where(candidate => candidate.Cost.Waves >= 1).Select(candidate => candidate.Cost.Seconds).DefaultIfEmpty(double.PositiveInfinity).Min();
        return all.Where(candidate => candidate.Cost.Seconds <= indifferent && (candidate.Cost.Waves >= 1 || candidate.Cost.Seconds <= fullWave))
            .OrderByDescending(candidate => candidate.Cost.Blocks >= profile.Multiprocessors)
            .ThenBy(candidate => TileCode.Of(candidate.Kernel.Tile).InstructionsPerFfma)
            .ThenBy(candidate => candidate.Cost.Seconds)
            .First().Kernel;
    }

    /// <summary>Those that may be chosen.</summary>
    public static IEnumerable<Conv2dMethod> Candidates(IEnumerable<Conv2dMethod> kernels, bool exact) => kernels.Where(kernel => !exact || kernel.IsExact);

    /// <summary>What the model expects of each step of a plan for the tiled family, for the largest batch.</summary>
    public static ImmutableArray<StepCost> Costs(DeviceProfile profile, ExecutionPlan plan, ImmutableArray<Conv2dMethod> kernels) =>
        [.. plan.Segments.SelectMany(segment => Enumerable.Range(segment.First, segment.Count).Select(i => Cost(profile, plan, i, segment, kernels[i])))];

    /// <summary>The same of one step in a segment that need not be one of the plan's.</summary>
    public static StepCost Cost(DeviceProfile profile, ExecutionPlan plan, int index, PlanSegment segment, Conv2dMethod kernel)
    {
        PlanStep step = plan.Steps[index];
        (int full, int rest) = Math.DivRem(plan.MaxBatch, segment.Images);
        StepCost ofSlice = OfImages(segment.Images);
        return ofSlice.Then(full, rest > 0 ? OfImages(rest) : default);

        StepCost OfImages(int images)
        {
            MapsInFlight maps = plan.MapsInFlight(index, segment, images);
            return step.IsConvolution
                ? CostModel.OfConv2d(profile, BoundStep.ConvShape(step) with { N = images }, kernel, step.Residual is not null, maps)
                : CostModel.OfPass(profile, images * step.Input.Shape.Count, images * (step.Residual?.Shape.Count ?? 0L), images * step.Output.Shape.Count, images, maps);
        }
    }

    /// <summary>What a choice gives for each convolution of a plan; the default for other steps.</summary>
    /// <param name="plan">The steps.</param>
    /// <param name="forSingleImages">True to choose for one image, whatever the plan says.</param>
    /// <param name="choose">Chooses for a step's number and its convolution of as many images as are computed at a time.</param>
    // A loop, not a query, here and in BoundStep: a process's first session would wait for queries over structures to be compiled.
    public static ImmutableArray<Conv2dMethod> OfConvolutions(ExecutionPlan plan, bool forSingleImages, Func<int, Conv2dShape, Conv2dMethod> choose)
    {
        var kernels = new Conv2dMethod[plan.Steps.Length];
        for (int i = 0; i < kernels.Length; i++)
        {
            PlanStep step = plan.Steps[i];
            if (step.IsConvolution) kernels[i] = choose(i, BoundStep.ConvShape(step) with { N = forSingleImages ? 1 : plan.ImagesOf(i) });
        }
        return ImmutableCollectionsMarshal.AsImmutableArray(kernels);
    }
}
