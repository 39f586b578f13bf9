using System.Collections.Immutable;
using IlgpuResNet.Models;

namespace IlgpuResNet;

/// <summary>The two residual blocks of He et al. 2015 (arXiv:1512.03385, figure 5).</summary>
public enum ResNetBlock
{
    /// <summary>Two 3x3 convolutions; expansion 1.</summary>
    Basic,

    /// <summary>1x1, 3x3, 1x1; expansion 4.</summary>
    Bottleneck,
}

/// <summary>The convolution of a bottleneck block that has the block's stride; shapes of weights do not tell.</summary>
public enum StridePlacement
{
    /// <summary>The 3x3 (torchvision's "v1.5").</summary>
    Conv3x3,

    /// <summary>The first 1x1 (v1, He et al. 2015).</summary>
    FirstConv1x1,
}

/// <summary>
/// Configuration of a ResNet. Names and defaults are torchvision's (<c>torchvision/models/resnet.py</c>): the default is v1.5.
/// </summary>
public sealed record ResNetConfig
{
    /// <summary>Ratio of a bottleneck's output channels to its planes (He et al. 2015).</summary>
    public const int BottleneckExpansion = 4;

    /// <summary>Largest number of stages.</summary>
    public const int MaxStages = 8;

    /// <summary>The <see cref="WidthPerGroup"/> of a block that is as wide as its planes (torchvision, <c>base_width / 64.</c>).</summary>
    internal const int OrdinaryWidthPerGroup = 64;

    /// <summary>PyTorch's default epsilon of a batch norm.</summary>
    internal const double DefaultBatchNormEpsilon = 1e-5;

    private const int MaxWidth = 1 << 16;

    /// <summary>Name for tables and messages, such as <c>resnet50</c>.</summary>
    public string Name { get; init; } = "resnet";

    /// <summary>Residual block of every stage.</summary>
    public required ResNetBlock Block { get; init; }

    /// <summary>Blocks in each stage, such as 3-4-6-3; one to eight stages of at least one block.</summary>
    public required ImmutableArray<int> Depths { get; init; }

    /// <summary>Number of classes, which is the number of outputs of <c>fc</c>; 0 for loaded weights without a classifier.</summary>
    public int NumClasses { get; init; } = 1000;

    /// <summary>Channels of the input image.</summary>
    public int InputChannels { get; init; } = 3;

    /// <summary>Channels of the 7x7 stem.</summary>
    public int StemWidth { get; init; } = 64;

    /// <summary>Planes of the first stage; each next stage has twice as many.</summary>
    public int BaseWidth { get; init; } = 64;

    /// <summary>
    /// Groups of every bottleneck's 3x3 (ResNeXt's cardinality, Xie et al. 2017, arXiv:1611.05431); 1 for basic blocks.
    /// </summary>
    public int Groups { get; init; } = 1;

    /// <summary>
    /// Width of each group of a bottleneck's 3x3, in channels for 64 planes (torchvision, <c>width_per_group</c>): 4 for ResNeXt 32x4d,
    /// 128 for wide ResNets (Zagoruyko and Komodakis 2016, arXiv:1605.07146), 64 for all others. See <see cref="Width"/>.
    /// </summary>
    public int WidthPerGroup { get; init; } = OrdinaryWidthPerGroup;

    /// <summary>
    /// For each stage after the first, true if its stride of 2 is replaced by twice the dilation of the 3x3s from its second block on
    /// (torchvision, <c>replace_stride_with_dilation</c>). Empty means never; bottleneck blocks only.
    /// </summary>
    public ImmutableArray<bool> ReplaceStrideWithDilation { get; init; } = [];

    /// <summary>
    /// True for ResNet v2: batch norm and ReLU come before each convolution, nothing follows the residual add, and one more
    /// batch norm and ReLU follow the last block (He et al. 2016, arXiv:1603.05027).
    /// </summary>
    public bool PreActivation { get; init; }

    /// <summary>Convolution of a bottleneck that has the stride.</summary>
    public StridePlacement StridePlacement { get; init; } = StridePlacement.Conv3x3;

    /// <summary>True for a ReLU on the branch before the residual add, in addition to the one after it.</summary>
    public bool ReluBeforeAdd { get; init; }

    /// <summary>Side and stride of a fixed final average pool, or null for the adaptive pool over the whole map.</summary>
    public int? FixedPool { get; init; }

    /// <summary>Epsilon of every batch norm.</summary>
    public double BatchNormEpsilon { get; init; } = DefaultBatchNormEpsilon;

