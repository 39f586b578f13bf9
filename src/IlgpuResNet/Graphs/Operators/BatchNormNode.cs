using IlgpuResNet.Weights;

namespace IlgpuResNet.Graphs;

/// <summary>
/// Batch normalisation with running statistics: <c>(x - mean) / sqrt(var + eps) * weight + bias</c> (Ioffe and Szegedy 2015).
/// </summary>
public sealed record BatchNormNode : Node
{
    /// <summary>Gamma <c>[C]</c>.</summary>
    public required StateTensor Weight { get; init; }

    /// <summary>Beta <c>[C]</c>.</summary>
    public required StateTensor Bias { get; init; }

    /// <summary>Running mean <c>[C]</c>.</summary>
    public required StateTensor RunningMean { get; init; }

    /// <summary>Running variance <c>[C]</c>.</summary>
    public required StateTensor RunningVar { get; init; }

    /// <summary>Constant added to the variance, eps.</summary>
    public required double Epsilon { get; init; }

    /// <summary>
    /// Rewrites the operation as <c>x * scale + shift</c>: scale = weight / sqrt(var + eps), shift = bias - mean * scale, in double.
    /// </summary>
    internal static (double[] Scale, double[] Shift) Fold(double[] weight, double[] bias, double[] mean, double[] variance, double epsilon)
    {
        double[] scale = new double[weight.Length], shift = new double[weight.Length];
        for (int c = 0; c < scale.Length; c++)
        {
            scale[c] = weight[c] / Math.Sqrt(variance[c] + epsilon);
            shift[c] = bias[c] - mean[c] * scale[c];
        }
        return (scale, shift);
    }

    /// <summary>Computes scale and shift of this node.</summary>
    internal (double[] Scale, double[] Shift) Fold() =>
        Fold(Weight.ToDoubleArray(), Bias.ToDoubleArray(), RunningMean.ToDoubleArray(), RunningVar.ToDoubleArray(), Epsilon);

    /// <inheritdoc/>
    public override MapShape InferShape(ReadOnlySpan<MapShape> inputs) =>
        inputs[0].C == Weight.Shape[0] ? inputs[0] : throw Mismatch($"{Weight.Shape[0]} channels", inputs[0]);
}
