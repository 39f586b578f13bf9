using System.Globalization;

namespace IlgpuResNet.Graphs;

/// <summary>What is added around a map, in pixels; a negative number takes pixels away.</summary>
/// <param name="Top">Rows above.</param>
/// <param name="Left">Columns to the left.</param>
/// <param name="Bottom">Rows below.</param>
/// <param name="Right">Columns to the right.</param>
public readonly record struct Padding(int Top, int Left, int Bottom, int Right)
{
    /// <summary>The same on all sides.</summary>
    public static Padding Same(int pixels) => new(pixels, pixels, pixels, pixels);

    /// <summary>This padding and another one around it.</summary>
    /// <exception cref="OverflowException">A side reaches 2^31 pixels.</exception>
    public Padding Plus(Padding other) =>
        checked(new(Top + other.Top, Left + other.Left, Bottom + other.Bottom, Right + other.Right));
}

/// <summary>Padding that follows from the size of the map (ONNX, <c>auto_pad</c>): as many outputs as the map has strides.</summary>
public enum AutoPad
{
    /// <summary>Only the padding that is stated.</summary>
    None,

    /// <summary>An odd pixel is added below and to the right.</summary>
    SameUpper,

    /// <summary>An odd pixel is added above and to the left.</summary>
    SameLower,
}

/// <summary>How the window of a convolution or pooling moves over a map.</summary>
public sealed record SlidingWindow
{
    /// <summary>Rows from one window to the next.</summary>
    public int StrideH { get; init; } = 1;

    /// <summary>Columns from one window to the next.</summary>
    public int StrideW { get; init; } = 1;

    /// <summary>Rows from one tap of the window to the next.</summary>
    public int DilationH { get; init; } = 1;

    /// <summary>Columns from one tap of the window to the next.</summary>
    public int DilationW { get; init; } = 1;

    /// <summary>Padding of the map; with <see cref="AutoPad"/> it comes on top of that.</summary>
    public Padding Pad { get; init; }

    /// <summary>Padding that follows from the size of the map.</summary>
    public AutoPad AutoPad { get; init; }

    /// <summary>True when a last window that reaches past the padding counts, if it starts before its end (PyTorch, <c>ceil_mode</c>).</summary>
    public bool CeilMode { get; init; }

    /// <summary>The same stride, padding and dilation on both axes.</summary>
    public static SlidingWindow Create(int stride = 1, int pad = 0, int dilation = 1) => new()
    {
        StrideH = stride,
        StrideW = stride,
        DilationH = dilation,
        DilationW = dilation,
        Pad = Padding.Same(pad),
    };

    /// <summary>How many windows there are over a map, and all padding, or null when not even one fits.</summary>
    /// <param name="input">The map.</param>
    /// <param name="r">Height of the window, in taps.</param>
    /// <param name="s">Width of the window, in taps.</param>
    internal (int P, int Q, Padding Pad)? Place(MapShape input, int r, int s)
    {
        if (PlaceAxis(input.H, r, StrideH, DilationH, Pad.Top, Pad.Bottom) is not { } vertical) return null;
        if (PlaceAxis(input.W, s, StrideW, DilationW, Pad.Left, Pad.Right) is not { } horizontal) return null;
        return (vertical.Count, horizontal.Count, new Padding(vertical.Before, horizontal.Before, vertical.After, horizontal.After));
    }

    /// <summary>The smallest map that a window of r x s taps fits into, for messages.</summary>
    internal string Smallest(int r, int s) => string.Create(
        CultureInfo.InvariantCulture,
        $"a map of at least {(r - 1L) * DilationH + 1 - Pad.Top - Pad.Bottom}x{(s - 1L) * DilationW + 1 - Pad.Left - Pad.Right}");

    private (int Count, int Before, int After)? PlaceAxis(int size, int taps, int stride, int dilation, int before, int after)
    {
        long extent = (taps - 1L) * dilation + 1;
        if (AutoPad is not AutoPad.None)
        {
            long padded = (long)size + before + after;
            long missing = Math.Max(((padded + stride - 1) / stride - 1) * stride + extent - padded, 0);
            if (padded < 1 || missing > int.MaxValue / 2) return null;
            before += (int)(AutoPad is AutoPad.SameUpper ? missing / 2 : missing - missing / 2);
            after += (int)(AutoPad is AutoPad.SameUpper ? missing - missing / 2 : missing / 2);
        }
        long room = (long)size + before + after - extent;
        if (room < 0) return null;
        long count = room / stride + 1;
        // A window more for what is left over, unless it would start behind the map and its leading padding.
        if (CeilMode && room % stride != 0 && count * stride < (long)size + before + Math.Min(after, 0)) count++;
        return count <= int.MaxValue ? ((int)count, before, after) : null;
    }
}