    /// <summary>Parts in which the network differs from torchvision's layout.</summary>
    internal ResNetLayout Layout { get; init; } = ResNetLayout.Torchvision;

    /// <summary>Ratio of a block's output channels to its planes.</summary>
    public int Expansion => Block == ResNetBlock.Bottleneck ? BottleneckExpansion : 1;

    /// <summary>Planes of a stage (0-based); its output has <see cref="Expansion"/> times this number of channels.</summary>
    public int Planes(int stage) => BaseWidth << stage;

    /// <summary>
    /// Channels of a stage's 3x3 convolutions, all groups together (torchvision, <c>int(planes * (base_width / 64.)) * groups</c>). Equal
    /// to its planes, unless <see cref="Groups"/> or <see cref="WidthPerGroup"/> change that.
    /// </summary>
    /// <exception cref="OverflowException">The number passes 2^31 - 1.</exception>
    public int Width(int stage) => checked((int)LongWidth(stage));

    /// <summary>Length of the feature vector that <c>fc</c> reads when the final map is 1x1.</summary>
    public int Features => Planes(Depths.Length - 1) * Expansion;

    /// <summary>Stride of a block: 2 for the first block of a stage after the first, unless dilation replaces it.</summary>
    internal int Stride(int stage, int block) => stage == 0 || block > 0 || IsDilated(stage) ? 1 : 2;

    /// <summary>
    /// Dilation of a block's 3x3; the first block of a stage has the dilation of the stage before (torchvision, <c>previous_dilation</c>).
    /// </summary>
    internal int Dilation(int stage, int block) => 1 << Enumerable.Range(0, block == 0 ? stage : stage + 1).Count(IsDilated);

    /// <summary>True when a stage's stride is replaced by dilation.</summary>
    private bool IsDilated(int stage) => stage > 0 && !ReplaceStrideWithDilation.IsDefaultOrEmpty && ReplaceStrideWithDilation[stage - 1];

    /// <summary>True when a stage is wider than is supported.</summary>
    internal bool IsTooWide => (long)BaseWidth << (Depths.Length - 1) > MaxWidth || Groups > MaxWidth || WidthPerGroup > MaxWidth
        || LongWidth(Depths.Length - 1) > MaxWidth;

    private long LongWidth(int stage) => (long)Planes(stage) * WidthPerGroup / OrdinaryWidthPerGroup * Groups;

    /// <summary>Checks that the numbers make a ResNet.</summary>
    /// <exception cref="GraphException">A number does not fit; the message names it.</exception>
    internal void Validate()
    {
        Require(
            !Depths.IsDefaultOrEmpty && Depths.Length <= MaxStages && Depths.All(depth => depth >= 1),
            $"one to {MaxStages} stages of at least one block");
        Require(NumClasses >= 1, "at least one class");
        Require(InputChannels >= 1 && StemWidth >= 1 && BaseWidth >= 1, "at least one channel everywhere");
        Require(Groups >= 1 && WidthPerGroup >= 1, "at least one group of at least one channel");
        Require(
            !IsTooWide && StemWidth <= MaxWidth && InputChannels <= MaxWidth && NumClasses <= MaxWidth,
            $"widths and classes up to {MaxWidth}");
        Require(
            Width(0) >= 1,
            $"at least one channel in each group, but {BaseWidth} planes and a width of {WidthPerGroup} per group give none");
        bool isBottleneck = Block == ResNetBlock.Bottleneck;
        Require(
            isBottleneck || (Groups == 1 && WidthPerGroup == OrdinaryWidthPerGroup),
            $"bottleneck blocks for groups or a width per group other than {OrdinaryWidthPerGroup}");
        Require(
            ReplaceStrideWithDilation.IsDefaultOrEmpty || ReplaceStrideWithDilation.Length == Depths.Length - 1,
            $"one flag to replace stride with dilation for each of the {Depths.Length - 1} stages after the first, or none at all");
        Require(
            isBottleneck || ReplaceStrideWithDilation.IsDefaultOrEmpty || !ReplaceStrideWithDilation.Contains(true),
            "bottleneck blocks to replace stride with dilation");
        Require(!PreActivation || !ReluBeforeAdd, "its ReLUs before the convolutions or before the residual add, not both");
        Require(FixedPool is null or >= 1, "a final pool of at least 1");
        Require(BatchNormEpsilon > 0, "a positive epsilon");

        void Require(bool condition, string what)
        {
            if (!condition) throw new GraphException($"{Name}: a ResNet needs {what}; correct its configuration.");
        }
    }

