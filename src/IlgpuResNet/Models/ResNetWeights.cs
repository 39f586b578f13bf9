using System.Collections.Immutable;
using IlgpuResNet.Models;

namespace IlgpuResNet;

/// <summary>
/// Weights that torchvision publishes for a ResNet: where they are, how they are told from others, and what they are worth. All figures
/// are those of <c>torchvision/models/resnet.py</c>. <see cref="Model.LoadAsync(ResNetWeights, WeightsCache?, IProgress{DownloadProgress}?, CancellationToken)"/>
/// loads them from the user's cache, and downloads what is not there.
/// </summary>
public sealed partial class ResNetWeights
{
    private const string Folder = "https://download.pytorch.org/models/";
    private const string DefaultTag = "DEFAULT";

    /// <summary>What stands between network and tag in the names of torchvision's <c>get_weight</c>.</summary>
    private const string TorchvisionSeparator = "_Weights.";

    private readonly Lazy<long> parameterCount;

    internal ResNetWeights(ResNetConfig config, string tag, string hash, ImagePreset preset, double top1Accuracy, double top5Accuracy)
    {
        Config = config;
        Tag = tag;
        Sha256Prefix = hash;
        Preset = preset;
        Top1Accuracy = top1Accuracy;
        Top5Accuracy = top5Accuracy;
        parameterCount = new Lazy<long>(() => ResNetParameters.Of(config)
            .Where(parameter => parameter.IsLearnt && !parameter.Optional)
            .Sum(parameter => parameter.Shape.Aggregate(1L, (product, size) => product * size)));
    }

    /// <summary>The network.</summary>
    public ResNetConfig Config { get; }

    /// <summary>Which of the network's weights these are, as torchvision calls them, such as <c>IMAGENET1K_V2</c>.</summary>
    public string Tag { get; }

    /// <summary>Network and tag, such as <c>resnet50:IMAGENET1K_V2</c>: what <see cref="Parse"/> takes.</summary>
    public string Name => $"{Config.Name}:{Tag}";

    /// <summary>Name of the file, such as <c>resnet50-11ad3fa6.pth</c>.</summary>
    public string FileName => $"{Config.Name}-{Sha256Prefix}.pth";

    /// <summary>Address of the file.</summary>
    public Uri Url => new(Folder + FileName);

    /// <summary>
    /// The first eight hexadecimal digits of the file's SHA-256, which its name ends in; torchvision publishes no more of it. They tell a
    /// damaged file from a sound one, not a forged one from a true one.
    /// </summary>
    public string Sha256Prefix { get; }

    /// <summary>Names of the classes, the 1000 of ImageNet-1k.</summary>
    public ImmutableArray<string> ClassNames => ClassLabels.ForCount(Config.NumClasses);

    /// <summary>How images are prepared.</summary>
    public ImagePreset Preset { get; }

    /// <summary>Right first answers on ImageNet-1k's validation set in percent, as published (<c>acc@1</c>); not measured here.</summary>
    public double Top1Accuracy { get; }

    /// <summary>Right answers among the first five in percent, as published (<c>acc@5</c>); not measured here.</summary>
    public double Top5Accuracy { get; }

    /// <summary>Number of learnt values (<c>num_params</c>).</summary>
    public long ParameterCount => parameterCount.Value;

    /// <summary>All that torchvision publishes for ResNet, ResNeXt and Wide ResNet.</summary>
    public static ImmutableArray<ResNetWeights> All { get; } = [.. ImageNet1KV1.All, .. ImageNet1KV2.All];

    /// <summary>
    /// The weights of a name, or null when there are none: <c>resnet50:IMAGENET1K_V2</c>, torchvision's <c>ResNet50_Weights.IMAGENET1K_V2</c>,
    /// or <c>resnet50</c> for torchvision's default, which is the newest. Case does not count.
    /// </summary>
    public static ResNetWeights? Parse(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        string[] parts = name.Replace(TorchvisionSeparator, ":", StringComparison.OrdinalIgnoreCase).Split(':');
        if (parts.Length > 2) return null;
        string tag = parts.Length == 2 ? parts[1] : DefaultTag;
        return All.LastOrDefault(weights => weights.Config.Name.Equals(parts[0], StringComparison.OrdinalIgnoreCase)
            && (tag.Equals(DefaultTag, StringComparison.OrdinalIgnoreCase) || weights.Tag.Equals(tag, StringComparison.OrdinalIgnoreCase)));
    }

    /// <summary>The weights that a file is named after, whatever its format; null for any other name.</summary>
    internal static ResNetWeights? OfFile(string path)
    {
        string name = Path.GetFileNameWithoutExtension(path);
        return All.FirstOrDefault(weights => name.Equals(Path.GetFileNameWithoutExtension(weights.FileName), StringComparison.OrdinalIgnoreCase));
    }

    /// <inheritdoc/>
    public override string ToString() => Name;
}
