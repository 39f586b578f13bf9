using System.Collections.Immutable;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using IlgpuResNet.Execution;
using IlgpuResNet.Kernels;
using IlgpuResNet.Kernels.Tiled;
using IlgpuResNet.Planning;

namespace IlgpuResNet.Bench.Ptx;

/// <summary>The launches of a plan's step on a device that need not be there: the steps are walked, and nothing runs.</summary>
/// <param name="Step">The step.</param>
/// <param name="Kernel">Its method; the default where it is no convolution.</param>
/// <param name="Launches">Its launches in order.</param>
internal sealed record StepLaunches(PlanStep Step, Conv2dMethod Kernel, RecordedLaunch[] Launches)
{
    /// <summary>The launch of a convolution's matrix product; null for any other step.</summary>
    public RecordedLaunch? Product { get; init; }

    /// <summary>Images of the plan's batch that these launches compute.</summary>
    public int Images { get; init; }

    /// <summary>The convolution for those images; the default where it is none.</summary>
    public Conv2dShape Shape { get; init; }

    /// <summary>Multiply-adds of the matrix products for an image; 0 where there are none.</summary>
    public double ProductMacs => Product is null ? 0 : (double)GemmShape.Of(Shape, Kernel.Algorithm).Macs / Images;

    /// <summary>Walks a plan with these kernels, one for each step: for the first of its images where it is not the whole batch.</summary>
    public static ImmutableArray<StepLaunches> Walk(ExecutionPlan plan, ImmutableArray<Conv2dMethod> kernels)
    {
        var recorder = new LaunchRecorder();
        var family = new TiledKernels(recorder, new TiledPlanner(multiprocessors: 1));
        // Some real memory is needed for the views that kernels take; nothing touches it.
        using var context = Context.Create(builder => builder.CPU(new CPUDevice(2, 1, 1)));
        using Accelerator accelerator = context.CreateCPUAccelerator(0);
        StepOperator[] operators = StepOperator.Of(plan, kernels);
        long workspace = StepOperator.WorkspaceLength(family.Planner, operators);
        long filter = plan.Steps.Zip(kernels).Max(pair => FilterLength(pair.First, pair.Second));
        using MemoryBuffer1D<float, Stride1D.Dense> memory = accelerator.Allocate1D<float>(plan.ArenaLength + workspace + filter);
        ArrayView<float> all = memory.View.BaseView;
        ArrayView<float> arena = all.SubView(0, plan.ArenaLength), constants = all.SubView(plan.ArenaLength + workspace, filter);

        return [.. plan.Steps.Zip(kernels).Select((pair, i) =>
        {
            (PlanStep step, Conv2dMethod kernel) = pair;
            int images = plan.ImagesOf(i);
            var weights = new NodeWeights(constants, constants, constants);
            new BoundStep(family, step, operators[i], arena, all.SubView(plan.ArenaLength, workspace), weights)
                .Launch(accelerator.DefaultStream, 0, images);
            RecordedLaunch[] launches = recorder.Take();
            if (!step.IsConvolution) return new StepLaunches(step, kernel, launches);
            return new StepLaunches(step, kernel, launches)
            {
                Images = images,
                Shape = StepShapes.Conv2d(step) with { N = images },
                Product = launches.Single(launch => launch.Kernel.Method.DeclaringType == typeof(ImplicitGemm)),
            };
        })];

        long FilterLength(PlanStep step, Conv2dMethod kernel) =>
            step.IsConvolution ? family.Planner.PackedFilterLength(StepShapes.Conv2d(step), kernel.Algorithm) : 0;
    }
}
