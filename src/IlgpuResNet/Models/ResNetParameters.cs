using System.Collections.Immutable;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Models;

/// <summary>Kinds of parameters; the kind decides how a parameter is initialised.</summary>
internal enum ParameterKind
{
    /// <summary>Filter, [K, C, R, S].</summary>
    ConvWeight,

    /// <summary>Bias of a convolution, [K]; torchvision's ResNets have none, some other ResNets do.</summary>
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

/// <summary>A tensor that a network needs, or uses if the file has it.</summary>
internal readonly record struct ResNetParameter(string Name, ImmutableArray<int> Shape, ParameterKind Kind)
{
    /// <summary>True when a file may lack the tensor.</summary>
    public bool Optional => Kind == ParameterKind.ConvBias;

    /// <summary>True for parameters that PyTorch counts as <c>parameters()</c>: all but the running statistics of batch norms.</summary>
    public bool IsLearnt => Kind is not (ParameterKind.RunningMean or ParameterKind.RunningVariance);
}

/// <summary>
/// The parameters of a ResNet, under the names and in the order of torchvision's <c>state_dict()</c>. Names of ResNet v2, which torchvision
/// lacks, follow the same style: a block's norms have the numbers of its convolutions, and the last norm is <c>bn</c>.
/// </summary>
internal static class ResNetParameters
{
    /// <summary>Side of the stem's filter.</summary>
    public const int StemKernel = 7;

    private const int DeepStemKernel = 3;

    /// <summary>
    /// Lists the parameters lazily. A block has a downsample branch if its stride is not 1 or its channels change.
    /// </summary>
    public static IEnumerable<ResNetParameter> Of(ResNetConfig config)
    {
        ResNetParameter[] stem = Stem(config);
        IEnumerable<ResNetParameter> blocks = Enumerable.Range(0, config.Depths.Length).SelectMany(
            stage => Enumerable.Range(0, config.Depths[stage]).SelectMany(block => OfBlock(config, stage, block)));
        IEnumerable<ResNetParameter> head = config.Layout.HeadOf(config).SelectMany(Layer);
        return config.PreActivation
            ? stem.Concat(blocks).Concat(TrunkNorm(config, "bn", config.Features)).Concat(head)
            : stem.Concat(TrunkNorm(config, "bn1", config.StemWidth)).Concat(blocks).Concat(head);
    }

    /// <summary>True when the shortcut must change the shape: in the first block of a later stage, or if channels change.</summary>
    public static bool HasDownsample(ResNetConfig config, int stage, int block) =>
        block == 0 && (stage > 0 || config.StemWidth != config.Planes(0) * config.Expansion);

    private static ResNetParameter[] Stem(ResNetConfig config)
    {
        if (config.Layout is not { Stem: StemKind.Deep, DeepWidths: [var first, var second] })
            return Conv("conv1", config.StemWidth, config.InputChannels, config.Layout.StemKernel);
        return
        [
            .. Conv("conv1.0", first, config.InputChannels, DeepStemKernel), .. TrunkNorm(config, "conv1.1", first),
            .. Conv("conv1.3", second, first, DeepStemKernel), .. TrunkNorm(config, "conv1.4", second),
            .. Conv("conv1.6", config.StemWidth, second, DeepStemKernel),
        ];
    }

    private static IEnumerable<ResNetParameter> Layer(HeadLayer layer)
    {
        if (layer.IsNorm) return Norm(layer.Path, layer.Outputs);
        ResNetParameter weight = new($"{layer.Path}.weight", [layer.Outputs, layer.Inputs], ParameterKind.LinearWeight);
        return layer.HasBias ? [weight, new($"{layer.Path}.bias", [layer.Outputs], ParameterKind.LinearBias)] : [weight];
    }

    private static IEnumerable<ResNetParameter> OfBlock(ResNetConfig config, int stage, int block)
    {
        string path = $"layer{stage + 1}.{block}";
        int width = config.Width(stage);
        int output = config.Planes(stage) * config.Expansion;
        int input = block > 0 ? output : stage > 0 ? config.Planes(stage - 1) * config.Expansion : config.StemWidth;
        (int K, int C, int Kernel, int Groups)[] convolutions = config.Block == ResNetBlock.Bottleneck
            ? [(width, input, 1, 1), (width, width, 3, config.Groups), (output, width, 1, 1)]
            : [(width, input, 3, 1), (output, width, 3, 1)];

        IEnumerable<ResNetParameter> parameters = convolutions.SelectMany((convolution, i) =>
        {
            (int k, int c, int kernel, int groups) = convolution;
            ResNetParameter[] conv = Conv($"{path}.conv{i + 1}", k, c / groups, kernel);
            return config.PreActivation
                ? [.. TrunkNorm(config, $"{path}.bn{i + 1}", c), .. conv]
                : (ResNetParameter[])[.. conv, .. TrunkNorm(config, $"{path}.bn{i + 1}", k)];
        });
        if (config.Layout.SqueezeWidths is { Length: > 0 } widths)
            parameters = parameters.Concat(Gates(path, output, widths[Math.Min(stage, widths.Length - 1)]));
        if (!HasDownsample(config, stage, block) || config.Layout.Shortcut is ShortcutKind.Padded) return parameters;
        int conv = config.Layout.ShortcutConv;
        ResNetParameter[] downsample = Conv($"{path}.downsample.{conv}", output, input, 1);
        // The shortcut of v2 starts after the block's own first norm and has none.
        return parameters.Concat(downsample)
            .Concat(config.PreActivation ? [] : TrunkNorm(config, $"{path}.downsample.{conv + 1}", output));
    }

    private static ResNetParameter[] Conv(string path, int k, int c, int kernel) =>
    [
        new($"{path}.weight", [k, c, kernel, kernel], ParameterKind.ConvWeight),
        new($"{path}.bias", [k], ParameterKind.ConvBias),
    ];

    /// <summary>The two 1x1 convolutions of squeeze-and-excitation; both have a bias.</summary>
    private static ResNetParameter[] Gates(string path, int channels, int width) =>
    [
        new($"{path}.se.fc1.weight", [width, channels, 1, 1], ParameterKind.ConvWeight),
        new($"{path}.se.fc1.bias", [width], ParameterKind.LinearBias),
        new($"{path}.se.fc2.weight", [channels, width, 1, 1], ParameterKind.ConvWeight),
        new($"{path}.se.fc2.bias", [channels], ParameterKind.LinearBias),
    ];

    /// <summary>Parameters of a norm outside the head; a group norm has no running statistics.</summary>
    private static ResNetParameter[] TrunkNorm(ResNetConfig config, string path, int c) =>
        config.Layout.NormGroups is null ? Norm(path, c) : Norm(path, c)[..2];

    private static ResNetParameter[] Norm(string path, int c) =>
    [
        new($"{path}.weight", [c], ParameterKind.BatchNormWeight),
        new($"{path}.bias", [c], ParameterKind.BatchNormBias),
        new($"{path}.running_mean", [c], ParameterKind.RunningMean),
        new($"{path}.running_var", [c], ParameterKind.RunningVariance),
    ];
}
