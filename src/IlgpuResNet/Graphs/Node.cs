using System.Collections.Immutable;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Graphs;

/// <summary>One operation of a <see cref="Graph"/>. Names are PyTorch module paths, such as <c>layer1.0.conv1</c>.</summary>
public abstract record Node
{
    /// <summary>The module path.</summary>
    public required string Name { get; init; }

    /// <summary>Names of the tensors read.</summary>
    public required ImmutableArray<string> Inputs { get; init; }

    /// <summary>Name of the tensor written.</summary>
    public required string Output { get; init; }

    /// <summary>Shape of the output for the given inputs.</summary>
    /// <exception cref="GraphException">The inputs do not fit this node.</exception>
    public abstract MapShape InferShape(ReadOnlySpan<MapShape> inputs);

    /// <summary>Multiply-accumulates per image.</summary>
    public virtual long Macs(MapShape input, MapShape output) => 0;

    private protected GraphException Mismatch(string expected, MapShape found) =>
        new($"{Name}: expected {expected}, but its input is {found}. Check the weights against the network, and the size of the image.");
}

/// <summary>A node that applies an <see cref="EpilogueSpec"/> to what it computes; its second input, if any, is the residual.</summary>
public abstract record EpilogueNode : Node
{
    /// <summary>What is done before the store.</summary>
    public EpilogueSpec Epilogue { get; init; } = EpilogueSpec.Identity;

    /// <summary>The weight that the node reduces over, or null when it reduces nothing.</summary>
    public virtual StateTensor? Filter => null;

    private protected MapShape CheckResidual(ReadOnlySpan<MapShape> inputs, MapShape output) =>
        inputs.Length == 1 || inputs[1] == output ? output : throw Mismatch($"a residual of the output's shape {output}", inputs[1]);
}

/// <summary>2-D convolution with a filter <c>[K, C, R, S]</c>, the same stride and zero padding on both axes.</summary>
public sealed record Conv2dNode : EpilogueNode
{
    /// <summary>The filter, <c>[K, C, R, S]</c>.</summary>
    public required StateTensor Weight { get; init; }

    /// <summary>Summand per output channel <c>[K]</c>, or null.</summary>
    public StateTensor? Bias { get; init; }

    /// <inheritdoc/>
    public override StateTensor Filter => Weight;

    /// <summary>Step between windows, in pixels.</summary>
    public required int Stride { get; init; }

    /// <summary>Zeros on each side, in pixels.</summary>
    public required int Pad { get; init; }

    /// <inheritdoc/>
    public override MapShape InferShape(ReadOnlySpan<MapShape> inputs)
    {
        MapShape x = inputs[0];
        if (x.C != Weight.Shape[1]) throw Mismatch($"{Weight.Shape[1]} channels", x);
        int p = Extent(x.H, Weight.Shape[2], x), q = Extent(x.W, Weight.Shape[3], x);
        return CheckResidual(inputs, new MapShape(p, q, Weight.Shape[0]));
    }

    private int Extent(int size, int window, MapShape input) =>
        size + 2L * Pad >= window ? checked((int)((size + 2L * Pad - window) / Stride + 1)) : throw Mismatch($"at least {window - 2 * Pad} pixels per side", input);

    /// <inheritdoc/>
    public override long Macs(MapShape input, MapShape output) => output.Count * Weight.Shape[1] * Weight.Shape[2] * Weight.Shape[3];
}

/// <summary>Fully connected layer with a weight <c>[out, in]</c>.</summary>
public sealed record LinearNode : EpilogueNode
{
    /// <summary>The weight, <c>[out, in]</c>.</summary>
    public required StateTensor Weight { get; init; }

    /// <summary>Summand per output <c>[out]</c>, or null.</summary>
    public StateTensor? Bias { get; init; }

    /// <inheritdoc/>
    public override StateTensor Filter => Weight;

    /// <inheritdoc/>
    public override MapShape InferShape(ReadOnlySpan<MapShape> inputs)
    {
        var expected = new MapShape(1, 1, Weight.Shape[1]);
        if (inputs[0] != expected) throw Mismatch($"{expected.C} features {expected}", inputs[0]);
        return CheckResidual(inputs, new MapShape(1, 1, Weight.Shape[0]));
    }

    /// <inheritdoc/>
    public override long Macs(MapShape input, MapShape output) => input.Count * output.Count;
}

/// <summary>An epilogue with nothing before it: a batch norm, ReLU or residual add that no convolution took up.</summary>
public sealed record PointwiseNode : EpilogueNode
{
    /// <inheritdoc/>
    public override MapShape InferShape(ReadOnlySpan<MapShape> inputs)
    {
        if (Epilogue.Scale is { } scale && scale.Length != inputs[0].C) throw Mismatch($"{scale.Length} channels", inputs[0]);
        return CheckResidual(inputs, inputs[0]);
    }
}

/// <summary>Batch normalisation with running statistics: <c>(x - mean) / sqrt(var + eps) * weight + bias</c> (Ioffe and Szegedy 2015).</summary>
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

    /// <summary>Added to the variance.</summary>
    public required double Epsilon { get; init; }

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
    /// <summary>The largest value of the window.</summary>
    Max,

    /// <summary>The mean of the window.</summary>
    Average,
}

/// <summary>Pooling with a square window, or over the whole map when <see cref="Window"/> is null (adaptive pooling to 1x1).</summary>
public sealed record Pool2dNode : Node
{
    /// <summary>Maximum or mean.</summary>
    public required PoolKind Kind { get; init; }

    /// <summary>Side of the window in pixels, or null for the whole map.</summary>
    public int? Window { get; init; }

    /// <summary>Step between windows, in pixels.</summary>
    public int Stride { get; init; } = 1;

    /// <summary>Padding on each side, in pixels; it never counts.</summary>
    public int Pad { get; init; }

    private int Extent(int size, int window) => checked((int)((size + 2L * Pad - window) / Stride + 1));

    /// <inheritdoc/>
    public override MapShape InferShape(ReadOnlySpan<MapShape> inputs)
    {
        MapShape x = inputs[0];
        if (Window is not { } window) return new MapShape(1, 1, x.C);
        if (Math.Min(x.H, x.W) + 2L * Pad < window) throw Mismatch($"a map of at least {window - 2 * Pad}x{window - 2 * Pad}", x);
        return new MapShape(Extent(x.H, window), Extent(x.W, window), x.C);
    }
}

/// <summary>Softmax over the channels of a vector.</summary>
public sealed record SoftmaxNode : Node
{
    /// <inheritdoc/>
    public override MapShape InferShape(ReadOnlySpan<MapShape> inputs) => inputs[0];
}
