using System.Collections.Immutable;
using IlgpuResNet.Graphs;

namespace IlgpuResNet.Onnx;

/// <summary>Convolutions and pools: windows that move over a map.</summary>
internal sealed partial class OnnxExporter
{
    private void WriteConv(Conv2dNode conv)
    {
        ImmutableArray<string> constants = conv.Bias is { } bias ? [Float(conv.Weight), Float(bias)] : [Float(conv.Weight)];
        Conv2dNode padded = conv.Window is { CeilMode: false } ? conv : throw Unsupported(conv, "a convolution with ceil_mode");
        if (NeedsPadNode(conv.Window)) padded = conv with { Inputs = [Pad(conv, conv.Window.Pad, 0)], Window = conv.Window with { Pad = default } };
        Add(padded, "Conv", constants, [.. WindowAttributes(padded.Window, conv.Weight.Shape[2], conv.Weight.Shape[3]), Attribute("group", conv.Groups)]);
    }

    private void WritePool(Pool2dNode pool)
    {
        bool isMax = pool.Kind is PoolKind.Max;
        if (pool.Kernel is not var (r, s))
        {
            Add(pool, isMax ? "GlobalMaxPool" : "GlobalAveragePool");
            return;
        }
        SlidingWindow window = pool.Window;
        bool paddingHasValue = isMax && !double.IsNegativeInfinity(pool.PadValue);
        Pool2dNode padded = pool;
        if (NeedsPadNode(window) || paddingHasValue)
        {
            // Padding that is a part of the map cannot be told from the map: not where windows are counted by what is padding, nor
            // where padding must not count in a mean.
            bool cuts = window.Pad is { Top: <= 0, Left: <= 0, Bottom: <= 0, Right: <= 0 };
            if (window.CeilMode || (!isMax && !cuts && !pool.CountIncludePad) || (paddingHasValue && window.AutoPad is not AutoPad.None))
                throw Unsupported(pool, "this padding of a pool");
            padded = pool with { Inputs = [Pad(pool, window.Pad, isMax ? pool.PadValue : 0)], Window = window with { Pad = default } };
        }
        List<OnnxAttribute> attributes = WindowAttributes(padded.Window, r, s);
        attributes.Add(Attribute("ceil_mode", window.CeilMode ? 1 : 0));
        if (!isMax)
        {
            if (window is not { DilationH: 1, DilationW: 1 }) throw Unsupported(pool, "an average pool with dilation");
            attributes.RemoveAll(attribute => attribute.Name == "dilations");
            attributes.Add(Attribute("count_include_pad", pool.CountIncludePad ? 1 : 0));
        }
        Add(padded, isMax ? "MaxPool" : "AveragePool", [], [.. attributes]);
    }

    /// <summary>ONNX's windows have no negative padding, and none beside auto_pad.</summary>
    private static bool NeedsPadNode(SlidingWindow window) =>
        window.Pad is { Top: < 0 } or { Left: < 0 } or { Bottom: < 0 } or { Right: < 0 }
        || (window.AutoPad is not AutoPad.None && window.Pad != default);

    private string Pad(Node node, Padding pad, double value)
    {
        string name = $"{node.Name}/pad";
        string pads = Constant($"{name}/pads", Attribute("value_ints", [0, 0, pad.Top, pad.Left, 0, 0, pad.Bottom, pad.Right]));
        string constant = Constant($"{name}/value", Attribute("value_float", (float)value));
        Add(name, "Pad", [node.Inputs[0], pads, constant], name, Attribute("mode", "constant"));
        return name;
    }

    private static List<OnnxAttribute> WindowAttributes(SlidingWindow window, int r, int s) =>
    [
        Attribute("kernel_shape", [r, s]),
        Attribute("strides", [window.StrideH, window.StrideW]),
        Attribute("dilations", [window.DilationH, window.DilationW]),
        window.AutoPad switch
        {
            AutoPad.SameUpper => Attribute("auto_pad", "SAME_UPPER"),
            AutoPad.SameLower => Attribute("auto_pad", "SAME_LOWER"),
            _ => Attribute("pads", [window.Pad.Top, window.Pad.Left, window.Pad.Bottom, window.Pad.Right]),
        },
    ];
}
