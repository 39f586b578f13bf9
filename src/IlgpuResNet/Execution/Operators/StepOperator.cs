using System.Collections.Immutable;
using ILGPU;
using ILGPU.Runtime;
using IlgpuResNet.Files;
using IlgpuResNet.Graphs;
using IlgpuResNet.Kernels;
using IlgpuResNet.Planning;

namespace IlgpuResNet.Execution;

/// <summary>
/// The operator of one plan step, without memory: its shape, the workspace it needs, the kernels it loads, and its launch. One nested class
/// per operator; a new operator is one more class here and its line in <see cref="Of(PlanStep, Conv2dMethod, int)"/>.
/// <see cref="BoundStep"/> adds the memory.
/// </summary>
internal abstract class StepOperator
{
    /// <summary>The operator of a step.</summary>
    /// <param name="step">The step.</param>
    /// <param name="method">The method of its convolution; ignored where it is none.</param>
    /// <param name="images">Images for which it is launched at a time, at most.</param>
    /// <exception cref="GraphException">No kernel computes the node.</exception>
    public static StepOperator Of(PlanStep step, Conv2dMethod method, int images) => step.Node switch
    {
        Conv2dNode or LinearNode => new Conv2d(StepShapes.Conv2d(step) with { N = images }, method, ((EpilogueNode)step.Node).Epilogue),
        PointwiseNode node => new Pointwise(step.Output.Shape, node.Epilogue),
        Pool2dNode { Kind: PoolKind.Max } node => new MaxPool2d(StepShapes.Pool2d(node, step.Input.Shape)),
        Pool2dNode node => new AveragePool2d(StepShapes.Pool2d(node, step.Input.Shape)),
        SoftmaxNode => new Softmax(step.Output.Shape),
        CombineNode node => new Combine(CombineShapeOf(node, step), node.Epilogue),
        SelectNode node => new Select(step.Input.Shape, step.Second?.Shape.W ?? 0, node),
        GroupNormNode node => new GroupNorm(step.Output.Shape, node),
        TopKNode node => new TopK(step.Input.Shape, node),
        _ => throw new GraphException(
            $"{FileText.Clean(step.Node.Name)}: {step.Node.GetType().Name} must be lowered before it can run; optimise the graph first."),
    };

    // Loops, not queries: a process's first session would wait for queries to be compiled.

    /// <summary>The operator of each step of a plan.</summary>
    public static StepOperator[] Of(ExecutionPlan plan, ImmutableArray<Conv2dMethod> methods)
    {
        var operators = new StepOperator[methods.Length];
        for (int i = 0; i < operators.Length; i++) operators[i] = Of(plan.Steps[i], methods[i], plan.ImagesOf(i));
        return operators;
    }

    /// <summary>Largest workspace of any operator, in floats. Steps run in sequence and share it.</summary>
    public static long WorkspaceLength(IFamilyPlanner planner, StepOperator[] operators)
    {
        long length = 0;
        foreach (StepOperator operation in operators) length = Math.Max(length, operation.WorkspaceLength(planner));
        return length;
    }

    /// <summary>Begins to compile what operators need; the task ends when all is compiled.</summary>
    public static Task LoadAsync(IKernelFamily kernels, StepOperator[] operators)
    {
        var loads = new Task[operators.Length];
        for (int i = 0; i < loads.Length; i++) loads[i] = operators[i].LoadAsync(kernels);
        return Task.WhenAll(loads);
    }

    /// <summary>Enqueues the operator.</summary>
    /// <param name="kernels">The device's kernels.</param>
    /// <param name="stream">Where it is enqueued.</param>
    /// <param name="operands">Its memory, from the first image on; weights and residual only where it has them.</param>
    /// <param name="workspace">Memory of at least <see cref="WorkspaceLength(IFamilyPlanner)"/> floats.</param>
    /// <param name="images">Images that it computes.</param>
    public abstract void Launch(
        IKernelFamily kernels, AcceleratorStream stream, in Operands operands, ArrayView<float> workspace, int images);

    /// <summary>Floats that it needs besides its operands.</summary>
    protected virtual long WorkspaceLength(IFamilyPlanner planner) => 0;

    /// <summary>Begins to compile what <see cref="Launch"/> needs; the task ends when that is done.</summary>
    protected abstract Task LoadAsync(IKernelFamily kernels);

    private static Epilogue EpilogueOf(EpilogueSpec spec) => new(
        spec.HasResidual ? 1 : 0, spec.ReluBeforeAdd ? 1 : 0, spec.Relu ? 1 : 0,
        spec.Clip is null ? 0 : 1, (float)(spec.Clip?.Min ?? 0), (float)(spec.Clip?.Max ?? 0),
        (int)(spec.Activation?.Kind ?? 0), (float)(spec.Activation?.Alpha ?? 0), (float)(spec.Activation?.Beta ?? 0));

