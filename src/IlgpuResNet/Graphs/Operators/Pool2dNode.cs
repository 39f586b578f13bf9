namespace IlgpuResNet.Graphs;

/// <summary>Kinds of pooling.</summary>
public enum PoolKind
{
    /// <summary>Maximum of the window.</summary>
    Max,

    /// <summary>Mean of the window.</summary>
    Average,
}

/// <summary>Pooling with a window, or over the whole map when <see cref="Kernel"/> is null (adaptive pooling to 1x1).</summary>
public sealed record Pool2dNode : Node
{
    /// <summary>Operation over the window: maximum or mean.</summary>
    public required PoolKind Kind { get; init; }

    /// <summary>Height and width of the window in taps, or null for the whole map.</summary>
    public (int R, int S)? Kernel { get; init; }

    /// <summary>Stride, dilation and padding.</summary>
    public SlidingWindow Window { get; init; } = new();

    /// <summary>True when padding counts in the divisor of a mean (PyTorch and ONNX, <c>count_include_pad</c>).</summary>
    public bool CountIncludePad { get; init; }

    /// <summary>Value of the padding in a maximum; minus infinity never wins.</summary>
    public double PadValue { get; init; } = double.NegativeInfinity;

    /// <inheritdoc/>
    public override MapShape InferShape(ReadOnlySpan<MapShape> inputs)
    {
        MapShape x = inputs[0];
        if (Kernel is not var (r, s)) return new MapShape(1, 1, x.C);
        if (Window.Place(x, r, s) is not { } place) throw Mismatch(Window.Smallest(r, s), x);
        return new MapShape(place.P, place.Q, x.C);
    }
}
