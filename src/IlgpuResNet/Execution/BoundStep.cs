using System.Diagnostics;
using ILGPU;
using ILGPU.Runtime;
using IlgpuResNet.Graphs;
using IlgpuResNet.Kernels;

namespace IlgpuResNet.Execution;

/// <summary>One step of a plan bound to device memory and a kernel family. Launching allocates nothing.</summary>
internal abstract class BoundStep(IKernelFamily kernels)
{
    protected IKernelFamily Kernels { get; } = kernels;

    /// <summary>Enqueues the step for the first images of the batch.</summary>
    public abstract void Launch(AcceleratorStream stream, int batch);

    public static BoundStep Create(IKernelFamily kernels, PlanStep step, ArrayView<float> arena, DeviceWeights weights, int maxBatch)
    {
        ArrayView<float> View(TensorSlot slot) => arena.SubView(slot.Offset, slot.Shape.Count * maxBatch);
        MapShape x = step.Input.Shape, y = step.Output.Shape;
        if (step.Node is EpilogueNode node)
        {
            NodeWeights constants = weights[node];
            var operands = new Operands(
                View(step.Input), constants.Filter, constants.Scale, constants.Shift,
                step.Residual is { } residual ? View(residual) : default,
                View(step.Output));
            EpilogueSpec spec = node.Epilogue;
            var epilogue = new Epilogue(spec.HasResidual ? 1 : 0, spec.ReluBeforeAdd ? 1 : 0, spec.Relu ? 1 : 0);
            return node switch
            {
                Conv2dNode conv => new ConvStep(kernels, operands, epilogue, new Conv2dShape(
                    1, x.H, x.W, x.C, y.C, conv.Weight.Shape[2], conv.Weight.Shape[3], conv.Stride, conv.Stride, conv.Pad, conv.Pad, y.H, y.W)),
                LinearNode => new ConvStep(kernels, operands, epilogue, Conv2dShape.Linear(1, x.C, y.C)),
                PointwiseNode => new PointwiseStep(kernels, operands, epilogue, y),
                _ => throw new UnreachableException(node.GetType().Name),
            };
        }
        return step.Node switch
        {
            Pool2dNode pool => new PoolStep(kernels, pool.Kind, View(step.Input), View(step.Output), new Pool2dShape(
                1, x.H, x.W, x.C, pool.Window ?? x.H, pool.Window ?? x.W, pool.Stride, pool.Stride, pool.Pad, pool.Pad, y.H, y.W)),
            SoftmaxNode => new SoftmaxStep(kernels, View(step.Input), View(step.Output), y.C),
            _ => throw new GraphException($"{step.Node.Name}: {step.Node.GetType().Name} must be lowered before it can run; optimise the graph first."),
        };
    }

    private sealed class ConvStep(IKernelFamily kernels, Operands operands, Epilogue epilogue, Conv2dShape shape) : BoundStep(kernels)
    {
        public override void Launch(AcceleratorStream stream, int batch) => Kernels.Conv2d(stream, shape with { N = batch }, operands, epilogue);
    }

    private sealed class PointwiseStep(IKernelFamily kernels, Operands operands, Epilogue epilogue, MapShape shape) : BoundStep(kernels)
    {
        public override void Launch(AcceleratorStream stream, int batch) =>
            Kernels.Pointwise(stream, batch * shape.H * shape.W, shape.C, operands, epilogue);
    }

    private sealed class PoolStep(IKernelFamily kernels, PoolKind kind, ArrayView<float> input, ArrayView<float> output, Pool2dShape shape) : BoundStep(kernels)
    {
        public override void Launch(AcceleratorStream stream, int batch)
        {
            Pool2dShape pool = shape with { N = batch };
            if (kind is PoolKind.Max) Kernels.MaxPool2d(stream, pool, input, output);
            else Kernels.AveragePool2d(stream, pool, input, output);
        }
    }

    private sealed class SoftmaxStep(IKernelFamily kernels, ArrayView<float> input, ArrayView<float> output, int classes) : BoundStep(kernels)
    {
        public override void Launch(AcceleratorStream stream, int batch) => Kernels.Softmax(stream, batch, classes, input, output);
    }
}
