using System.Collections.Immutable;
using IlgpuResNet.Files;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Models;

/// <summary>Infers a <see cref="ResNetLayout"/> from tensor names and shapes, and from pickled modules where a file has them.</summary>
internal static class ResNetLayoutInference
{
    private const string MaxPoolModule = "maxpool.";
    private const int SmallKernel = 3;
    private const int UsualGroups = 32;
    private const int SmallestGroup = 2;

    /// <summary>Classes of modules that compute something else than the layers of a ResNet here, and that have no tensors.</summary>
    private static readonly string[] Unsupported =
    [
        "SiLU", "Swish", "GELU", "ELU", "Mish", "LeakyReLU", "Hardswish", "ReLU6", "Sigmoid", "Tanh", "BlurPool2d", "BlurPool", "AntiAlias",
        "LPPool2d", "PixelUnshuffle",
    ];

    /// <summary>Name of the filter that has the stem's output channels, and that of its first filter.</summary>
    public static (string First, string Last) StemFilters(StateDict weights) =>
        weights.ContainsKey("conv1.0.weight") ? ("conv1.0.weight", "conv1.6.weight") : ("conv1.weight", "conv1.weight");

    /// <summary>Infers all but the head.</summary>
    /// <exception cref="WeightsException">The stem is unknown, or a pickled module computes what no ResNet here does.</exception>
    public static ResNetLayout Infer(StateDict weights, bool basic)
    {
        CheckModules(weights);
        bool deep = weights.ContainsKey("conv1.0.weight");
        bool small = !deep && weights.TryGetValue("conv1.weight", out StateTensor? stem)
            && stem.Shape is [_, _, SmallKernel, SmallKernel];
        return new ResNetLayout
        {
            Stem = deep ? StemKind.Deep : small ? StemKind.Conv3x3 : StemKind.Conv7x7,
            DeepWidths = deep ? [FirstSize(weights, "conv1.0.weight"), FirstSize(weights, "conv1.3.weight")] : [],
            MaxPool = weights.Modules.TryGetValue(MaxPoolModule, out ModuleFacts? pool) ? pool.Class is "MaxPool2d" : !small,
            Shortcut = Shortcut(weights, padded: small && basic),
            NormGroups = NormGroups(weights),
            SqueezeWidths = SqueezeWidths(weights),
        };
    }

    /// <summary>Infers the head.</summary>
    /// <param name="weights">Tensors with torchvision's names.</param>
    /// <param name="features">Length of the trunk's feature vector.</param>
    /// <returns>The layers; default where the tensors are to be checked as torchvision's <c>fc</c>.</returns>
    /// <exception cref="WeightsException">There is a head, but of layers that are not supported.</exception>
    public static ImmutableArray<HeadLayer> Head(StateDict weights, int features)
    {
        if (HeadFinder.Parse(weights.Values.Select(tensor => (tensor.Name, tensor.Shape)), features) is { } head)
        {
            bool usual = head is [{ IsNorm: false, HasBias: true }];
            return usual ? default : head;
        }
        if (weights.ContainsKey("fc.weight")) return default;
        string first = weights.Keys.First(name => name.StartsWith("fc.", StringComparison.Ordinal));
        throw new WeightsException(
            $"{weights.Source}: tensor fc.weight is missing; its classifier has {FileText.Clean(first)} of shape "
            + $"{FileText.Shape(weights[first].Shape)}, and its tensors are no chain of linear layers and batch norms that takes the "
            + $"{features} features. Export the network as ONNX.");
    }

    /// <summary>Lists how the network computes where names and shapes do not tell; empty where pickled modules or metadata do.</summary>
    public static ImmutableArray<string> Assumptions(StateDict weights, ResNetConfig config)
    {
        if (weights.Modules.Count > 0 || weights.Metadata.ContainsKey(ModelMetadata.VariantKey)) return [];
        var assumptions = ImmutableArray.CreateBuilder<string>();
        assumptions.Add("ReLU");
        assumptions.Add(config.Layout.MaxPool ? "a max pool after the stem" : "stride 1 and no max pool in the stem");
        assumptions.Add("no blurred pooling");
        if (config.Layout.NormGroups is { } groups) assumptions.Add($"{groups} groups in group norms");
        bool several = config.Layout.Head is { IsDefault: false } head && head.Any(layer => layer.Relu);
        if (several) assumptions.Add("ReLU between the last layers");
        return assumptions.DrainToImmutable();
    }

    private static int FirstSize(StateDict weights, string name) =>
        weights.TryGetValue(name, out StateTensor? tensor) && tensor.Shape is [var size, ..] ? size : 1;

    /// <summary>
    /// Group norms have no running statistics. Their number of groups leaves no trace: timm's <c>resnet50_gn</c> has 32, so that the
    /// smallest groups have two channels, and narrower networks are taken to have groups of that size.
    /// </summary>
    private static int? NormGroups(StateDict weights)
    {
        if (!weights.TryGetValue("bn1.weight", out StateTensor? first) || first.Shape is not [var channels]) return null;
        if (weights.Keys.Any(name => name.EndsWith(".running_mean", StringComparison.Ordinal) && IsTrunk(name))) return null;
        return weights.Modules.GetValueOrDefault("bn1.")?.Groups ?? Math.Clamp(channels / SmallestGroup, 1, UsualGroups);
    }

    private static bool IsTrunk(string name) => !name.StartsWith("fc.", StringComparison.Ordinal);

    private static ImmutableArray<int> SqueezeWidths(StateDict weights)
    {
        var widths = ImmutableArray.CreateBuilder<int>();
        while (weights.TryGetValue($"layer{widths.Count + 1}.0.se.fc1.weight", out StateTensor? squeeze)
            && squeeze.Shape is [var width, _, 1, 1])
            widths.Add(width);
        return widths.DrainToImmutable();
    }

    private static ShortcutKind Shortcut(StateDict weights, bool padded)
    {
        bool any = false;
        foreach (string name in weights.Keys)
        {
            if (!name.Contains(".downsample.", StringComparison.Ordinal)) continue;
            any = true;
            if (name.EndsWith(".downsample.1.weight", StringComparison.Ordinal) && weights[name].Shape.Length == 4)
                return ShortcutKind.AveragePool;
        }
        return padded && !any ? ShortcutKind.Padded : ShortcutKind.Conv;
    }

    private static void CheckModules(StateDict weights)
    {
        foreach ((string path, ModuleFacts facts) in weights.Modules)
        {
            if (!Unsupported.Contains(facts.Class, StringComparer.Ordinal)) continue;
            throw new WeightsException(
                $"{weights.Source}: module {FileText.Clean(path.TrimEnd('.'))} is a {facts.Class}, which no ResNet here has; "
                + "export the network as ONNX.");
        }
    }
}