    private static CombineShape CombineShapeOf(CombineNode node, PlanStep step)
    {
        MapShape x = step.Input.Shape, other = step.Second!.Value.Shape;
        return new CombineShape(
            (int)node.Kind, 1, x.H * x.W, x.C, (other.H, other.W) == (x.H, x.W) ? 1 : 0, other.C == x.C ? 1 : 0);
    }

    private sealed class Conv2d(Conv2dShape shape, Conv2dMethod method, EpilogueSpec spec) : StepOperator
    {
        private readonly Epilogue epilogue = EpilogueOf(spec);

        public override void Launch(
            IKernelFamily kernels, AcceleratorStream stream, in Operands operands, ArrayView<float> workspace, int images) =>
            kernels.Conv2d(stream, shape with { N = images }, operands, epilogue, method, workspace);

        protected override long WorkspaceLength(IFamilyPlanner planner) => planner.WorkspaceLength(shape, method);

        protected override Task LoadAsync(IKernelFamily kernels) => kernels.LoadConv2d(
            shape, method, spec.Activation is not null);
    }

    private sealed class Pointwise(MapShape shape, EpilogueSpec spec) : StepOperator
    {
        private readonly Epilogue epilogue = EpilogueOf(spec);

        public override void Launch(
            IKernelFamily kernels, AcceleratorStream stream, in Operands operands, ArrayView<float> workspace, int images) =>
            kernels.Pointwise(stream, images * shape.H * shape.W, shape.C, operands, epilogue);

        protected override Task LoadAsync(IKernelFamily kernels) => kernels.LoadPointwise(
            shape.C, spec.Activation is not null);
    }

    private sealed class MaxPool2d(Pool2dShape shape) : StepOperator
    {
        public override void Launch(
            IKernelFamily kernels, AcceleratorStream stream, in Operands operands, ArrayView<float> workspace, int images) =>
            kernels.MaxPool2d(stream, shape with { N = images }, operands.Input, operands.Output);

        protected override Task LoadAsync(IKernelFamily kernels) => kernels.LoadMaxPool2d(shape.C);
    }

    private sealed class AveragePool2d(Pool2dShape shape) : StepOperator
    {
        public override void Launch(
            IKernelFamily kernels, AcceleratorStream stream, in Operands operands, ArrayView<float> workspace, int images) =>
            kernels.AveragePool2d(stream, shape with { N = images }, operands.Input, operands.Output);

        protected override Task LoadAsync(IKernelFamily kernels) => kernels.LoadAveragePool2d(shape.C);
    }

    private sealed class Softmax(MapShape shape) : StepOperator
    {
        public override void Launch(
            IKernelFamily kernels, AcceleratorStream stream, in Operands operands, ArrayView<float> workspace, int images) =>
            kernels.Softmax(stream, images * shape.H * shape.W, shape.C, operands.Input, operands.Output);

        protected override Task LoadAsync(IKernelFamily kernels) => kernels.LoadSoftmax();
    }

    private sealed class Combine(CombineShape shape, EpilogueSpec spec) : StepOperator
    {
        private readonly Epilogue epilogue = EpilogueOf(spec);

        public override void Launch(
            IKernelFamily kernels, AcceleratorStream stream, in Operands operands, ArrayView<float> workspace, int images) =>
            kernels.Combine(stream, shape with { N = images }, operands, epilogue);

        protected override Task LoadAsync(IKernelFamily kernels) => kernels.LoadCombine(shape.C);
    }

    private sealed class Select(MapShape input, int second, SelectNode node) : StepOperator
    {
        public override void Launch(
            IKernelFamily kernels, AcceleratorStream stream, in Operands operands, ArrayView<float> workspace, int images) =>
            kernels.Select(
                stream, new SelectShape(images * input.H, input.W, second, node.Indices.Length, input.C, (float)node.Value), operands);

        protected override Task LoadAsync(IKernelFamily kernels) => kernels.LoadSelect(input.C);
    }

    private sealed class GroupNorm(MapShape map, GroupNormNode node) : StepOperator
    {
        private readonly Epilogue epilogue = EpilogueOf(node.Epilogue);

        public override void Launch(
            IKernelFamily kernels, AcceleratorStream stream, in Operands operands, ArrayView<float> workspace, int images) =>
            kernels.GroupNorm(
                stream, new GroupNormShape(images, map.H * map.W, map.C, node.Groups, (float)node.Epsilon), operands, epilogue);

        protected override Task LoadAsync(IKernelFamily kernels) => kernels.LoadGroupNorm();
    }

    private sealed class TopK(MapShape map, TopKNode node) : StepOperator
    {
        public override void Launch(
            IKernelFamily kernels, AcceleratorStream stream, in Operands operands, ArrayView<float> workspace, int images) =>
            kernels.TopK(
                stream, images * map.H * map.W, map.C, node.K, node.GivesIndices, operands.Input, operands.Output);

        protected override Task LoadAsync(IKernelFamily kernels) => kernels.LoadTopK();
    }
}
