using System.Collections.Immutable;

namespace IlgpuResNet.Graphs;

/// <summary>
/// Elements along the columns of a map <c>[H, W, C]</c>, joined with the columns of a second map if there are two inputs, in the order of a
/// list of indices. With <c>C</c> = 1 these are channels: a view gives any tensor that shape.
/// </summary>
public sealed record SelectNode : Node
{
    /// <summary>Index of each column of the output; a negative one gives <see cref="Value"/>.</summary>
    public required ImmutableArray<int> Indices { get; init; }

    /// <summary>Value of elements that come from no input.</summary>
    public double Value { get; init; }

    /// <inheritdoc/>
    public override MapShape InferShape(ReadOnlySpan<MapShape> inputs)
    {
        MapShape x = inputs[0];
        long width = x.W;
        if (inputs.Length > 1)
        {
            if (inputs[1] with { W = x.W } != x) throw Mismatch($"a second map of {x.H} rows and {x.C} channels", inputs[1]);
            width += inputs[1].W;
        }
        foreach (int index in Indices)
            if (index >= width) throw Mismatch($"at least {index + 1L} columns", x);
        return x with { W = Indices.Length };
    }
}
