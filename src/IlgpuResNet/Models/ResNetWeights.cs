using System.Collections.Immutable;
using IlgpuResNet.Models;

namespace IlgpuResNet;

/// <summary>
/// Weights that torchvision publishes for a ResNet: network, preset, published accuracy and address. All figures are taken from
/// <c>torchvision/models/resnet.py</c>.
/// <see cref="Model.LoadAsync(ResNetWeights, WeightsCache?, IProgress{DownloadProgress}?, CancellationToken)"/> loads them from the user's
/// cache and downloads them first if they are not there.
/// </summary>
public sealed partial class ResNetWeights : PublishedFile
{
    /// <summary>Bytes that a file may have besides twice its parameters.</summary>
    private const long SpareBytes = 1 << 20;

    private const string Folder = "https://download.pytorch.org/models/";
    private const string DefaultTag = "DEFAULT";

    /// <summary>Separator of network and tag in the names that torchvision's <c>get_weight</c> takes.</summary>
    private const string TorchvisionSeparator = "_Weights.";

    private readonly Lazy<long> parameterCount;

    internal ResNetWeights(ResNetConfig config, string tag, string hash, ImagePreset preset, double top1Accuracy, double top5Accuracy)
        : base($"{config.Name}:{tag}", FileNameOf(config, hash), new Uri(Folder + FileNameOf(config, hash)), hash)
    {
        Config = config;
        Tag = tag;
        Preset = preset;
        Top1Accuracy = top1Accuracy;
        Top5Accuracy = top5Accuracy;
        parameterCount = new Lazy<long>(() => ResNetParameters.Of(config)
            .Where(parameter => parameter.IsLearnt && !parameter.Optional)
            .Sum(parameter => parameter.Shape.Aggregate(1L, (product, size) => product * size)));
    }

    /// <summary>The network.</summary>
    public ResNetConfig Config { get; }

    /// <summary>torchvision's name for these weights of the network, such as <c>IMAGENET1K_V2</c>.</summary>
    public string Tag { get; }

    /// <summary>Names of the 1000 classes of ImageNet-1k.</summary>
    public ImmutableArray<string> ClassNames => ClassLabels.ForCount(Config.NumClasses);

    /// <summary>How images are prepared.</summary>
    public ImagePreset Preset { get; }

    /// <summary>Top-1 accuracy on ImageNet-1k's validation set in percent, as published (<c>acc@1</c>); not measured here.</summary>
    public double Top1Accuracy { get; }

    /// <summary>Top-5 accuracy on ImageNet-1k's validation set in percent, as published (<c>acc@5</c>); not measured here.</summary>
    public double Top5Accuracy { get; }

    /// <summary>Number of learnt values (<c>num_params</c>).</summary>
    public long ParameterCount => parameterCount.Value;

    /// <inheritdoc/>
    internal override long MaxBytes => (2 * ParameterCount * sizeof(float)) + SpareBytes;

    /// <summary>All weights that torchvision publishes for ResNet, ResNeXt and Wide ResNet.</summary>
    public static ImmutableArray<ResNetWeights> All { get; } = [.. ImageNet1KV1.All, .. ImageNet1KV2.All];

    /// <summary>
    /// Finds weights by name: <c>resnet50:IMAGENET1K_V2</c>, torchvision's <c>ResNet50_Weights.IMAGENET1K_V2</c>, or <c>resnet50</c> for
    /// torchvision's default, which is the newest. Case is ignored.
    /// </summary>
    /// <returns>The weights, or null when none has that name.</returns>
    public static ResNetWeights? Parse(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        string[] parts = name.Replace(TorchvisionSeparator, ":", StringComparison.OrdinalIgnoreCase).Split(':');
        if (parts.Length > 2) return null;
        string tag = parts.Length == 2 ? parts[1] : DefaultTag;
        return All.LastOrDefault(weights => weights.Config.Name.Equals(parts[0], StringComparison.OrdinalIgnoreCase)
            && (tag.Equals(DefaultTag, StringComparison.OrdinalIgnoreCase) || weights.Tag.Equals(tag, StringComparison.OrdinalIgnoreCase)));
    }

    /// <summary>
    /// Returns the path of weights that are given by path or by name. A file comes before a name; a text that is neither is returned as it
    /// is, so that loading it reports the missing file.
    /// </summary>
    /// <param name="fileOrName">A path, or a name that <see cref="Parse"/> knows.</param>
    /// <param name="cache">Folder and source of the files; null for the user's folder and PyTorch's server.</param>
    /// <param name="progress">Receives the state of a download.</param>
    /// <param name="cancellation">Stops the download; the bytes received so far are kept for the next one.</param>
    /// <exception cref="DownloadException">The file is not in the cache and cannot be downloaded; the message has the reason.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static async Task<string> ResolveAsync(
        string fileOrName,
        WeightsCache? cache = null,
        IProgress<DownloadProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(fileOrName);
        if (Path.Exists(fileOrName) || Parse(fileOrName) is not { } weights) return fileOrName;
        return await (cache ?? new WeightsCache()).GetAsync(weights, progress, cancellation).ConfigureAwait(false);
    }

    /// <summary>
    /// Preset for a file that states none: the preset of the published weights whose file name it has, in any format, else the V1 preset.
    /// </summary>
    internal static ImagePreset PresetOfFile(string path)
    {
        string name = Path.GetFileNameWithoutExtension(path);
        ResNetWeights? weights = All.FirstOrDefault(
            published => name.Equals(Path.GetFileNameWithoutExtension(published.FileName), StringComparison.OrdinalIgnoreCase));
        return weights?.Preset ?? ImagePreset.ImageNet1KV1;
    }

    private static string FileNameOf(ResNetConfig config, string hash) => $"{config.Name}-{hash}.pth";
}
