namespace IlgpuResNet.Graphs;

/// <summary>
/// The largest channels of every pixel in descending order, or their indices as floats (ONNX, <c>TopK</c>, <c>ArgMax</c>).
/// </summary>
public sealed record TopKNode : Node
{
    /// <summary>Number of channels of the output.</summary>
    public required int K { get; init; }

    /// <summary>True for indices, false for values.</summary>
    public required bool GivesIndices { get; init; }

    /// <inheritdoc/>
    public override MapShape InferShape(ReadOnlySpan<MapShape> inputs) =>
        K >= 1 && K <= inputs[0].C ? inputs[0] with { C = K } : throw Mismatch($"at least {K} channels", inputs[0]);
}
