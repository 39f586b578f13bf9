namespace IlgpuResNet.Graphs;

/// <summary>Operations on two tensors.</summary>
public enum CombineKind
{
    /// <summary>Product.</summary>
    Multiply = 0,

    /// <summary>The first divided by the second.</summary>
    Divide = 1,

    /// <summary>Sum, where the second tensor is repeated; two tensors of one shape are summed by an <see cref="AddNode"/>.</summary>
    Add = 2,
}

/// <summary>
/// An operation on two tensors. The second has the shape of the first, or 1x1 pixels that are repeated over all, such as the gates of a
/// squeeze-and-excitation block (Hu et al. 2018), or one channel that is repeated over all, or both.
/// </summary>
public sealed record CombineNode : EpilogueNode
{
    /// <summary>The operation.</summary>
    public required CombineKind Kind { get; init; }

    /// <inheritdoc/>
    public override MapShape InferShape(ReadOnlySpan<MapShape> inputs)
    {
        MapShape x = inputs[0], other = inputs[1];
        bool fits = (other with { C = x.C } == x || other is { H: 1, W: 1 }) && (other.C == x.C || other.C == 1);
        if (!fits) throw Mismatch($"a second tensor that can be repeated to {x}", other);
        return inputs.Length == 2 || inputs[2] == x ? x : throw Mismatch($"a residual of the output's shape {x}", inputs[2]);
    }
}
