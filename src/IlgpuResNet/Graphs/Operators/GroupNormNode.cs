using IlgpuResNet.Weights;

namespace IlgpuResNet.Graphs;

/// <summary>
/// Group normalisation (Wu and He 2018): <c>(x - mean) / sqrt(var + eps) * weight + bias</c>, with mean and variance over the pixels and
/// channels of each group of an image. As many groups as channels are instance normalisation.
/// </summary>
public sealed record GroupNormNode : EpilogueNode
{
    /// <summary>Number of groups of neighbouring channels; divides C.</summary>
    public required int Groups { get; init; }

    /// <summary>Constant added to the variance, eps.</summary>
    public required double Epsilon { get; init; }

    /// <summary>Gamma <c>[C]</c>, or null for 1.</summary>
    public StateTensor? Weight { get; init; }

    /// <summary>Beta <c>[C]</c>, or null for 0.</summary>
    public StateTensor? Bias { get; init; }

    /// <inheritdoc/>
    public override MapShape InferShape(ReadOnlySpan<MapShape> inputs)
    {
        MapShape x = inputs[0];
        if (Groups < 1 || x.C % Groups != 0) throw Mismatch($"channels that divide into {Groups} groups", x);
        if ((Weight ?? Bias) is { } constants && constants.Count != x.C) throw Mismatch($"{constants.Count} channels", x);
        return CheckResidual(inputs, x);
    }
}
