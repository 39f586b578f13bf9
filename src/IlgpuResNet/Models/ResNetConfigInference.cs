using System.Collections.Immutable;
using System.Globalization;
using IlgpuResNet.Files;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Models;

/// <summary>Infers the ResNet of a state dict from names and shapes, and checks that the state dict is complete.</summary>
internal static class ResNetConfigInference
{
    private const int MostStages = ResNetConfig.MaxStages;
    private const string Advice = "Check that the file is a complete checkpoint of a ResNet.";
    private const string Supported = "Use a ResNet, ResNeXt or wide ResNet of torchvision's layout, or a ResNet v2 of timm's.";
    private const string BatchCounter = ".num_batches_tracked";

    /// <summary>Infers the configuration of weights.</summary>
    /// <param name="weights">Tensors with torchvision's names.</param>
    /// <param name="variant">How blocks are computed, or null for the variant in the metadata, else v2 or v1.5, as the names tell.</param>
    /// <exception cref="WeightsException">A tensor is missing, has a wrong shape or is no ResNet's; or the metadata is wrong.</exception>
    public static ResNetConfig Infer(StateDict weights, ResNetVariant? variant = null)
    {
        (string stemFirst, string stemLast) = ResNetLayoutInference.StemFilters(weights);
        ImmutableArray<int> stem = Shape(weights, stemFirst, 4);
        ImmutableArray<int> first = Shape(weights, "layer1.0.conv1.weight", 4);
        bool bottleneck = weights.ContainsKey("layer1.0.conv3.weight");
        ImmutableArray<int> depths = Depths(weights);
        var config = new ResNetConfig
        {
            Block = bottleneck ? ResNetBlock.Bottleneck : ResNetBlock.Basic,
            Depths = depths,
            InputChannels = stem[1],
            StemWidth = Shape(weights, stemLast, 4)[0],
            BaseWidth = first[0],
            Layout = ResNetLayoutInference.Infer(weights, basic: !bottleneck),
        };
        if (bottleneck) config = WithBottleneckWidths(weights, config);
        if (config.IsTooWide)
        {
            string widest = $"layer1.0.conv{(bottleneck ? 3 : 1)}.weight";
            string shape = FileText.Shape(weights[widest].Shape);
            throw new WeightsException(
                $"{weights.Source}: tensor {widest} has shape {shape}, too wide for {depths.Length} stages. {Advice}");
        }
        config = ResNetVariants.Apply(config, Variant(weights, variant)) with
        {
            ReplaceStrideWithDilation = ModelMetadata.ReplaceStrideWithDilation(weights, config.Block, depths.Length),
        };
        config = WithHead(weights, PickledFacts.Apply(weights, config, keepVariant: variant is not null));
        Check(weights, config);
        if (config.NumClasses == 0 && IsShard(weights))
            throw new WeightsException($"{weights.Source}: its tensors are a part of a network. {AdviceFor(weights)}");
        return config with { Name = NameOf(config) };
    }

    private static ResNetConfig WithHead(StateDict weights, ResNetConfig config)
    {
        ImmutableArray<HeadLayer> head = ResNetLayoutInference.Head(weights, config.Features);
        return config with
        {
            NumClasses = head.IsDefault ? Shape(weights, "fc.weight", 2)[0] : head is [] ? 0 : head[^1].Outputs,
            Layout = config.Layout with { Head = head },
        };
    }

    /// <summary>Checks that every needed tensor is there with its shape, and none that would change the result.</summary>
    /// <exception cref="WeightsException">A tensor is missing, has a wrong shape or type, or has no place in the network.</exception>
    public static void Check(StateDict weights, ResNetConfig config)
    {
        var known = new HashSet<string>(StringComparer.Ordinal);
        foreach (ResNetParameter parameter in ResNetParameters.Of(config))
        {
            known.Add(parameter.Name);
            if (!weights.TryGetValue(parameter.Name, out StateTensor? tensor))
            {
                if (parameter.Optional) continue;
                string shapeOf = FileText.Shape(parameter.Shape);
                throw new WeightsException(
                    $"{weights.Source}: tensor {parameter.Name} is missing; shape {shapeOf} was expected. {AdviceFor(weights)}");
            }
            if (!tensor.IsFloat)
            {
                throw new WeightsException(
                    $"{weights.Source}: tensor {tensor.Name} holds {tensor.DataType} values, but floating-point numbers were expected. "
                    + "Quantised weights are not supported; use those that they were made from.");
            }
            ImmutableArray<int> shape = parameter.Kind == ParameterKind.LinearWeight ? ReshapedTensor.AsMatrix(tensor).Shape : tensor.Shape;
            if (!shape.SequenceEqual(parameter.Shape)) throw WrongShape(weights, tensor, FileText.Shape(parameter.Shape));
        }
        string[] others = [.. weights.Keys.Where(name => !known.Contains(name) && !IsCounter(name))];
        string? attention = Array.Find(others, name => name.Contains("attn", StringComparison.OrdinalIgnoreCase));
        if (attention is not null)
        {
            throw new WeightsException(
                $"{weights.Source}: tensor {FileText.Clean(attention)} belongs to attention, with which CLIP pools and no ResNet here. "
                + Supported);
        }
        if (others.FirstOrDefault() is { } unknown)
        {
            throw new WeightsException(
                $"{weights.Source}: tensor {FileText.Clean(unknown)} has no place in a ResNet of torchvision's layout; "
                + $"this kind of network is not supported. {Supported}");
        }

        static bool IsCounter(string name) =>
            name.EndsWith(BatchCounter, StringComparison.Ordinal) || name is ParameterNames.AveragedCounter;
    }

