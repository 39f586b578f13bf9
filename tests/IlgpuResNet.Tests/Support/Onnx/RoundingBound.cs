using System.Collections.Immutable;
using System.Runtime.InteropServices;
using IlgpuResNet.Onnx;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Tests;

/// <summary>
/// How far rounding takes the outputs of a network apart, when two engines compute it in float32. A layer that an engine has computed is
/// exact for weights that differ from the stated ones: by a relative sqrt(n) u, with n terms in a sum and u = 2^-24, as errors of either
/// sign do not add up to n u (Higham and Mary 2019, A new approach to probabilistic rounding error analysis). The outputs of two engines
/// then differ by 2 sqrt(n) u times the network's condition, which is the change of the outputs for a small change of all weights and
/// pixels, both relative. It is measured with random changes (Kenney and Laub 1994, Small-sample statistical condition estimates for
/// general matrix functions), and large where the terms of the last sum cancel.
/// </summary>
internal static class RoundingBound
{
    private const double Unit = 1.0 / (1 << 24);

    /// <summary>Relative change of weights and pixels: far above rounding, and small enough that outputs change in proportion.</summary>
    private const float Change = 1f / (1 << 14);

    private const int Samples = 4;

    /// <summary>Standard deviations that are still explained.</summary>
    private const double Deviations = 3;

    /// <summary>The largest relative L2 error that rounding explains, of each output.</summary>
    /// <param name="network">The network.</param>
    /// <param name="images">Its input.</param>
    /// <param name="run">Computes the outputs of a model.</param>
    public static double[] Of(RandomNetwork network, float[] images, Func<OnnxModelToWrite, float[], float[][]> run)
    {
        float[][] outputs = run(network.Model, images);
        double[] squares = new double[outputs.Length];
        var random = new Random(network.Seed);
        for (int sample = 0; sample < Samples; sample++)
        {
            float[][] changed = run(Changed(network.Model, random), Changed(images, random));
            for (int o = 0; o < outputs.Length; o++) squares[o] += Math.Pow(OnnxExportRuntime.RelativeError(changed[o], outputs[o]), 2);
        }
        const int Engines = 2;
        double changeOfWeights = Deviations * Engines * Math.Sqrt(MostTerms(network)) * Unit;
        return [.. squares.Select(sum => changeOfWeights * Math.Sqrt(sum / Samples) / Change)];
    }

    /// <summary>Terms of the longest sum: over a filter, over a row of a matrix, or over a map.</summary>
    private static int MostTerms(RandomNetwork network) => network.Model.Initializers
        .Where(tensor => tensor.DataType is not DataType.Int64 && tensor.Shape.Length is 2 or 4)
        .Select(tensor => tensor.Shape.Length == 4 ? tensor.Shape[1] * tensor.Shape[2] * tensor.Shape[3] : tensor.Shape.Max())
        .Append(network.Input.H * network.Input.W)
        .Max();

    private static OnnxModelToWrite Changed(OnnxModelToWrite model, Random random) => model with
    {
        Initializers = [.. model.Initializers.Select(tensor => Changed(tensor, random))],
        Nodes = [.. model.Nodes.Select(node => node with
        {
            Attributes = node.Attributes.ToImmutableDictionary(
                pair => pair.Key, pair => pair.Value with { T = pair.Value.T is { } tensor ? Changed(tensor, random) : null }),
        })],
    };

    /// <summary>Floats change; integers, and the numbers of other types that a Cast reads, do not.</summary>
    private static StateTensor Changed(StateTensor tensor, Random random)
    {
        if (tensor.DataType != DataType.Float32) return tensor;
        float[] values = new float[tensor.Shape.Aggregate(1, (product, size) => product * size)];
        tensor.CopyTo(values);
        return new BytesTensor
        {
            Name = tensor.Name,
            Shape = tensor.Shape,
            DataType = DataType.Float32,
            Values = MemoryMarshal.AsBytes(Changed(values, random).AsSpan()).ToArray(),
        };
    }

    private static float[] Changed(float[] values, Random random) =>
        Array.ConvertAll(values, value => value * (1 + (random.Next(2) == 0 ? Change : -Change)));
}
