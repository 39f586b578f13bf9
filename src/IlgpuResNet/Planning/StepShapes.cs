using IlgpuResNet.Graphs;
using IlgpuResNet.Kernels;

namespace IlgpuResNet.Planning;

/// <summary>The problem sizes of a plan's steps for one image, as kernels take them.</summary>
internal static class StepShapes
{
    /// <summary>The convolution of a step; the default shape when the step is none. A linear layer is a 1x1 convolution.</summary>
    public static Conv2dShape Conv2d(PlanStep step)
    {
        MapShape x = step.Input.Shape;
        return step.Node switch
        {
            Conv2dNode conv => Of(conv, x),
            LinearNode => Conv2dShape.Create(1, x.H, x.W, x.C, step.Output.Shape.C, 1, 1, 1, 0),
            _ => default,
        };
    }

    /// <summary>A pool over an input.</summary>
    public static Pool2dShape Pool2d(Pool2dNode pool, MapShape x)
    {
        if (pool.Kernel is not var (r, s)) return Pool2dShape.Global(1, x.H, x.W, x.C);
        SlidingWindow window = pool.Window;
        (int p, int q, Padding pad) = window.Place(x, r, s)!.Value;
        return new Pool2dShape(
            1, x.H, x.W, x.C, r, s, window.StrideH, window.StrideW, pad.Top, pad.Left, p, q,
            window.DilationH, window.DilationW, pad.Bottom, pad.Right, pool.CountIncludePad ? 1 : 0, (float)pool.PadValue);
    }

    private static Conv2dShape Of(Conv2dNode conv, MapShape x)
    {
        int r = conv.Weight.Shape[2], s = conv.Weight.Shape[3];
        SlidingWindow window = conv.Window;
        (int p, int q, Padding pad) = window.Place(x, r, s)!.Value;
        return new Conv2dShape(
            1, x.H, x.W, x.C, conv.Weight.Shape[0], r, s, window.StrideH, window.StrideW, pad.Top, pad.Left, p, q,
            window.DilationH, window.DilationW, conv.Groups);
    }
}
