using System.Collections.Immutable;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Models;

/// <summary>Stems of ResNets.</summary>
internal enum StemKind
{
    /// <summary>One 7x7 convolution with stride 2 (He et al. 2015).</summary>
    Conv7x7,

    /// <summary>Three 3x3 convolutions, the first with stride 2: ResNet-C and -D (He et al. 2018, arXiv:1812.01187, figure 2).</summary>
    Deep,

    /// <summary>One 3x3 convolution with stride 1, for images of CIFAR's size (He et al. 2015, section 4.2).</summary>
    Conv3x3,
}

/// <summary>How a shortcut changes its shape.</summary>
internal enum ShortcutKind
{
    /// <summary>A strided 1x1 convolution and a batch norm (option B of He et al. 2015).</summary>
    Conv,

    /// <summary>An average pool with the stride, a 1x1 convolution and a batch norm: ResNet-D (arXiv:1812.01187, figure 2).</summary>
    AveragePool,

    /// <summary>Every second pixel, and channels of zeros on both sides (option A of He et al. 2015).</summary>
    Padded,
}

/// <summary>Parts of a ResNet in which files differ from torchvision's layout; told from names and shapes.</summary>
internal sealed record ResNetLayout
{
    /// <summary>torchvision's layout.</summary>
    public static ResNetLayout Torchvision { get; } = new();

    /// <summary>The stem.</summary>
    public StemKind Stem { get; init; }

    /// <summary>Channels of a deep stem's first two convolutions; empty for others.</summary>
    public ImmutableArray<int> DeepWidths { get; init; } = [];

    /// <summary>True for a 3x3 max pool with stride 2 after the stem.</summary>
    public bool MaxPool { get; init; } = true;

    /// <summary>How a shortcut changes its shape.</summary>
    public ShortcutKind Shortcut { get; init; }

    /// <summary>
    /// Groups of the group norms that stand in the place of batch norms (Wu and He 2018, arXiv:1803.08494); null for batch norms. A norm
    /// of fewer channels, or of a number that they do not divide, has one group a channel.
    /// </summary>
    public int? NormGroups { get; init; }

    /// <summary>
    /// Channels between the two layers of each stage's squeeze-and-excitation (Hu et al. 2018, arXiv:1709.01507); empty without it.
    /// </summary>
    public ImmutableArray<int> SqueezeWidths { get; init; } = [];

    /// <summary>Layers of the head; default for <c>fc</c> with a bias, empty for none.</summary>
    public ImmutableArray<HeadLayer> Head { get; init; }

    /// <summary>Number of the convolution among the modules of a shortcut; the batch norm is the next.</summary>
    public int ShortcutConv => Shortcut is ShortcutKind.AveragePool ? 1 : 0;

    /// <summary>Side of the filter of a stem with one convolution.</summary>
    public int StemKernel => Stem is StemKind.Conv3x3 ? 3 : ResNetParameters.StemKernel;

    /// <summary>Layers of the head of a configuration.</summary>
    public ImmutableArray<HeadLayer> HeadOf(ResNetConfig config) => Head.IsDefault
        ? [new HeadLayer("fc", IsNorm: false, HasBias: true, config.Features, config.NumClasses, Relu: false)]
        : Head;

    /// <summary>The differences from torchvision's layout on one line; empty when there is none.</summary>
    public string Describe()
    {
        IEnumerable<string?> parts =
        [
            Stem switch { StemKind.Deep => "deep stem", StemKind.Conv3x3 => "3x3 stem", _ => null },
            MaxPool ? null : "no max pool",
            Shortcut switch
            {
                ShortcutKind.AveragePool => "average pools on shortcuts",
                ShortcutKind.Padded => "zeros on shortcuts",
                _ => null,
            },
            NormGroups is null ? null : "group norms",
            SqueezeWidths is [] ? null : "squeeze-and-excitation",
            Head.IsDefault ? null : Head.Length switch { 0 => "no classifier", 1 => null, var layers => $"{layers} layers after the pool" },
        ];
        return string.Join(", ", parts.Where(part => part is not null));
    }
}
