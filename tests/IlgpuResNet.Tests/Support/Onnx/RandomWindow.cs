using IlgpuResNet.Onnx;
using static IlgpuResNet.Tests.RandomOnnxGraph;

namespace IlgpuResNet.Tests;

/// <summary>A window of a convolution or pool that fits a map, and how many there are, by ONNX's formulas.</summary>
internal sealed record RandomWindow(
    int R, int S, int StrideH, int StrideW, int DilationH, int DilationW, int[] Pads, string AutoPad, bool Ceil, int P, int Q)
{
    public static RandomWindow Fixed(RandomMap x, int taps, int stride, int pad) => new(
        taps, taps, stride, stride, 1, 1, [pad, pad, pad, pad], "NOTSET", false, (x.H + 2 * pad - taps) / stride + 1,
        (x.W + 2 * pad - taps) / stride + 1);

    public static RandomWindow Create(RandomOnnxGraph graph, RandomMap x, int r, int s, bool dilates, bool ceils)
    {
        Random random = graph.Random;
        (int h, int w) = dilates && graph.Chance(30) ? (random.Next(1, 3), random.Next(1, 3)) : (1, 1);
        if ((r - 1) * h + 1 > x.H) (r, h) = (1, 1);
        if ((s - 1) * w + 1 > x.W) (s, w) = (1, 1);
        (int strideH, int strideW) = graph.Chance(50) ? (1, 1) : (random.Next(1, 3), random.Next(1, 3));
        string auto = graph.Chance(25) && (h, w) == (1, 1) ? graph.Pick("SAME_UPPER", "SAME_LOWER", "VALID") : "NOTSET";
        // SAME takes nothing away where the window is smaller than its stride.
        if (auto.StartsWith("SAME", StringComparison.Ordinal)) (strideH, strideW) = (Math.Min(strideH, r), Math.Min(strideW, s));
        int[] pads = auto != "NOTSET" || graph.Chance(30) ? [0, 0, 0, 0] : [random.Next(r), random.Next(s), random.Next(r), random.Next(s)];
        bool ceil = ceils && auto == "NOTSET" && graph.Chance(40)
            && StartsInside(x.H, (r - 1) * h + 1, strideH, pads[0], pads[2])
            && StartsInside(x.W, (s - 1) * w + 1, strideW, pads[1], pads[3]);
        return new RandomWindow(
            r, s, strideH, strideW, h, w, pads, auto, ceil,
            Count(x.H, (r - 1) * h + 1, strideH, pads[0], pads[2], auto, ceil),
            Count(x.W, (s - 1) * w + 1, strideW, pads[1], pads[3], auto, ceil));
    }

    public List<OnnxAttribute> Attributes(RandomOnnxGraph graph, bool statesKernel)
    {
        List<OnnxAttribute> attributes = statesKernel ? [Ints("kernel_shape", R, S)] : [];
        if (graph.Chance(30) || (StrideH, StrideW) != (1, 1)) attributes.Add(Ints("strides", StrideH, StrideW));
        if ((DilationH, DilationW) != (1, 1)) attributes.Add(Ints("dilations", DilationH, DilationW));
        if (AutoPad != "NOTSET") attributes.Add(Text("auto_pad", AutoPad));
        else if (graph.Chance(30) || Pads.Any(pad => pad != 0)) attributes.Add(Ints("pads", Pads[0], Pads[1], Pads[2], Pads[3]));
        if (Ceil) attributes.Add(Int("ceil_mode", 1));
        return attributes;
    }

    /// <summary>
    /// Whether ceil_mode makes no window in the padding behind the map: ONNX Runtime does not run it, but counts it in the shapes that
    /// follow.
    /// </summary>
    private static bool StartsInside(int size, int extent, int stride, int before, int after) =>
        (Count(size, extent, stride, before, after, "NOTSET", ceil: true) - 1) * stride < size + before;

    private static int Count(int size, int extent, int stride, int before, int after, string auto, bool ceil)
    {
        if (auto is "SAME_UPPER" or "SAME_LOWER") return (size + stride - 1) / stride;
        int room = size + before + after - extent;
        return (ceil ? room + stride - 1 : room) / stride + 1;
    }
}
