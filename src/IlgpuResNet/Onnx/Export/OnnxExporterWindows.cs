using System.Collections.Immutable;
using IlgpuResNet.Graphs;

namespace IlgpuResNet.Onnx;

/// <content>Convolutions and pools: windows that slide over a map.</content>
internal sealed partial class OnnxExporter
{
    private void WriteConv(Conv2dNode conv)
    {
        if (conv.Window.CeilMode) throw Unsupported(conv, "a convolution with ceil_mode");
        int r = conv.Weight.Shape[2], s = conv.Weight.Shape[3];
        SlidingWindow window = Resolve(conv, conv.Window, r, s);
        (string input, window) = Cut(conv, window);
        ImmutableArray<string> constants = conv.Bias is { } bias ? [Float(conv.Weight), Float(bias)] : [Float(conv.Weight)];
        Add(conv with { Inputs = [input] }, "Conv", constants, [.. Attributes(window, r, s), Attribute("group", conv.Groups)]);
    }

    private void WritePool(Pool2dNode pool)
    {
        bool isMax = pool.Kind is PoolKind.Max;
        if (pool.Kernel is not var (r, s))
        {
            Add(pool, isMax ? "GlobalMaxPool" : "GlobalAveragePool");
            return;
        }
        SlidingWindow window = Resolve(pool, pool.Window, r, s);
        (string input, window) = isMax && !double.IsNegativeInfinity(pool.PadValue) ? PadWithValue(pool, window) : Cut(pool, window);
        List<OnnxAttribute> attributes = Attributes(window, r, s);
        attributes.Add(Attribute("ceil_mode", window.CeilMode ? 1 : 0));
        if (!isMax)
        {
            if (window is not { DilationH: 1, DilationW: 1 }) throw Unsupported(pool, "an average pool with dilation");
            attributes.RemoveAll(attribute => attribute.Name == "dilations");
            attributes.Add(Attribute("count_include_pad", pool.CountIncludePad ? 1 : 0));
        }
        Add(pool with { Inputs = [input] }, isMax ? "MaxPool" : "AveragePool", [], [.. attributes]);
    }

    /// <summary>
    /// Replaces padding that depends on the size of the map by explicit padding where that size is known: ONNX has no auto_pad together
    /// with pads, and ONNX Runtime none together with dilations.
    /// </summary>
    private SlidingWindow Resolve(Node node, SlidingWindow window, int r, int s)
    {
        if (window.AutoPad is AutoPad.None) return window;
        if (!dynamicSize) return window with { Pad = window.Place(shapes[node.Inputs[0]], r, s)!.Value.Pad, AutoPad = AutoPad.None };
        return window is { DilationH: 1, DilationW: 1, CeilMode: false } && window.Pad == default
            ? window
            : throw Unsupported(node, "padding by size together with other padding, dilation or ceil_mode, for images of any size,");
    }

    /// <summary>Writes a node that removes pixels in place of negative padding, which ONNX's windows do not have.</summary>
    private (string Input, SlidingWindow Window) Cut(Node node, SlidingWindow window)
    {
        Padding pad = window.Pad;
        var cut = new Padding(Math.Min(pad.Top, 0), Math.Min(pad.Left, 0), Math.Min(pad.Bottom, 0), Math.Min(pad.Right, 0));
        if (cut == default) return (node.Inputs[0], window);
        var rest = new Padding(pad.Top - cut.Top, pad.Left - cut.Left, pad.Bottom - cut.Bottom, pad.Right - cut.Right);
        return (Pad(node, cut, 0), window with { Pad = rest });
    }

    /// <summary>Writes a node that pads the map before a maximum: ONNX's maximum ignores its own padding.</summary>
    private (string Input, SlidingWindow Window) PadWithValue(Pool2dNode pool, SlidingWindow window)
    {
        if (window is not { CeilMode: false, AutoPad: AutoPad.None })
            throw Unsupported(pool, "padding of a value of its own together with ceil_mode or padding by size");
        return (Pad(pool, window.Pad, pool.PadValue), window with { Pad = default });
    }

    private string Pad(Node node, Padding pad, double value)
    {
        string name = $"{node.Name}/pad";
        string pads = Constant($"{name}/pads", Attribute("value_ints", [0, 0, pad.Top, pad.Left, 0, 0, pad.Bottom, pad.Right]));
        string constant = Constant($"{name}/value", Attribute("value_float", (float)value));
        Add(name, "Pad", [node.Inputs[0], pads, constant], name, Attribute("mode", "constant"));
        return name;
    }

    private static List<OnnxAttribute> Attributes(SlidingWindow window, int r, int s) =>
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
