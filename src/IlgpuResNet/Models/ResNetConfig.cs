using System.Collections.Immutable;

namespace IlgpuResNet.Models;

/// <summary>The two residual blocks of He et al. 2015 (arXiv:1512.03385, figure 5).</summary>
public enum ResNetBlock
{
    /// <summary>Two 3x3 convolutions; expansion 1.</summary>
    Basic,

    /// <summary>1x1, 3x3, 1x1; expansion 4.</summary>
    Bottleneck,
}

/// <summary>Which convolution of a bottleneck block carries the block's stride. Shapes cannot tell them apart.</summary>
public enum StridePlacement
{
    /// <summary>The 3x3 (torchvision's "v1.5").</summary>
    Conv3x3,

    /// <summary>The first 1x1 (v1, He et al. 2015).</summary>
    FirstConv1x1,
}

/// <summary>
/// Everything that tells one ResNet from another. Names and defaults are torchvision's
/// (<c>torchvision/models/resnet.py</c>), the default being v1.5.
/// </summary>
public sealed record ResNetConfig
{
    /// <summary>Channels of a bottleneck's output over its planes (He et al. 2015).</summary>
    public const int BottleneckExpansion = 4;

    /// <summary>The most stages a network may have.</summary>
    public const int MaxStages = 8;

    private const int MaxWidth = 1 << 16;

    /// <summary>Name for tables and messages, such as <c>resnet50</c>.</summary>
    public string Name { get; init; } = "resnet";

    /// <summary>The residual block of every stage.</summary>
    public required ResNetBlock Block { get; init; }

    /// <summary>Blocks in each stage, such as 3-4-6-3; one to eight stages of at least one block.</summary>
    public required ImmutableArray<int> Depths { get; init; }

    /// <summary>Number of classes: the rows of <c>fc</c>.</summary>
    public int NumClasses { get; init; } = 1000;

    /// <summary>Channels of the input image.</summary>
    public int InputChannels { get; init; } = 3;

    /// <summary>Channels of the 7x7 stem.</summary>
    public int StemWidth { get; init; } = 64;

    /// <summary>Planes of the first stage; each next stage has twice as many.</summary>
    public int BaseWidth { get; init; } = 64;

    /// <summary>Where a bottleneck's stride sits.</summary>
    public StridePlacement StridePlacement { get; init; } = StridePlacement.Conv3x3;

    /// <summary>True when a ReLU is applied to the branch before the residual add, besides the one after it.</summary>
    public bool ReluBeforeAdd { get; init; }

    /// <summary>Side of a fixed final average pool (stride equal to it), or null for the adaptive one over the whole map.</summary>
    public int? FixedPool { get; init; }

    /// <summary>Epsilon of every batch norm.</summary>
    public double BatchNormEpsilon { get; init; } = 1e-5;

    /// <summary>Channels of a block's output over its planes.</summary>
    public int Expansion => Block == ResNetBlock.Bottleneck ? BottleneckExpansion : 1;

    /// <summary>Planes of a stage (0-based): the width of its 3x3 convolutions.</summary>
    public int Planes(int stage) => BaseWidth << stage;

    /// <summary>Length of the feature vector that <c>fc</c> reads when the final map is 1x1.</summary>
    public int Features => Planes(Depths.Length - 1) * Expansion;

    /// <summary>Checks that the numbers make a network.</summary>
    /// <exception cref="GraphException">One does not; the message names it.</exception>
    internal void Validate()
    {
        Require(!Depths.IsDefaultOrEmpty && Depths.Length <= MaxStages && Depths.All(depth => depth >= 1), $"one to {MaxStages} stages of at least one block");
        Require(NumClasses >= 1, "at least one class");
        Require(InputChannels >= 1 && StemWidth >= 1 && BaseWidth >= 1, "at least one channel everywhere");
        Require((long)BaseWidth << (Depths.Length - 1) <= MaxWidth && StemWidth <= MaxWidth && InputChannels <= MaxWidth && NumClasses <= MaxWidth, $"widths and classes up to {MaxWidth}");
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
    /// ResNet-50 as the PyTorch note behind this project writes it: stride on the first 1x1, a ReLU also before
    /// the residual add, a fixed 7x7 average pool.
    /// </summary>
    public static ResNetConfig ResNet50Note { get; } = ResNet50V1 with { Name = "resnet50-note", ReluBeforeAdd = true, FixedPool = 7 };

    /// <summary>All presets, by name.</summary>
    public static ImmutableArray<ResNetConfig> Presets { get; } =
        [ResNet18, ResNet34, ResNet50, ResNet101, ResNet152, ResNet50V1, ResNet50Note];
}
