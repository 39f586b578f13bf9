namespace IlgpuResNet.Graphs;

/// <summary>Reads a tensor as another shape: <c>[H, W, C]</c> in row-major order. Copies nothing.</summary>
public sealed record ViewNode : Node
{
    /// <summary>Shape of the output.</summary>
    public required MapShape Shape { get; init; }

    /// <inheritdoc/>
    public override MapShape InferShape(ReadOnlySpan<MapShape> inputs) =>
        inputs[0].Count == Shape.Count ? Shape : throw Mismatch($"{Shape.Count} elements", inputs[0]);
}
