namespace IlgpuResNet.Graphs;

/// <summary>Sum of two tensors of one shape.</summary>
public sealed record AddNode : Node
{
    /// <inheritdoc/>
    public override MapShape InferShape(ReadOnlySpan<MapShape> inputs) =>
        inputs[0] == inputs[1] ? inputs[0] : throw Mismatch($"two inputs of one shape {inputs[0]}", inputs[1]);
}
