using System.Collections.Immutable;
using System.Runtime.InteropServices;
using IlgpuResNet.Kernels;

namespace IlgpuResNet.Planning;

/// <summary>Chooses the method by which each convolution of a plan is computed. Pure.</summary>
internal static class MethodSelector
{
    /// <summary>
    /// The method of each step, the default where the step is no convolution. It is chosen once for a session, so that an image's result
    /// does not depend on how many others run with it. Where the images of a batch are computed one by one it is chosen for one image, so
    /// that the result does not depend on the session's largest batch either; a GPU is filled by as many images as the plan walks at a
    /// time.
    /// </summary>
    /// <param name="planner">Plans for the device's family.</param>
    /// <param name="plan">The steps.</param>
    /// <param name="numerics">The rounding errors that are allowed.</param>
    public static ImmutableArray<Conv2dMethod> Choose(IFamilyPlanner planner, ExecutionPlan plan, Numerics numerics)
    {
        bool exact = numerics is Numerics.Exact;
        if (planner.CostModel is not { } model)
            return ForConvolutions(plan, planner.PrefersSingleImages, (_, shape) => planner.FastestConv2d(shape, exact));
        return ForConvolutions(plan, planner.PrefersSingleImages, (step, shape) => model.Fastest(
            Candidates(planner, shape, exact), method => PlanCosts.OfStep(model, plan, step, plan.SegmentOf(step), method)));
    }

    /// <summary>The methods for a convolution that may be chosen.</summary>
    /// <param name="planner">Plans for the device's family.</param>
    /// <param name="shape">The convolution.</param>
    /// <param name="exact">True for methods that are <see cref="Conv2dMethod.IsExact"/> only.</param>
    public static IEnumerable<Conv2dMethod> Candidates(IFamilyPlanner planner, in Conv2dShape shape, bool exact) =>
        planner.Conv2dMethods(shape).Where(method => !exact || method.IsExact);

    /// <summary>The result of a choice for each convolution of a plan; the default for other steps.</summary>
    /// <param name="plan">The steps.</param>
    /// <param name="forSingleImages">True to choose for one image, however many the plan walks at a time.</param>
    /// <param name="choose">Chooses for the number of a step and its convolution of as many images as are computed at a time.</param>
    // A loop, not a query, here and in StepOperator: a process's first session would wait for queries over structures to be compiled.
    public static ImmutableArray<Conv2dMethod> ForConvolutions(
        ExecutionPlan plan, bool forSingleImages, Func<int, Conv2dShape, Conv2dMethod> choose)
    {
        var methods = new Conv2dMethod[plan.Steps.Length];
        for (int i = 0; i < methods.Length; i++)
        {
            PlanStep step = plan.Steps[i];
            if (step.IsConvolution) methods[i] = choose(i, StepShapes.Conv2d(step) with { N = forSingleImages ? 1 : plan.ImagesOf(i) });
        }
        return ImmutableCollectionsMarshal.AsImmutableArray(methods);
    }
}
