using IlgpuResNet.Weights;

namespace IlgpuResNet.Graphs;

/// <summary>
/// Batch normalisation with running statistics: <c>(x - mean) / sqrt(var + eps) * weight + bias</c> (Ioffe and Szegedy 2015).
/// </summary>
public sealed record BatchNormNode : Node
{
    /// <summary>Gamma <c>[C]</c>.</summary>
    public required StateTensor Weight { get; init; }

    /// <summary>Beta <c>[C]</c>.</summary>
    public required StateTensor Bias { get; init; }

    /// <summary>Running mean <c>[C]</c>.</summary>
    public required StateTensor RunningMean { get; init; }

    /// <summary>Running variance <c>[C]</c>.</summary>
    public required StateTensor RunningVar { get; init; }

    /// <summary>Constant added to the variance, eps.</summary>
    public required double Epsilon { get; init; }

    /// <summary>
    /// Rewrites the operation as <c>x * scale + shift</c>: scale = weight / sqrt(var + eps), shift = bias - mean * scale, in double.
    /// </summary>
    internal static (double[] Scale, double[] Shift) Fold(double[] weight, double[] bias, double[] mean, double[] variance, double epsilon)
    {
        double[] scale = new double[weight.Length], shift = new double[weight.Length];
        for (int c = 0; c < scale.Length; c++)
        {
            scale[c] = weight[c] / Math.Sqrt(variance[c] + epsilon);
            shift[c] = bias[c] - mean[c] * scale[c];
        }
        return (scale, shift);
    }

    /// <summary>Computes scale and shift of this node.</summary>
    internal (double[] Scale, double[] Shift) Fold() =>
        Fold(Weight.ToDoubleArray(), Bias.ToDoubleArray(), RunningMean.ToDoubleArray(), RunningVar.ToDoubleArray(), Epsilon);

    /// <inheritdoc/>
    public override MapShape InferShape(ReadOnlySpan<MapShape> inputs) =>
        inputs[0].C == Weight.Shape[0] ? inputs[0] : throw Mismatch($"{Weight.Shape[0]} channels", inputs[0]);
}

/// <summary><c>max(x, 0)</c>.</summary>
public sealed record ReluNode : Node
{
    /// <inheritdoc/>
    public override MapShape InferShape(ReadOnlySpan<MapShape> inputs) => inputs[0];
}

/// <summary><c>min(max(x, Min), Max)</c> (ONNX, <c>Clip</c>); ReLU6 has 0 and 6.</summary>
public sealed record ClipNode : Node
{
    /// <summary>Lower limit.</summary>
    public required double Min { get; init; }

    /// <summary>Upper limit.</summary>
    public required double Max { get; init; }

    /// <inheritdoc/>
    public override MapShape InferShape(ReadOnlySpan<MapShape> inputs) => inputs[0];
}

/// <summary>Sum of two tensors of one shape.</summary>
public sealed record AddNode : Node
{
    /// <inheritdoc/>
    public override MapShape InferShape(ReadOnlySpan<MapShape> inputs) =>
        inputs[0] == inputs[1] ? inputs[0] : throw Mismatch($"two inputs of one shape {inputs[0]}", inputs[1]);
}

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

/// <summary>Softmax over the channels of every pixel.</summary>
public sealed record SoftmaxNode : Node
{
    /// <inheritdoc/>
    public override MapShape InferShape(ReadOnlySpan<MapShape> inputs) => inputs[0];
}

/// <summary>Reads a tensor as another shape: <c>[H, W, C]</c> in row-major order. Copies nothing.</summary>
public sealed record ViewNode : Node
{
    /// <summary>Shape of the output.</summary>
    public required MapShape Shape { get; init; }

    /// <inheritdoc/>
    public override MapShape InferShape(ReadOnlySpan<MapShape> inputs) =>
        inputs[0].Count == Shape.Count ? Shape : throw Mismatch($"{Shape.Count} elements", inputs[0]);
}
