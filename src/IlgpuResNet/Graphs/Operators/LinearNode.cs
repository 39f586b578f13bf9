using IlgpuResNet.Weights;

namespace IlgpuResNet.Graphs;

/// <summary>
/// Fully connected layer over the channels of every pixel, with a weight <c>[out, in]</c> (PyTorch, <c>torch.nn.Linear</c>).
/// </summary>
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
        MapShape x = inputs[0];
        if (x.C != Weight.Shape[1]) throw Mismatch($"{Weight.Shape[1]} features", x);
        return CheckResidual(inputs, x with { C = Weight.Shape[0] });
    }

    /// <inheritdoc/>
    public override long Macs(MapShape input, MapShape output) => input.Count * output.C;
}
