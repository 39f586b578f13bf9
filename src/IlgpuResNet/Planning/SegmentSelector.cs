using IlgpuResNet.Graphs;
using IlgpuResNet.Kernels;

namespace IlgpuResNet.Planning;

/// <summary>Chooses the segments of a plan: the number of images of a batch that each step processes at a time. Pure.</summary>
internal static class SegmentSelector
{
    /// <summary>
    /// Pixels per weight above which a layer of one image does not wait for its weights. At the peaks of two AVX-512 cores (236 GFLOP/s, 33
    /// GB/s) the products of 14 pixels take as long as one weight takes from memory; this is twice as many.
    /// </summary>
    private const int PixelsPerWeight = 28;

    /// <summary>
    /// Share of the whole plan's time that a segment in slices must gain in addition: at its borders, maps of the whole batch need room,
    /// and a plan of few segments is easier to understand than one of many segments that the model cannot tell from it.
    /// </summary>
    private const double ShareOfSegment = 0.01;

    /// <summary>The plan, walked in the segments that are expected to be the fastest.</summary>
    /// <param name="planner">Plans for the device's family.</param>
    /// <param name="plan">The steps, walked for the whole batch.</param>
    /// <param name="numerics">The rounding errors that are allowed.</param>
    public static ExecutionPlan Choose(IFamilyPlanner planner, ExecutionPlan plan, Numerics numerics) =>
        plan.MaxBatch == 1 ? plan
        : planner.CostModel is { } model ? ByCost(planner, model, plan, numerics)
        : planner.PrefersSingleImages ? ForSingleImages(plan) : plan;

    /// <summary>
    /// The plan with its first steps walked image by image: up to the last layer in which each weight serves enough pixels of one image. In
    /// these layers the products hide the loads of the weights, and the maps of one image fit a processor's caches, while the maps of a
    /// batch do not. The steps after them, at least a linear layer, load their weights once for the whole batch.
    /// </summary>
    public static ExecutionPlan ForSingleImages(ExecutionPlan plan)
    {
        int single = plan.Steps.Length;
        while (single > 0 && !HasEnoughPixels(plan.Steps[single - 1])) single--;
        return single == 0 ? plan
            : plan.Walked([new PlanSegment(0, single, 1), new PlanSegment(single, plan.Steps.Length - single, plan.MaxBatch)]);

        static bool HasEnoughPixels(PlanStep step) =>
            step is { Node: Conv2dNode, Output.Shape: var map } && (long)map.H * map.W >= PixelsPerWeight;
    }

    /// <summary>
    /// The plan in the segments of the least modelled time. Fewer images at a time keep maps in the cache, but take more launches of fewer
    /// groups, and maps between two segments come from memory. A segment is walked in slices only where that gains more than the model's
    /// <see cref="ICostModel.Indifference"/> and a hundredth of the whole plan's time.
    /// </summary>
    public static ExecutionPlan ByCost(IFamilyPlanner planner, ICostModel model, ExecutionPlan plan, Numerics numerics)
    {
        int[] images = [.. Slices(plan.MaxBatch)];
        var methods = new Dictionary<Conv2dShape, Conv2dMethod>();
        var costs = new Dictionary<(int Step, int Images, MapsInFlight Maps), double>();
        int steps = plan.Steps.Length;
        double border = ShareOfSegment * Enumerable.Range(0, steps).Sum(step => Seconds(step, plan.Segments.Single()));
        int[][] readers = [.. Enumerable.Range(0, steps).Select(plan.ReadersOf)];
        double[] ofStep = new double[steps];
        // For each step, the least time of the steps before it, and the segment that ends there.
        var best = new (double Seconds, PlanSegment Last)[steps + 1];
        for (int end = 1; end <= steps; end++)
        {
            best[end].Seconds = double.PositiveInfinity;
            foreach (int slice in images)
            {
                bool isWhole = slice == plan.MaxBatch;
                double seconds = 0;
                for (int first = end - 1; first >= 0; first--)
                {
                    // One more step at the beginning changes only its own cost and the costs of the steps that read its output.
                    var segment = new PlanSegment(first, end - first, slice);
                    seconds += ofStep[first] = Seconds(first, segment);
                    foreach (int reader in readers[first])
                    {
                        if (reader >= end) continue;
                        seconds -= ofStep[reader];
                        seconds += ofStep[reader] = Seconds(reader, segment);
                    }
                    double charged = best[first].Seconds + (isWhole ? seconds : border + (1 + model.Indifference) * seconds);
                    if (charged < best[end].Seconds) best[end] = (charged, segment);
                    // The border between two segments of the whole batch costs nothing, so longer ones need not be tried.
                    if (isWhole) break;
                }
            }
        }

        var segments = new List<PlanSegment>();
        for (int end = steps; end > 0; end = segments[^1].First) segments.Add(best[end].Last);
        segments.Reverse();
        return plan.Walked([.. Joined(segments, plan.MaxBatch)]);

        double Seconds(int step, PlanSegment segment)
        {
            var key = (step, segment.Images, plan.MapsInFlight(step, segment, segment.Images));
            if (costs.TryGetValue(key, out double seconds)) return seconds;
            Conv2dMethod method = MethodOf(plan.Steps[step], segment.Images);
            costs.Add(key, seconds = PlanCosts.OfStep(model, plan, step, segment, method).Seconds);
            return seconds;
        }

        Conv2dMethod MethodOf(PlanStep step, int count)
        {
            if (!step.IsConvolution) return default;
            Conv2dShape shape = StepShapes.Conv2d(step) with { N = count };
            if (!methods.TryGetValue(shape, out Conv2dMethod method))
                methods.Add(shape, method = planner.FastestConv2d(shape, numerics is Numerics.Exact));
            return method;
        }
    }

    /// <summary>Images per slice of the batch in one, two, four slices and so on.</summary>
    private static IEnumerable<int> Slices(int batch)
    {
        for (int images = batch; images > 1; images = (images + 1) / 2) yield return images;
        yield return 1;
    }

    /// <summary>The segments, with neighbours that are walked for the whole batch joined.</summary>
    private static List<PlanSegment> Joined(List<PlanSegment> segments, int batch)
    {
        var joined = new List<PlanSegment>();
        foreach (PlanSegment segment in segments)
        {
            if (segment.Images == batch && joined.Count > 0 && joined[^1].Images == batch)
                joined[^1] = joined[^1] with { Count = joined[^1].Count + segment.Count };
            else
                joined.Add(segment);
        }
        return joined;
    }
}