    /// <summary>ResNet-18 (torchvision).</summary>
    public static ResNetConfig ResNet18 { get; } = new() { Name = "resnet18", Block = ResNetBlock.Basic, Depths = [2, 2, 2, 2] };

    /// <summary>ResNet-34 (torchvision).</summary>
    public static ResNetConfig ResNet34 { get; } = new() { Name = "resnet34", Block = ResNetBlock.Basic, Depths = [3, 4, 6, 3] };

    /// <summary>ResNet-50 v1.5 (torchvision).</summary>
    public static ResNetConfig ResNet50 { get; } = new() { Name = "resnet50", Block = ResNetBlock.Bottleneck, Depths = [3, 4, 6, 3] };

    /// <summary>ResNet-101 v1.5 (torchvision).</summary>
    public static ResNetConfig ResNet101 { get; } = ResNet50 with { Name = "resnet101", Depths = [3, 4, 23, 3] };

    /// <summary>ResNet-152 v1.5 (torchvision).</summary>
    public static ResNetConfig ResNet152 { get; } = ResNet50 with { Name = "resnet152", Depths = [3, 8, 36, 3] };

    /// <summary>ResNet-50 with the stride on the first 1x1 (He et al. 2015).</summary>
    public static ResNetConfig ResNet50V1 { get; } = ResNet50 with { Name = "resnet50-v1", StridePlacement = StridePlacement.FirstConv1x1 };

    /// <summary>
    /// ResNet-50 with the stride on the first 1x1, a ReLU also before the residual add, and a fixed 7x7 average pool. Source: the PyTorch
    /// note that rebuilds ResNet-50 and that this library started from.
    /// </summary>
    public static ResNetConfig ResNet50V1ReluBeforeAdd { get; } =
        ResNet50V1 with { Name = "resnet50-v1-relu-before-add", ReluBeforeAdd = true, FixedPool = 7 };

    /// <summary>ResNeXt-50 32x4d (torchvision; Xie et al. 2017).</summary>
    public static ResNetConfig ResNeXt50_32x4d { get; } = ResNet50 with { Name = "resnext50_32x4d", Groups = 32, WidthPerGroup = 4 };

    /// <summary>ResNeXt-101 32x8d (torchvision).</summary>
    public static ResNetConfig ResNeXt101_32x8d { get; } = ResNet101 with { Name = "resnext101_32x8d", Groups = 32, WidthPerGroup = 8 };

    /// <summary>ResNeXt-101 64x4d (torchvision).</summary>
    public static ResNetConfig ResNeXt101_64x4d { get; } = ResNet101 with { Name = "resnext101_64x4d", Groups = 64, WidthPerGroup = 4 };

    /// <summary>Wide ResNet-50-2 (torchvision; Zagoruyko and Komodakis 2016).</summary>
    public static ResNetConfig WideResNet50_2 { get; } = ResNet50 with { Name = "wide_resnet50_2", WidthPerGroup = 128 };

    /// <summary>Wide ResNet-101-2 (torchvision).</summary>
    public static ResNetConfig WideResNet101_2 { get; } = ResNet101 with { Name = "wide_resnet101_2", WidthPerGroup = 128 };

    /// <summary>ResNet-18 v2 (He et al. 2016), as timm's <c>resnetv2_18</c>.</summary>
    public static ResNetConfig ResNet18V2 { get; } = ResNet18 with { Name = "resnet18-v2", PreActivation = true };

    /// <summary>ResNet-50 v2 (He et al. 2016) with the stride on the 3x3, as timm's <c>resnetv2_50</c>.</summary>
    public static ResNetConfig ResNet50V2 { get; } = ResNet50 with { Name = "resnet50-v2", PreActivation = true };

    /// <summary>ResNet-101 v2, as timm's <c>resnetv2_101</c>.</summary>
    public static ResNetConfig ResNet101V2 { get; } = ResNet101 with { Name = "resnet101-v2", PreActivation = true };

    /// <summary>ResNet-152 v2, as timm's <c>resnetv2_152</c>.</summary>
    public static ResNetConfig ResNet152V2 { get; } = ResNet152 with { Name = "resnet152-v2", PreActivation = true };

    /// <summary>All presets, by name.</summary>
    public static ImmutableArray<ResNetConfig> Presets { get; } =
    [
        ResNet18, ResNet34, ResNet50, ResNet101, ResNet152, ResNet50V1, ResNet50V1ReluBeforeAdd,
        ResNeXt50_32x4d, ResNeXt101_32x8d, ResNeXt101_64x4d, WideResNet50_2, WideResNet101_2,
        ResNet18V2, ResNet50V2, ResNet101V2, ResNet152V2,
    ];
}
