using System.Collections.Immutable;
using System.Diagnostics;
using ILGPU;
using ILGPU.Runtime;
using IlgpuResNet.Graphs;
using IlgpuResNet.Kernels;
using IlgpuResNet.Planning;

namespace IlgpuResNet.Execution;

/// <summary>One step of a plan bound to device memory and a kernel family. Launching allocates nothing.</summary>
internal abstract class BoundStep(IKernelFamily kernels)
{
    protected IKernelFamily Kernels { get; } = kernels;

    /// <summary>Enqueues the step for some images of the batch.</summary>
    public abstract void Launch(AcceleratorStream stream, int first, int count);

    /// <summary>Floats that a step needs beside its operands, for that many images.</summary>
    public static long WorkspaceLength(IKernelFamily kernels, PlanStep step, Conv2dMethod kernel, int images) =>
        step.IsConvolution ? kernels.Planner.WorkspaceLength(StepShapes.Conv2d(step) with { N = images }, kernel) : 0;

    /// <summary>The most that a step of a plan needs so; they use it one after the other.</summary>
    public static long WorkspaceLength(IKernelFamily kernels, ExecutionPlan plan, ImmutableArray<Conv2dMethod> stepMethods)
    {
        long length = 0;
        for (int i = 0; i < stepMethods.Length; i++) length = Math.Max(length, WorkspaceLength(kernels, plan.Steps[i], stepMethods[i], plan.ImagesOf(i)));
        return length;
    }

    /// <summary>Begins to compile what a plan's steps need; the task ends when all is done.</summary>
    public static Task LoadAsync(IKernelFamily kernels, ExecutionPlan plan, ImmutableArray<Conv2dMethod> stepMethods)
    {
        var loads = new Task[stepMethods.Length];
        for (int i = 0; i < loads.Length; i++) loads[i] = LoadAsync(kernels, plan.Steps[i], stepMethods[i], plan.ImagesOf(i));
        return Task.WhenAll(loads);
    }

    /// <summary>The steps of a plan.</summary>
    public static ImmutableArray<BoundStep> Create(
        IKernelFamily kernels, ExecutionPlan plan, ImmutableArray<Conv2dMethod> stepMethods, ArrayView<float> arena, ArrayView<float> workspace, DeviceWeights weights)
    {
        var steps = new BoundStep[stepMethods.Length];
        for (int i = 0; i < steps.Length; i++) steps[i] = Create(kernels, plan.Steps[i], stepMethods[i], arena, workspace, node => weights[node]);
        return [.. steps];
    }

    /// <summary>One step.</summary>
    public static BoundStep Create(
        IKernelFamily kernels, PlanStep step, Conv2dMethod kernel, ArrayView<float> arena, ArrayView<float> workspace, Func<Node, NodeWeights> weights)
    {
        BoundTensor View(TensorSlot slot) => new(arena.SubView(slot.Offset, slot.Shape.Count * slot.Images), slot.Shape.Count, slot.Images);
        MapShape x = step.Input.Shape, y = step.Output.Shape;
        if (step.Node is EpilogueNode node)
        {
            NodeWeights constants = weights(node);
            var operands = new BoundOperands(View(step.Input), constants, step.Residual is { } residual ? View(residual) : default, View(step.Output));
            EpilogueSpec spec = node.Epilogue;
            var epilogue = new Epilogue(
                spec.HasResidual ? 1 : 0, spec.ReluBeforeAdd ? 1 : 0, spec.Relu ? 1 : 0,
                spec.Clip is null ? 0 : 1, (float)(spec.Clip?.Min ?? 0), (float)(spec.Clip?.Max ?? 0));
            return node switch
            {
                Conv2dNode or LinearNode => new ConvStep(kernels, operands, epilogue, StepShapes.Conv2d(step), kernel, workspace),
                PointwiseNode => new PointwiseStep(kernels, operands, epilogue, y),
                _ => throw new UnreachableException(node.GetType().Name),
            };
        }
        return step.Node switch
        {
            Pool2dNode pool => new PoolStep(kernels, pool.Kind, View(step.Input), View(step.Output), StepShapes.Pool2d(pool, x)),
            SoftmaxNode => new SoftmaxStep(kernels, View(step.Input), View(step.Output), y.H * y.W, y.C),
            _ => throw new GraphException($"{step.Node.Name}: {step.Node.GetType().Name} must be lowered before it can run; optimise the graph first."),
        };
    }

