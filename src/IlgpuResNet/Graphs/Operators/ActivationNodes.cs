using System.Collections.Immutable;

namespace IlgpuResNet.Graphs;

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

/// <summary>A function of each value, such as a sigmoid.</summary>
public sealed record ActivationNode : Node
{
    /// <summary>The function.</summary>
    public required ActivationFunction Function { get; init; }

    /// <summary>Factors of negative values per channel, for <see cref="ActivationKind.PRelu"/>; else null.</summary>
    public ImmutableArray<double>? Slopes { get; init; }

    /// <inheritdoc/>
    public override MapShape InferShape(ReadOnlySpan<MapShape> inputs) =>
        Slopes is not { } slopes || slopes.Length == inputs[0].C ? inputs[0] : throw Mismatch($"{slopes.Length} channels", inputs[0]);
}
