using System.Runtime.InteropServices;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Models;

/// <summary>
/// Random weights as in torchvision's <c>ResNet.__init__</c>. Each value depends only on the seed, the tensor and the element, so weights
/// are the same on every machine. They are drawn when they are read: a network without a file takes no memory for weights.
/// </summary>
internal static class ResNetInitializer
{
    public static StateDict Create(ResNetConfig config, int seed) => new(
        $"{config.Name}, seed {seed}",
        ResNetParameters.Of(config).Where(parameter => !parameter.Optional).Select((parameter, index) => new RandomTensor
        {
            Name = parameter.Name,
            Shape = parameter.Shape,
            DataType = DataType.Float32,
            Kind = parameter.Kind,
            Features = config.Features,
            Stream = SplitMix64(((ulong)(uint)seed << 32) | (uint)index),
        }));

    /// <summary>The finaliser of splitmix64 (Steele, Lea and Flood 2014).</summary>
    private static ulong SplitMix64(ulong z)
    {
        z += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    private sealed class RandomTensor : StateTensor
    {
        public required ParameterKind Kind { get; init; }

        public required int Features { get; init; }

        public required ulong Stream { get; init; }

        public override void CopyTo(Span<float> destination)
        {
            CheckLength(destination.Length);
            Draw(0, destination);
        }

        internal override void CopyBytes(long first, Span<byte> destination) => Draw(first, MemoryMarshal.Cast<byte, float>(destination));

        private void Draw(long first, Span<float> destination)
        {
            switch (Kind)
            {
                case ParameterKind.ConvWeight:
                    // Kaiming normal, fan out, gain of a ReLU: std = sqrt(2 / (K·R·S)) (He et al. 2015, arXiv:1502.01852).
                    double deviation = Math.Sqrt(2.0 / ((long)Shape[0] * Shape[2] * Shape[3]));
                    for (int i = 0; i < destination.Length; i++) destination[i] = (float)(deviation * Normal(first + i));
                    break;
                case ParameterKind.LinearWeight or ParameterKind.LinearBias:
                    // torch.nn.Linear: uniform within 1 / sqrt(in features).
                    double bound = 1 / Math.Sqrt(Features);
                    for (int i = 0; i < destination.Length; i++) destination[i] = (float)(bound * (2 * Uniform(2 * (first + i)) - 1));
                    break;
                default:
                    destination.Fill(Kind is ParameterKind.BatchNormWeight or ParameterKind.RunningVariance ? 1 : 0);
                    break;
            }
        }

        /// <summary>Normal value of an element (Box and Muller 1958), from two uniform values of its own.</summary>
        private double Normal(long element) =>
            Math.Sqrt(-2 * Math.Log(1 - Uniform(2 * element))) * Math.Cos(2 * Math.PI * Uniform(2 * element + 1));

        /// <summary>Uniform value in [0, 1) with 53 bits.</summary>
        private double Uniform(long counter) => (SplitMix64(Stream + (ulong)counter) >> 11) / (double)(1L << 53);
    }
}