    private static ImmutableArray<int> Shape(StateDict weights, string name, int rank)
    {
        if (!weights.TryGetValue(name, out StateTensor? tensor))
        {
            bool recognised = weights.Keys.Any(key => key.StartsWith("layer1.0.", StringComparison.Ordinal));
            throw new WeightsException(recognised
                ? $"{weights.Source}: tensor {name} is missing. {AdviceFor(weights)}"
                : $"{weights.Source}: holds no ResNet: no tensor is called layer1.0.conv1.weight as in torchvision, nor as Hugging Face or "
                    + $"timm call it, under any prefix; {FirstTensor(weights)}. {Supported}");
        }
        ImmutableArray<int> shape = rank == 2 ? ReshapedTensor.AsMatrix(tensor).Shape : tensor.Shape;
        if (shape.Length != rank || shape.Contains(0)) throw WrongShape(weights, tensor, $"{rank} dimensions of at least 1");
        return shape;
    }

    private static string FirstTensor(StateDict weights) =>
        weights.Count == 0 ? "it has no tensors" : $"its first tensor is {FileText.Clean(weights.Keys.First())}";

    /// <summary>Advises what to do about a tensor that is missing.</summary>
    private static string AdviceFor(StateDict weights) => IsShard(weights)
        ? "The file is one of several that hold the network together, by its name; give their index (.index.json) or their folder."
        : Advice;

    private static bool IsShard(StateDict weights) => ShardedIndex.IndexOf(weights.Source) is not null;

    private static WeightsException WrongShape(StateDict weights, StateTensor tensor, string expected) =>
        new($"{weights.Source}: tensor {tensor.Name} has shape {FileText.Shape(tensor.Shape)}, but {expected} was expected. {Advice}");

    /// <summary>Number of blocks of each stage: one more than the highest index in the names. <see cref="Check"/> finds gaps.</summary>
    private static ImmutableArray<int> Depths(StateDict weights)
    {
        Span<int> depths = stackalloc int[MostStages];
        depths.Clear();
        int stages = 0;
        foreach (string name in weights.Keys)
        {
            if (!TryParseBlock(name, out int stage, out int block)) continue;
            stages = Math.Max(stages, stage + 1);
            depths[stage] = Math.Max(depths[stage], block + 1);
        }
        int missing = depths[..stages].IndexOf(0);
        return missing < 0
            ? [.. depths[..stages]]
            : throw new WeightsException(
                $"{weights.Source}: tensor layer{missing + 1}.0.conv1.weight is missing, though there is a layer{stages}. "
                + AdviceFor(weights));
    }

    private static bool TryParseBlock(string name, out int stage, out int block)
    {
        const string Prefix = "layer";
        stage = 0;
        block = 0;
        string[] parts = name.Split('.', 3);
        if (parts.Length != 3 || !parts[0].StartsWith(Prefix, StringComparison.Ordinal)) return false;
        if (!int.TryParse(parts[0].AsSpan(Prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int layer)) return false;
        stage = layer - 1;
        return stage is >= 0 and < MostStages
            && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out block) && block < int.MaxValue;
    }

