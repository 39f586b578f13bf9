using System.Collections.Immutable;

namespace IlgpuResNet.Models;

/// <summary>What a parameter is, which decides how it is initialised.</summary>
internal enum ParameterKind
{
    /// <summary>Filter, [K, C, R, S].</summary>
    ConvWeight,

    /// <summary>Bias of a convolution, [K]; torchvision's ResNets have none, some others do.</summary>
    ConvBias,

    /// <summary>Scale of a batch norm (gamma), [C].</summary>
    BatchNormWeight,

    /// <summary>Shift of a batch norm (beta), [C].</summary>
    BatchNormBias,

    /// <summary>Running mean of a batch norm, [C].</summary>
    RunningMean,

    /// <summary>Running variance of a batch norm, [C].</summary>
    RunningVariance,

    /// <summary>Matrix of the classifier, [classes, features].</summary>
    LinearWeight,

    /// <summary>Bias of the classifier, [classes].</summary>
    LinearBias,
}

/// <summary>A tensor that a network needs, or takes when it is there.</summary>
internal readonly record struct ResNetParameter(string Name, ImmutableArray<int> Shape, ParameterKind Kind)
{
    /// <summary>True when a file may lack it.</summary>
    public bool Optional => Kind == ParameterKind.ConvBias;
}

/// <summary>The parameters of a ResNet, under the names and in the order of torchvision's <c>state_dict()</c>.</summary>
internal static class ResNetParameters
{
    /// <summary>Side of the stem's filter.</summary>
    public const int StemKernel = 7;

    /// <summary>
    /// Lists the parameters lazily. A block has a downsample branch exactly where its stride is not 1 or its channels change.
    /// </summary>
    public static IEnumerable<ResNetParameter> Of(ResNetConfig config)
    {
        IEnumerable<ResNetParameter> stem = ConvAndNorm("conv1", "bn1", config.StemWidth, config.InputChannels, StemKernel);
        IEnumerable<ResNetParameter> blocks = Enumerable.Range(0, config.Depths.Length).SelectMany(
            stage => Enumerable.Range(0, config.Depths[stage]).SelectMany(block => OfBlock(config, stage, block)));
        ResNetParameter[] classifier =
        [
            new("fc.weight", [config.NumClasses, config.Features], ParameterKind.LinearWeight),
            new("fc.bias", [config.NumClasses], ParameterKind.LinearBias),
        ];
        return stem.Concat(blocks).Concat(classifier);
    }

    /// <summary>True when a block's input does not fit its sum: stride 2 (the first block of a later stage) or other channels.</summary>
    public static bool HasDownsample(ResNetConfig config, int stage, int block) =>
        block == 0 && (stage > 0 || config.StemWidth != config.Planes(0) * config.Expansion);

    private static IEnumerable<ResNetParameter> OfBlock(ResNetConfig config, int stage, int block)
    {
        string path = $"layer{stage + 1}.{block}";
        int planes = config.Planes(stage);
        int output = planes * config.Expansion;
        int input = block > 0 ? output : stage > 0 ? config.Planes(stage - 1) * config.Expansion : config.StemWidth;
        (int K, int C, int Kernel)[] convolutions = config.Block == ResNetBlock.Bottleneck
            ? [(planes, input, 1), (planes, planes, 3), (output, planes, 1)]
            : [(planes, input, 3), (planes, planes, 3)];

        IEnumerable<ResNetParameter> parameters = convolutions.SelectMany(
            (convolution, i) => ConvAndNorm($"{path}.conv{i + 1}", $"{path}.bn{i + 1}", convolution.K, convolution.C, convolution.Kernel));
        return HasDownsample(config, stage, block)
            ? parameters.Concat(ConvAndNorm($"{path}.downsample.0", $"{path}.downsample.1", output, input, 1))
            : parameters;
    }

    private static ResNetParameter[] ConvAndNorm(string conv, string norm, int k, int c, int kernel) =>
    [
        new($"{conv}.weight", [k, c, kernel, kernel], ParameterKind.ConvWeight),
        new($"{conv}.bias", [k], ParameterKind.ConvBias),
        new($"{norm}.weight", [k], ParameterKind.BatchNormWeight),
        new($"{norm}.bias", [k], ParameterKind.BatchNormBias),
        new($"{norm}.running_mean", [k], ParameterKind.RunningMean),
        new($"{norm}.running_var", [k], ParameterKind.RunningVariance),
    ];
}
