using System.Collections.Immutable;
using IlgpuResNet.Kernels;

namespace IlgpuResNet.Planning;

/// <summary>Modelled costs of a plan's steps for its largest batch. Pure.</summary>
internal static class PlanCosts
{
    /// <summary>The cost of each step.</summary>
    /// <param name="model">The device's cost model.</param>
    /// <param name="plan">The steps.</param>
    /// <param name="methods">The method of each step, the default where it is no convolution.</param>
    public static ImmutableArray<StepCost> Of(ICostModel model, ExecutionPlan plan, ImmutableArray<Conv2dMethod> methods) =>
        [.. plan.Segments.SelectMany(segment =>
            Enumerable.Range(segment.First, segment.Count).Select(i => OfStep(model, plan, i, segment, methods[i])))];

    /// <summary>The cost of one step in a segment that need not be one of the plan's.</summary>
    /// <param name="model">The device's cost model.</param>
    /// <param name="plan">The steps.</param>
    /// <param name="index">Number of the step.</param>
    /// <param name="segment">The segment in which it is walked.</param>
    /// <param name="method">Its method, the default where it is no convolution.</param>
    public static StepCost OfStep(ICostModel model, ExecutionPlan plan, int index, PlanSegment segment, Conv2dMethod method)
    {
        PlanStep step = plan.Steps[index];
        (int full, int rest) = Math.DivRem(plan.MaxBatch, segment.Images);
        return OfImages(segment.Images).Then(full, rest > 0 ? OfImages(rest) : default);

        StepCost OfImages(int images)
        {
            MapsInFlight maps = plan.MapsInFlight(index, segment, images);
            return step.IsConvolution
                ? model.OfConv2d(StepShapes.Conv2d(step) with { N = images }, method, step.Residual is not null, maps)
                : model.OfPass(
                    images * step.Input.Shape.Count,
                    images * ((step.Residual?.Shape.Count ?? 0L) + (step.Second?.Shape.Count ?? 0L)), images * step.Output.Shape.Count,
                    images, maps);
        }
    }
}