    /// <summary>Infers planes, groups and their width from the shapes of the first block.</summary>
    private static ResNetConfig WithBottleneckWidths(StateDict weights, ResNetConfig config)
    {
        ImmutableArray<int> middle = Shape(weights, "layer1.0.conv2.weight", 4);
        ImmutableArray<int> last = Shape(weights, "layer1.0.conv3.weight", 4);
        // Three shapes have the width. If one differs from the other two, that one is wrong, and the check names it.
        int[] witnesses = [config.BaseWidth, middle[0], last[1]];
        Array.Sort(witnesses);
        int width = witnesses[1];
        if (width % middle[1] != 0)
            throw WrongShape(weights, weights["layer1.0.conv2.weight"], $"[{width}, channels of a group that divide {width}, 3, 3]");
        if (last[0] % ResNetConfig.BottleneckExpansion != 0)
        {
            string expected = $"[{ResNetConfig.BottleneckExpansion} times the planes, {width}, 1, 1]";
            throw WrongShape(weights, weights["layer1.0.conv3.weight"], expected);
        }
        config = config with { BaseWidth = last[0] / ResNetConfig.BottleneckExpansion, Groups = width / middle[1] };
        return config with { WidthPerGroup = WidthPerGroup(weights, config, middle[1]) };
    }

    /// <summary>
    /// The least width per group that gives the first stage's groups their channels. Several widths do if the stage has few planes; then
    /// the last stage, which has the most planes, decides.
    /// </summary>
    private static int WidthPerGroup(StateDict weights, ResNetConfig config, int channels)
    {
        int least = Least(channels, config.BaseWidth);
        int stage = config.Depths.Length - 1;
        if (!weights.TryGetValue($"layer{stage + 1}.0.conv2.weight", out StateTensor? last)) return least;
        if (last.Shape is not [_, var lastChannels, _, _]) return least;
        int fromLast = Least(lastChannels, (long)config.BaseWidth << stage);
        return (long)config.BaseWidth * fromLast / ResNetConfig.OrdinaryWidthPerGroup == channels ? fromLast : least;

        // A width beyond 32 bits is refused later as too wide.
        static int Least(int channels, long planes) =>
            (int)Math.Min(((long)channels * ResNetConfig.OrdinaryWidthPerGroup + planes - 1) / planes, int.MaxValue);
    }

    /// <summary>The variant that the user asks for, else the one in the metadata, else the one that the names tell.</summary>
    /// <exception cref="WeightsException">The variant does not agree with the names.</exception>
    private static ResNetVariant Variant(StateDict weights, ResNetVariant? asked)
    {
        // A v2 has its last norm where others have one after the stem.
        bool preActivation = HasModule("bn") && !HasModule("bn1");
        ResNetVariant variant = asked ?? ModelMetadata.Variant(weights) ?? (preActivation ? ResNetVariant.V2 : ResNetVariant.V15);
        if (preActivation == variant is ResNetVariant.V2) return variant;
        string found = preActivation
            ? "batch norms before its convolutions (variant v2)"
            : "batch norms after its convolutions (variant v1.5, v1 or v1-relu-before-add)";
        string source = asked is null ? "stated in its metadata" : "asked for";
        throw new WeightsException(
            $"{weights.Source}: variant {ResNetVariants.NameOf(variant)} is {source}, but its tensors are those of a ResNet with {found}. "
            + "Leave the variant out, or correct it.");

        bool HasModule(string path) => weights.Keys.Any(name => name.StartsWith($"{path}.", StringComparison.Ordinal));
    }

    private static string NameOf(ResNetConfig config)
    {
        string dilated = config.ReplaceStrideWithDilation.Contains(true) ? "-dilated" : "";
        foreach (ResNetConfig preset in ResNetConfig.Presets)
        {
            // In a basic block only the first convolution can have the stride.
            bool sameStride = config.Block == ResNetBlock.Basic || preset.StridePlacement == config.StridePlacement;
            if (preset.Block == config.Block && preset.Depths.SequenceEqual(config.Depths)
                && preset.StemWidth == config.StemWidth && preset.BaseWidth == config.BaseWidth
                && preset.Groups == config.Groups && preset.WidthPerGroup == config.WidthPerGroup
                && preset.PreActivation == config.PreActivation && sameStride
                && preset.ReluBeforeAdd == config.ReluBeforeAdd && preset.FixedPool == config.FixedPool)
            {
                return preset.Name + dilated;
            }
        }
        string block = config.Block == ResNetBlock.Bottleneck ? "bottleneck" : "basic";
        string groups = config is { Groups: 1, WidthPerGroup: ResNetConfig.OrdinaryWidthPerGroup }
            ? ""
            : $", {config.Groups}x{config.WidthPerGroup}d";
        return $"resnet{(config.PreActivation ? "-v2" : "")}({block} {string.Join('-', config.Depths)}{groups}){dilated}";
    }
}