    private static Task LoadAsync(IKernelFamily kernels, PlanStep step, Conv2dMethod kernel, int images) => step.Node switch
    {
        Conv2dNode or LinearNode => kernels.LoadConv2d(StepShapes.Conv2d(step) with { N = images }, kernel),
        PointwiseNode => kernels.LoadPointwise(step.Output.Shape.C),
        Pool2dNode { Kind: PoolKind.Max } => kernels.LoadMaxPool2d(step.Input.Shape.C),
        Pool2dNode => kernels.LoadAveragePool2d(step.Input.Shape.C),
        SoftmaxNode => kernels.LoadSoftmax(),
        // What cannot run is refused when it is bound.
        _ => Task.CompletedTask,
    };

    /// <summary>A tensor in the arena.</summary>
    /// <param name="Memory">All its images.</param>
    /// <param name="Length">Elements of one image.</param>
    /// <param name="Images">Images there is room for.</param>
    private readonly record struct BoundTensor(ArrayView<float> Memory, long Length, int Images)
    {
        /// <summary>From an image of the batch on; where there is room for some alone, the first of those that are walked with it is the first there.</summary>
        public ArrayView<float> From(int image) => image % Images == 0 ? Memory : Memory.SubView(image % Images * Length);
    }

    /// <summary>What an epilogue node works on; the residual is the default where it adds none.</summary>
    private readonly record struct BoundOperands(BoundTensor Input, NodeWeights Weights, BoundTensor Residual, BoundTensor Output)
    {
        public Operands From(int image) =>
            new(Input.From(image), Weights.Filter, Weights.Scale, Weights.Shift, Residual.Images == 0 ? default : Residual.From(image), Output.From(image));
    }

    private sealed class ConvStep(
        IKernelFamily kernels, BoundOperands operands, Epilogue epilogue, Conv2dShape shape, Conv2dMethod kernel, ArrayView<float> workspace)
        : BoundStep(kernels)
    {
        public override void Launch(AcceleratorStream stream, int first, int count) =>
            Kernels.Conv2d(stream, shape with { N = count }, operands.From(first), epilogue, kernel, workspace);
    }

    private sealed class PointwiseStep(IKernelFamily kernels, BoundOperands operands, Epilogue epilogue, MapShape shape) : BoundStep(kernels)
    {
        public override void Launch(AcceleratorStream stream, int first, int count) =>
            Kernels.Pointwise(stream, count * shape.H * shape.W, shape.C, operands.From(first), epilogue);
    }

    private sealed class PoolStep(IKernelFamily kernels, PoolKind kind, BoundTensor input, BoundTensor output, Pool2dShape shape) : BoundStep(kernels)
    {
        public override void Launch(AcceleratorStream stream, int first, int count)
        {
            Pool2dShape pool = shape with { N = count };
            if (kind is PoolKind.Max) Kernels.MaxPool2d(stream, pool, input.From(first), output.From(first));
            else Kernels.AveragePool2d(stream, pool, input.From(first), output.From(first));
        }
    }

    private sealed class SoftmaxStep(IKernelFamily kernels, BoundTensor input, BoundTensor output, int pixels, int classes) : BoundStep(kernels)
    {
        public override void Launch(AcceleratorStream stream, int first, int count) =>
            Kernels.Softmax(stream, count * pixels, classes, input.From(first), output.From(first));
    }
}
