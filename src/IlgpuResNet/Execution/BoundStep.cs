using System.Collections.Immutable;
using ILGPU;
using ILGPU.Runtime;
using IlgpuResNet.Graphs;
using IlgpuResNet.Kernels;
using IlgpuResNet.Planning;

namespace IlgpuResNet.Execution;

/// <summary>One step of a plan as a run launches it: its operator, bound to device memory. Launching allocates nothing.</summary>
internal sealed class BoundStep
{
    private readonly IKernelFamily kernels;
    private readonly StepOperator operation;
    private readonly BoundTensor input;
    private readonly BoundTensor residual;
    private readonly BoundTensor second;
    private readonly bool joins;
    private readonly BoundTensor output;
    private readonly NodeWeights weights;
    private readonly ArrayView<float> workspace;

    /// <summary>Binds a step.</summary>
    /// <param name="kernels">The device's kernels.</param>
    /// <param name="step">The step.</param>
    /// <param name="operation">Its operator.</param>
    /// <param name="arena">The plan's tensors.</param>
    /// <param name="workspace">Memory that steps use one after the other.</param>
    /// <param name="weights">The constants of its node; the default where it has none.</param>
    public BoundStep(
        IKernelFamily kernels, PlanStep step, StepOperator operation, ArrayView<float> arena, ArrayView<float> workspace,
        NodeWeights weights)
    {
        this.kernels = kernels;
        this.operation = operation;
        this.workspace = workspace;
        this.weights = weights;
        input = BoundTensor.Create(arena, step.Input);
        residual = step.Residual is { } slot ? BoundTensor.Create(arena, slot) : default;
        second = step.Second is { } other ? BoundTensor.Create(arena, other) : default;
        joins = step.Node is SelectNode;
        output = BoundTensor.Create(arena, step.Output);
    }

    /// <summary>The steps of a plan.</summary>
    public static ImmutableArray<BoundStep> Create(
        IKernelFamily kernels, ExecutionPlan plan, StepOperator[] operators, ArrayView<float> arena, ArrayView<float> workspace,
        DeviceWeights weights)
    {
        var steps = new BoundStep[operators.Length];
        for (int i = 0; i < steps.Length; i++)
        {
            PlanStep step = plan.Steps[i];
            NodeWeights constants = step.Node is EpilogueNode or SelectNode ? weights[step.Node] : default;
            steps[i] = new BoundStep(kernels, step, operators[i], arena, workspace, constants);
        }
        return [.. steps];
    }

    /// <summary>Enqueues the step for some images of the batch.</summary>
    /// <param name="stream">Where it is enqueued.</param>
    /// <param name="first">The first image.</param>
    /// <param name="count">Images.</param>
    public void Launch(AcceleratorStream stream, int first, int count)
    {
        var operands = new Operands(
            input.From(first), second.Images == 0 || joins ? weights.Filter : second.From(first), weights.Scale, weights.Shift,
            From(joins ? second : residual), output.From(first));
        operation.Launch(kernels, stream, operands, workspace, count);

        ArrayView<float> From(BoundTensor tensor) => tensor.Images == 0 ? default : tensor.From(first);
    }

    /// <summary>A tensor in the arena.</summary>
    /// <param name="Memory">All its images.</param>
    /// <param name="Length">Elements of one image.</param>
    /// <param name="Images">Images it has room for; 0 where there is no tensor.</param>
    private readonly record struct BoundTensor(ArrayView<float> Memory, long Length, int Images)
    {
        public static BoundTensor Create(ArrayView<float> arena, TensorSlot slot) =>
            new(arena.SubView(slot.Offset, slot.Shape.Count * slot.Images), slot.Shape.Count, slot.Images);

        /// <summary>
        /// The memory from an image of the batch on. Where there is room for fewer images than the batch, each portion of the batch
        /// overwrites the one before.
        /// </summary>
        public ArrayView<float> From(int image) => image % Images == 0 ? Memory : Memory.SubView(image % Images * Length);
    }
}
