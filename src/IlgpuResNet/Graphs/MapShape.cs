using System.Globalization;

namespace IlgpuResNet.Graphs;

/// <summary>
/// Shape of one image's activations, <c>[H, W, C]</c>; a vector has H = W = 1. The batch size is not included because it changes from run
/// to run.
/// </summary>
/// <param name="H">Height in pixels.</param>
/// <param name="W">Width in pixels.</param>
/// <param name="C">Channels.</param>
public readonly record struct MapShape(int H, int W, int C)
{
    /// <summary>Number of elements of one image.</summary>
    /// <exception cref="OverflowException">The number is 2^63 or more.</exception>
    public long Count => checked((long)H * W * C);

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"[{H}, {W}, {C}]");
}
