using System.Globalization;

namespace IlgpuResNet.Graphs;

/// <summary>Pixels added around a map; negative numbers remove pixels.</summary>
/// <param name="Top">Rows above.</param>
/// <param name="Left">Columns to the left.</param>
/// <param name="Bottom">Rows below.</param>
/// <param name="Right">Columns to the right.</param>
public readonly record struct Padding(int Top, int Left, int Bottom, int Right)
{
    /// <summary>Makes padding that is equal on all sides.</summary>
    public static Padding Same(int pixels) => new(pixels, pixels, pixels, pixels);

    /// <summary>Adds another padding around this one.</summary>
    /// <exception cref="OverflowException">A side reaches 2^31 pixels.</exception>
    public Padding Plus(Padding other) =>
        checked(new(Top + other.Top, Left + other.Left, Bottom + other.Bottom, Right + other.Right));
}

/// <summary>
/// Padding computed from the size of the map (ONNX, <c>auto_pad</c>), so that the output size is the map's size divided by the stride,
/// rounded up.
/// </summary>
public enum AutoPad
{
    /// <summary>The stated padding only.</summary>
    None,

    /// <summary>An odd pixel of padding goes below and to the right.</summary>
    SameUpper,

    /// <summary>An odd pixel of padding goes above and to the left.</summary>
    SameLower,
}

/// <summary>Movement of the window of a convolution or pooling over a map.</summary>
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

    /// <summary>Padding of the map; <see cref="AutoPad"/> adds to it.</summary>
    public Padding Pad { get; init; }

    /// <summary>Padding computed from the size of the map.</summary>
    public AutoPad AutoPad { get; init; }

    /// <summary>
    /// True when a last window that extends beyond the padding counts, if it starts inside the map or its leading padding (PyTorch,
    /// <c>ceil_mode</c>).
    /// </summary>
    public bool CeilMode { get; init; }

    /// <summary>Makes a window with equal stride, padding and dilation on both axes.</summary>
    public static SlidingWindow Create(int stride = 1, int pad = 0, int dilation = 1) => new()
    {
        StrideH = stride,
        StrideW = stride,
        DilationH = dilation,
        DilationW = dilation,
        Pad = Padding.Same(pad),
    };

    /// <summary>Returns the number of windows over a map and the total padding, or null when not even one window fits.</summary>
    /// <param name="input">The map.</param>
    /// <param name="r">Height of the window, in taps.</param>
    /// <param name="s">Width of the window, in taps.</param>
    internal (int P, int Q, Padding Pad)? Place(MapShape input, int r, int s)
    {
        if (PlaceAxis(input.H, r, StrideH, DilationH, Pad.Top, Pad.Bottom) is not { } vertical) return null;
        if (PlaceAxis(input.W, s, StrideW, DilationW, Pad.Left, Pad.Right) is not { } horizontal) return null;
        return (vertical.Count, horizontal.Count, new Padding(vertical.Before, horizontal.Before, vertical.After, horizontal.After));
    }

    /// <summary>Describes the smallest map that a window of r x s taps fits into, for messages.</summary>
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
        // One more window covers the remainder, unless it would start beyond the map and its leading padding.
        if (CeilMode && room % stride != 0 && count * stride < (long)size + before + Math.Min(after, 0)) count++;
        return count <= int.MaxValue ? ((int)count, before, after) : null;
    }
}
