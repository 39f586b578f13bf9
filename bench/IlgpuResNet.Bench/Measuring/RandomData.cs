using System.Runtime.InteropServices;
using IlgpuResNet.Models;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Bench;

/// <summary>
/// Networks and images from a fixed seed, the same in every process. Batch norms have statistics of their own, and activations neither
/// vanish nor grow without bound, so that the outputs of two engines can be compared.
/// </summary>
internal static class RandomData
{
    private const int Seed = 20_261_124;

    /// <summary>Factor of each block's last filter: without it every block doubles the variance.</summary>
    private const float LastFilterScale = 0.3f;

    /// <summary>A network of that configuration; its weights are kept in memory.</summary>
    public static ResNet Network(ResNetConfig config)
    {
        var random = new Random(Seed);
        string lastFilter = config.Block == ResNetBlock.Bottleneck ? ".conv3.weight" : ".conv2.weight";
        return ResNet.Create(config, StateDict.Create(
            ResNetParameters.Of(config)
                .Where(parameter => !parameter.Optional)
                .Select(parameter => (
                    parameter.Name, parameter.Shape,
                    Values(random, parameter, parameter.Name.EndsWith(lastFilter, StringComparison.Ordinal))))
                .ToArray(),
            config.Name));
    }

    /// <summary>Pixels as normalised images have them, uniform from -2 to 2.</summary>
    public static float[] Images(int length)
    {
        float[] images = new float[length];
        Fill(new Random(Seed), images, -2, 2);
        return images;
    }

    private static float[] Values(Random random, ResNetParameter parameter, bool isLastFilter)
    {
        float[] values = new float[parameter.Shape.Aggregate(1, (product, size) => product * size)];
        // Uniform within this bound keeps the variance through a ReLU (He et al. 2015, arXiv:1502.01852).
        float bound = MathF.Sqrt(6f * parameter.Shape[0] / values.Length) * (isLastFilter ? LastFilterScale : 1);
        (float low, float high) = parameter.Kind switch
        {
            ParameterKind.ConvWeight or ParameterKind.LinearWeight => (-bound, bound),
            ParameterKind.BatchNormWeight or ParameterKind.RunningVariance => (0.5f, 1.5f),
            _ => (-0.5f, 0.5f),
        };
        Fill(random, values, low, high);
        return values;
    }

    private static void Fill(Random random, float[] values, float low, float high)
    {
        random.NextBytes(MemoryMarshal.AsBytes(values.AsSpan()));
        foreach (ref float value in values.AsSpan())
            value = low + (high - low) * (BitConverter.SingleToUInt32Bits(value) / (float)uint.MaxValue);
    }
}
