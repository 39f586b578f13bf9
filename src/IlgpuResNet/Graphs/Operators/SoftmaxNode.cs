namespace IlgpuResNet.Graphs;

/// <summary>Softmax over the channels of every pixel.</summary>
public sealed record SoftmaxNode : Node
{
    /// <inheritdoc/>
    public override MapShape InferShape(ReadOnlySpan<MapShape> inputs) => inputs[0];
}
