using IlgpuResNet.Weights;

namespace IlgpuResNet.Graphs;

/// <summary>2-D convolution with a filter <c>[K, C / Groups, R, S]</c> and zero padding (PyTorch, <c>torch.nn.Conv2d</c>).</summary>
public sealed record Conv2dNode : EpilogueNode
{
    /// <summary>The filter, <c>[K, C / Groups, R, S]</c>.</summary>
    public required StateTensor Weight { get; init; }

    /// <summary>Summand per output channel <c>[K]</c>, or null.</summary>
    public StateTensor? Bias { get; init; }

    /// <inheritdoc/>
    public override StateTensor Filter => Weight;

    /// <summary>Stride, dilation and padding.</summary>
    public SlidingWindow Window { get; init; } = new();

    /// <summary>Number of channel groups; each output channel reads the input channels of its own group. Divides C and K.</summary>
    public int Groups { get; init; } = 1;

    /// <inheritdoc/>
    public override MapShape InferShape(ReadOnlySpan<MapShape> inputs)
    {
        MapShape x = inputs[0];
        int k = Weight.Shape[0], r = Weight.Shape[2], s = Weight.Shape[3];
        if (x.C != (long)Weight.Shape[1] * Groups || k % Groups != 0) throw Mismatch($"{(long)Weight.Shape[1] * Groups} channels", x);
        if (Window.Place(x, r, s) is not { } place) throw Mismatch(Window.Smallest(r, s), x);
        return CheckResidual(inputs, new MapShape(place.P, place.Q, k));
    }

    /// <inheritdoc/>
    public override long Macs(MapShape input, MapShape output) => output.Count * Weight.Shape[1] * Weight.Shape[2] * Weight.Shape[3];
}
