using System.Collections.Immutable;
using System.Globalization;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Models;

/// <summary>Finds out from names and shapes which ResNet a state dict belongs to, and checks that it is complete.</summary>
internal static class ResNetConfigInference
{
    private const int MostStages = ResNetConfig.MaxStages;
    private const string Advice = "Check that the file is a complete checkpoint of a ResNet.";
    private const string Supported = "Use a ResNet without groups and of ordinary width, such as resnet18 to resnet152.";
    private const string BatchCounter = ".num_batches_tracked";

    /// <summary>The configuration of some weights.</summary>
    /// <param name="weights">Tensors with torchvision's names.</param>
    /// <param name="stridePlacement">Where a bottleneck's stride sits, which no shape tells.</param>
    /// <param name="reluBeforeAdd">See <see cref="ResNetConfig.ReluBeforeAdd"/>.</param>
    /// <param name="fixedPool">See <see cref="ResNetConfig.FixedPool"/>.</param>
    /// <exception cref="WeightsException">A tensor is missing, has a wrong shape or belongs to no ResNet of this library.</exception>
    public static ResNetConfig Infer(StateDict weights, StridePlacement stridePlacement = StridePlacement.Conv3x3, bool reluBeforeAdd = false, int? fixedPool = null)
    {
        ImmutableArray<int> stem = Shape(weights, "conv1.weight", 4);
        ImmutableArray<int> first = Shape(weights, "layer1.0.conv1.weight", 4);
        if (!weights.ContainsKey("fc.weight"))
            throw new WeightsException($"{weights.Source}: tensor fc.weight is missing; the file seems to hold a backbone without its classifier. Use a checkpoint that has fc.weight [classes, features] and fc.bias [classes].");
        ImmutableArray<int> classifier = Shape(weights, "fc.weight", 2);
        bool bottleneck = weights.ContainsKey("layer1.0.conv3.weight");
        if (bottleneck) RefuseGroupedAndWide(weights);

        var config = new ResNetConfig
        {
            Block = bottleneck ? ResNetBlock.Bottleneck : ResNetBlock.Basic,
            Depths = Depths(weights),
            NumClasses = classifier[0],
            InputChannels = stem[1],
            StemWidth = stem[0],
            BaseWidth = first[0],
            StridePlacement = stridePlacement,
            ReluBeforeAdd = reluBeforeAdd,
            FixedPool = fixedPool,
        };
        if (((long)config.BaseWidth << (config.Depths.Length - 1)) * config.Expansion > int.MaxValue)
            throw new WeightsException($"{weights.Source}: tensor layer1.0.conv1.weight has shape {Message.Shape(first)}, too wide for {config.Depths.Length} stages. {Advice}");
        Check(weights, config);
        return config with { Name = NameOf(config) };
    }

    /// <summary>Every needed tensor must be there with its shape, and nothing else that would change the result.</summary>
    /// <exception cref="WeightsException">It is not so.</exception>
    public static void Check(StateDict weights, ResNetConfig config)
    {
        var known = new HashSet<string>(StringComparer.Ordinal);
        foreach (ResNetParameter parameter in ResNetParameters.Of(config))
        {
            known.Add(parameter.Name);
            if (!weights.TryGetValue(parameter.Name, out StateTensor? tensor))
            {
                if (parameter.Optional) continue;
                throw new WeightsException($"{weights.Source}: tensor {parameter.Name} is missing; shape {Message.Shape(parameter.Shape)} was expected. {Advice}");
            }
            if (!tensor.Shape.SequenceEqual(parameter.Shape)) throw WrongShape(weights, tensor, Message.Shape(parameter.Shape));
        }
        string? unknown = weights.Keys.FirstOrDefault(name => !known.Contains(name) && !name.EndsWith(BatchCounter, StringComparison.Ordinal));
        if (unknown is not null)
            throw new WeightsException($"{weights.Source}: tensor {Message.Clean(unknown)} has no place in a ResNet of torchvision's layout; this kind of network is not supported. {Supported}");
    }

    private static ImmutableArray<int> Shape(StateDict weights, string name, int rank)
    {
        if (!weights.TryGetValue(name, out StateTensor? tensor))
        {
            string found = weights.Count == 0 ? "it has no tensors" : $"its first tensor is {Message.Clean(weights.Keys.First())}";
            throw new WeightsException($"{weights.Source}: tensor {name} is missing; torchvision's ResNet names were expected, but {found}. {Advice}");
        }
        if (tensor.Shape.Length != rank || tensor.Shape.Contains(0)) throw WrongShape(weights, tensor, $"{rank} dimensions of at least 1");
        return tensor.Shape;
    }

    private static WeightsException WrongShape(StateDict weights, StateTensor tensor, string expected) =>
        new($"{weights.Source}: tensor {tensor.Name} has shape {Message.Shape(tensor.Shape)}, but {expected} was expected. {Advice}");

    /// <summary>Blocks per stage: one more than the highest index in the names. A gap shows later as a missing tensor.</summary>
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
            : throw new WeightsException($"{weights.Source}: tensor layer{missing + 1}.0.conv1.weight is missing, though there is a layer{stages}. {Advice}");
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

    /// <summary>ResNeXt has groups in its 3x3, wide ResNets have inner widths that are not a quarter of the output.</summary>
    private static void RefuseGroupedAndWide(StateDict weights)
    {
        ImmutableArray<int> middle = Shape(weights, "layer1.0.conv2.weight", 4);
        ImmutableArray<int> last = Shape(weights, "layer1.0.conv3.weight", 4);
        if (middle[0] != middle[1] && middle[0] % middle[1] == 0)
            throw new WeightsException($"{weights.Source}: tensor layer1.0.conv2.weight has shape {Message.Shape(middle)}, a convolution of {middle[0] / middle[1]} groups (ResNeXt), which is not supported. {Supported}");
        if (middle[0] == middle[1] && middle[0] == last[1] && last[0] != last[1] * ResNetConfig.BottleneckExpansion && last[0] % ResNetConfig.BottleneckExpansion == 0)
            throw new WeightsException($"{weights.Source}: tensor layer1.0.conv3.weight has shape {Message.Shape(last)}, of a wide ResNet, which is not supported; [{last[1] * ResNetConfig.BottleneckExpansion}, {last[1]}, 1, 1] was expected. {Supported}");
    }

    private static string NameOf(ResNetConfig config)
    {
        foreach (ResNetConfig preset in ResNetConfig.Presets)
        {
            // In a basic block only the first convolution can carry the stride.
            bool sameStride = config.Block == ResNetBlock.Basic || preset.StridePlacement == config.StridePlacement;
            if (preset.Block == config.Block && preset.Depths.SequenceEqual(config.Depths)
                && preset.StemWidth == config.StemWidth && preset.BaseWidth == config.BaseWidth
                && sameStride && preset.ReluBeforeAdd == config.ReluBeforeAdd && preset.FixedPool == config.FixedPool)
            {
                return preset.Name;
            }
        }
        string block = config.Block == ResNetBlock.Bottleneck ? "bottleneck" : "basic";
        return $"resnet({block} {string.Join('-', config.Depths)})";
    }
}
