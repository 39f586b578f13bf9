namespace IlgpuResNet.Graphs;

/// <summary>An epilogue of its own: a batch norm, ReLU or residual add that could not be fused into a convolution.</summary>
public sealed record PointwiseNode : EpilogueNode
{
    /// <inheritdoc/>
    public override MapShape InferShape(ReadOnlySpan<MapShape> inputs)
    {
        if ((Epilogue.Scale ?? Epilogue.Shift) is { } constants && constants.Length != inputs[0].C)
            throw Mismatch($"{constants.Length} channels", inputs[0]);
        return CheckResidual(inputs, inputs[0]);
    }
}
