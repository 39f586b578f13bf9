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
            var epilogue = new Epilogue(
                spec.HasResidual ? 1 : 0, spec.ReluBeforeAdd ? 1 : 0, spec.Relu ? 1 : 0,
                spec.Clip is null ? 0 : 1, (float)(spec.Clip?.Min ?? 0), (float)(spec.Clip?.Max ?? 0));
            return node switch
            {
                Conv2dNode or LinearNode => new ConvStep(kernels, operands, epilogue, ConvShape(step), constants.Algorithm),
                PointwiseNode => new PointwiseStep(kernels, operands, epilogue, y),
                _ => throw new UnreachableException(node.GetType().Name),
            };
        }
        return step.Node switch
        {
            Pool2dNode pool => new PoolStep(kernels, pool.Kind, View(step.Input), View(step.Output), ShapeOf(pool, x)),
            SoftmaxNode => new SoftmaxStep(kernels, View(step.Input), View(step.Output), y.H * y.W, y.C),
            _ => throw new GraphException($"{step.Node.Name}: {step.Node.GetType().Name} must be lowered before it can run; optimise the graph first."),
        };
    }

    /// <summary>The convolution of a step for one image; the default shape when it is none.</summary>
    public static Conv2dShape ConvShape(PlanStep step)
    {
        MapShape x = step.Input.Shape;
        return step.Node switch
        {
            Conv2dNode conv => ShapeOf(conv, x),
            LinearNode => Conv2dShape.Create(1, x.H, x.W, x.C, step.Output.Shape.C, 1, 1, 1, 0),
            _ => default,
        };
    }

    private static Conv2dShape ShapeOf(Conv2dNode conv, MapShape x)
    {
        int r = conv.Weight.Shape[2], s = conv.Weight.Shape[3];
        SlidingWindow window = conv.Window;
        (int p, int q, Padding pad) = window.Place(x, r, s)!.Value;
        return new Conv2dShape(
            1, x.H, x.W, x.C, conv.Weight.Shape[0], r, s, window.StrideH, window.StrideW, pad.Top, pad.Left, p, q,
            window.DilationH, window.DilationW, conv.Groups);
    }

    private static Pool2dShape ShapeOf(Pool2dNode pool, MapShape x)
    {
        if (pool.Kernel is not var (r, s)) return Pool2dShape.Global(1, x.H, x.W, x.C);
        SlidingWindow window = pool.Window;
        (int p, int q, Padding pad) = window.Place(x, r, s)!.Value;
        return new Pool2dShape(
            1, x.H, x.W, x.C, r, s, window.StrideH, window.StrideW, pad.Top, pad.Left, p, q,
            window.DilationH, window.DilationW, pad.Bottom, pad.Right, pool.CountIncludePad ? 1 : 0, (float)pool.PadValue);
    }

    private sealed class ConvStep(IKernelFamily kernels, Operands operands, Epilogue epilogue, Conv2dShape shape, Conv2dAlgorithm algorithm)
        : BoundStep(kernels)
    {
        public override void Launch(AcceleratorStream stream, int batch) =>
            Kernels.Conv2d(stream, shape with { N = batch }, operands, epilogue, algorithm);
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

    private sealed class SoftmaxStep(IKernelFamily kernels, ArrayView<float> input, ArrayView<float> output, int pixels, int classes) : BoundStep(kernels)
    {
        public override void Launch(AcceleratorStream stream, int batch) => Kernels.Softmax(stream, batch * pixels, classes, input, output);
    }
}
