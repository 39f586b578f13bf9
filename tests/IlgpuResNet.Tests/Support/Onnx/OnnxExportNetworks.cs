using System.Collections.Immutable;
using System.Runtime.InteropServices;
using IlgpuResNet.Models;
using IlgpuResNet.Onnx;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Tests;

/// <summary>
/// Networks of every kind with random weights and random statistics: a fresh batch norm is the identity and would hide mistakes.
/// </summary>
internal static class OnnxExportNetworks
{
    /// <summary>Factor of each block's last filter, without which the sums of a deep network grow beyond measure.</summary>
    private const float LastFilterScale = 0.3f;

    /// <summary>The presets and what no preset has, narrow and at most two blocks deep; those that are then the same once.</summary>
    public static ImmutableArray<ResNetConfig> Thin { get; } =
    [
        .. ResNetConfig.Presets.Select(Shrink).DistinctBy(config => (config.Block, config.StridePlacement, config.ReluBeforeAdd,
            config.FixedPool, config.Groups, config.WidthPerGroup, config.PreActivation)),
        Shrink(ResNetConfig.ResNet50 with { Name = "resnet50-dilated", ReplaceStrideWithDilation = [false, true, true] }),
        Shrink(ResNetConfig.ResNet34 with { Name = "gray", InputChannels = 1 }),
    ];

    /// <summary>A network of that kind with few channels, groups and blocks.</summary>
    public static ResNetConfig Shrink(ResNetConfig config) => config with
    {
        Depths = [.. config.Depths.Select(depth => Math.Min(depth, 2))],
        NumClasses = 11,
        StemWidth = 8,
        BaseWidth = 8,
        Groups = config.Groups > 1 ? 4 : 1,
        WidthPerGroup = config.Groups > 1 ? 32 : config.WidthPerGroup,
    };

    public static ResNet Create(ResNetConfig config, int seed, bool convBias = false) =>
        ResNet.Create(config, Weights(config, seed, convBias));

    /// <summary>Random parameters; with <paramref name="convBias"/> also the biases that torchvision's networks have not.</summary>
    public static StateDict Weights(ResNetConfig config, int seed, bool convBias = false)
    {
        var random = new Random(seed);
        string lastFilter = config.Block == ResNetBlock.Bottleneck ? ".conv3.weight" : ".conv2.weight";
        return StateDict.Create(ResNetParameters.Of(config)
            .Where(parameter => convBias || !parameter.Optional)
            .Select(parameter => (parameter.Name, parameter.Shape, Values(random, parameter, lastFilter)))
            .ToArray(), config.Name);
    }

    /// <summary>The tensors rounded to another element type, and a counter of batches as PyTorch keeps them.</summary>
    public static StateDict As(StateDict weights, DataType type) => new(
        weights.Source,
        weights.Values.Select(tensor => Make(tensor.Name, tensor.Shape, type, Bytes(tensor.ToArray(), type)))
            .Append(Make("bn1.num_batches_tracked", [], DataType.Int64, BitConverter.GetBytes(1234L))),
        weights.Metadata);

    private static BytesTensor Make(string name, ImmutableArray<int> shape, DataType type, byte[] values) =>
        new BytesTensor { Name = name, Shape = shape, DataType = type, Values = values };

    private static byte[] Bytes(float[] values, DataType type) => type switch
    {
        DataType.Float32 => MemoryMarshal.AsBytes<float>(values).ToArray(),
        DataType.Float16 => MemoryMarshal.AsBytes<Half>(Array.ConvertAll(values, value => (Half)value)).ToArray(),
        DataType.BFloat16 => MemoryMarshal.AsBytes<ushort>(
            Array.ConvertAll(values, value => (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16))).ToArray(),
        // More digits than a float holds.
        DataType.Float64 => MemoryMarshal.AsBytes<double>(Array.ConvertAll(values, value => value * (1 + 1e-12))).ToArray(),
        _ => throw new ArgumentOutOfRangeException(nameof(type)),
    };

    private static float[] Values(Random random, ResNetParameter parameter, string lastFilter)
    {
        float[] values = TestData.Uniform(random, parameter.Shape.Aggregate(1, (product, size) => product * size));
        // A uniform distribution of this bound keeps the variance through a ReLU (He et al. 2015, arXiv:1502.01852).
        float bound = MathF.Sqrt(6f / parameter.Shape.Skip(1).Aggregate(1, (product, size) => product * size));
        if (parameter.Name.EndsWith(lastFilter, StringComparison.Ordinal)) bound *= LastFilterScale;
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = parameter.Kind switch
            {
                ParameterKind.ConvWeight or ParameterKind.LinearWeight => values[i] * bound,
                ParameterKind.BatchNormWeight => values[i] < 0 ? values[i] / 2 - 0.5f : values[i] / 2 + 0.5f,
                ParameterKind.RunningVariance => values[i] * 0.7f + 1.2f,
                _ => values[i] / 2,
            };
        }
        return values;
    }
}
