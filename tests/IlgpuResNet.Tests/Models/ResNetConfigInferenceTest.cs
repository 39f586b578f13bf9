using System.Collections.Immutable;
using IlgpuResNet.Models;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Tests;

[TestClass]
public sealed class ResNetConfigInferenceTest
{
    public static IEnumerable<object[]> Presets => ResNetConfig.Presets.Select(preset => new object[] { preset.Name });

    [TestMethod]
    [DataRow("resnet18")]
    [DataRow("resnet50")]
    public void Parameters_are_torchvisions_in_its_order(string name)
    {
        string[] expected = [.. File.ReadLines(WeightsFolder.Golden($"{name}.names")).Where(line => !line.Contains("num_batches_tracked", StringComparison.Ordinal))];
        ResNetConfig config = ResNetConfig.Presets.Single(preset => preset.Name == name);
        CollectionAssert.AreEqual(expected, ResNetParameters.Of(config).Where(p => !p.Optional).Select(p => $"{p.Name} {Message.Shape(p.Shape)}").ToArray());
    }

    // The totals that torchvision documents for its weights.
    [TestMethod]
    [DataRow("resnet18", 11_689_512)]
    [DataRow("resnet34", 21_797_672)]
    [DataRow("resnet50", 25_557_032)]
    [DataRow("resnet101", 44_549_160)]
    [DataRow("resnet152", 60_192_808)]
    public void Parameters_add_up_to_torchvisions_totals(string name, long total)
    {
        ResNetConfig config = ResNetConfig.Presets.Single(preset => preset.Name == name);
        long sum = ResNetParameters.Of(config)
            .Where(p => !p.Optional && p.Kind is not (ParameterKind.RunningMean or ParameterKind.RunningVariance))
            .Sum(p => p.Shape.Aggregate(1L, (product, size) => product * size));
        Assert.AreEqual(total, sum);
    }

    [TestMethod]
    [DynamicData(nameof(Presets))]
    public void Recognises_each_preset(string name)
    {
        ResNetConfig config = ResNetConfig.Presets.Single(preset => preset.Name == name) with { NumClasses = 1001, InputChannels = 1 };
        using StateDict weights = Weights(Needed(config));
        Same(config, ResNetConfigInference.Infer(weights, ResNetVariants.Of(config)));
    }

    [TestMethod]
    [DataRow(ResNetBlock.Bottleneck, new[] { 2, 1, 3 }, 8, 6, "resnet(bottleneck 2-1-3)")]
    [DataRow(ResNetBlock.Basic, new[] { 1 }, 16, 16, "resnet(basic 1)")]
    [DataRow(ResNetBlock.Basic, new[] { 2, 2, 2, 2 }, 32, 64, "resnet(basic 2-2-2-2)")]
    [DataRow(ResNetBlock.Bottleneck, new[] { 1, 1, 1, 1, 1, 1, 1, 12 }, 4, 1, "resnet(bottleneck 1-1-1-1-1-1-1-12)")]
    public void Finds_free_depths_and_widths(ResNetBlock block, int[] depths, int stem, int width, string name)
    {
        var config = new ResNetConfig { Name = name, Block = block, Depths = [.. depths], NumClasses = 10, StemWidth = stem, BaseWidth = width };
        using StateDict weights = Weights(Needed(config));
        Same(config, ResNetConfigInference.Infer(weights));
    }

    [TestMethod]
    public void The_first_block_has_no_downsample_where_its_channels_fit()
    {
        string[] names = [.. Needed(ResNetConfig.ResNet50 with { StemWidth = 256 }).Select(p => p.Name)];
        Assert.IsFalse(names.Any(name => name.StartsWith("layer1.0.downsample", StringComparison.Ordinal)));
        Assert.IsTrue(names.Any(name => name.StartsWith("layer2.0.downsample", StringComparison.Ordinal)));
    }

    [TestMethod]
    public void Takes_biases_and_counters_and_checks_the_biases_shapes()
    {
        IEnumerable<ResNetParameter> all = ResNetParameters.Of(ResNetConfig.ResNet18);
        using StateDict weights = Weights(all.Append(new("bn1.num_batches_tracked", [], ParameterKind.RunningMean)));
        Assert.AreEqual("resnet18", ResNetConfigInference.Infer(weights).Name);

        using StateDict wrong = Weights(all.Select(p => p.Name == "layer2.0.downsample.0.bias" ? p with { Shape = [64] } : p));
        Throws(wrong, "model.pth: tensor layer2.0.downsample.0.bias has shape [64], but [128] was expected.");
    }

    [TestMethod]
    public void Names_every_tensor_that_is_missing()
    {
        ResNetParameter[] needed = Needed(ResNetConfig.ResNet50 with { Depths = [2, 1] });
        foreach (ResNetParameter parameter in needed)
        {
            using StateDict weights = Weights(needed.Where(p => p != parameter));
            WeightsException error = Assert.ThrowsExactly<WeightsException>(() => ResNetConfigInference.Infer(weights), parameter.Name);
            // Without its last convolution a bottleneck reads as a basic block, whose shapes then do not fit.
            if (parameter.Name != "layer1.0.conv3.weight") StringAssert.StartsWith(error.Message, $"model.pth: tensor {parameter.Name} is missing", StringComparison.Ordinal);
        }
    }

    [TestMethod]
    public void Names_every_tensor_of_a_wrong_shape()
    {
        ResNetParameter[] needed = Needed(ResNetConfig.ResNet50 with { Depths = [2, 1] });
        foreach (ResNetParameter parameter in needed)
        {
            ImmutableArray<int> wrong = [.. parameter.Shape, 1];
            using StateDict weights = Weights(needed.Select(p => p == parameter ? p with { Shape = wrong } : p));
            WeightsException error = Assert.ThrowsExactly<WeightsException>(() => ResNetConfigInference.Infer(weights), parameter.Name);
            StringAssert.StartsWith(error.Message, $"model.pth: tensor {parameter.Name} has shape {Message.Shape(wrong)}, but ", StringComparison.Ordinal);
        }
    }

    [TestMethod]
    [DataRow("layer1.1.conv1.weight", new[] { 64, 64, 1, 1 }, "model.pth: tensor layer1.1.conv1.weight has shape [64, 64, 1, 1], but [64, 256, 1, 1] was expected. Check that the file is a complete checkpoint of a ResNet.")]
    [DataRow("fc.weight", new[] { 1000, 512 }, "model.pth: tensor fc.weight has shape [1000, 512], but [1000, 2048] was expected.")]
    [DataRow("fc.weight", new[] { 0, 2048 }, "model.pth: tensor fc.weight has shape [0, 2048], but 2 dimensions of at least 1 was expected.")]
    [DataRow("conv1.weight", new[] { 64, 3, 3, 3 }, "model.pth: tensor conv1.weight has shape [64, 3, 3, 3], but [64, 3, 7, 7] was expected.")]
    [DataRow("layer1.0.conv2.weight", new[] { 64, 2, 3, 3 }, "a convolution of 32 groups (ResNeXt), which is not supported. Use a ResNet without groups and of ordinary width, such as resnet18 to resnet152.")]
    [DataRow("layer1.0.conv1.weight", new[] { int.MaxValue, 64, 1, 1 }, "too wide for 4 stages")]
    public void Refuses_a_ResNet50_with_another_shape(string name, int[] shape, string part)
    {
        using StateDict weights = Weights(Needed(ResNetConfig.ResNet50).Select(p => p.Name == name ? p with { Shape = [.. shape] } : p));
        Throws(weights, part);
    }

    [TestMethod]
    public void Refuses_a_wide_ResNet()
    {
        ResNetParameter[] needed = Needed(ResNetConfig.ResNet50);
        using StateDict weights = Weights(needed.Select(p => p.Name switch
        {
            "layer1.0.conv1.weight" => p with { Shape = [128, 64, 1, 1] },
            "layer1.0.conv2.weight" => p with { Shape = [128, 128, 3, 3] },
            "layer1.0.conv3.weight" => p with { Shape = [256, 128, 1, 1] },
            _ => p,
        }));
        Throws(weights, "of a wide ResNet, which is not supported");
    }

    [TestMethod]
    [DataRow("layer1.0.se.fc1.weight", "tensor layer1.0.se.fc1.weight has no place")]
    [DataRow("layer9.0.conv1.weight", "tensor layer9.0.conv1.weight has no place")]
    [DataRow("layer6.0.conv1.weight", "tensor layer5.0.conv1.weight is missing")]
    [DataRow("layer3.2000000000.conv1.weight", "tensor layer3.6.conv1.weight is missing")]
    [DataRow("layer1.0.downsample.2.weight", "has no place")]
    public void Refuses_a_ResNet50_with_one_tensor_more(string name, string part)
    {
        using StateDict weights = Weights(Needed(ResNetConfig.ResNet50).Append(new(name, [1], ParameterKind.ConvWeight)));
        Throws(weights, part);
    }

    [TestMethod]
    public void Refuses_a_backbone_and_says_what_it_lacks()
    {
        using StateDict weights = Weights(Needed(ResNetConfig.ResNet50).Where(p => !p.Name.StartsWith("fc.", StringComparison.Ordinal)));
        Throws(weights, "model.pth: tensor fc.weight is missing; the file seems to hold a backbone without its classifier. Use a checkpoint that has fc.weight");
    }

    [TestMethod]
    public void Refuses_another_network()
    {
        using StateDict weights = Weights([new("features.0.weight", [64, 3, 3, 3], ParameterKind.ConvWeight)]);
        Throws(weights, "model.pth: tensor conv1.weight is missing; torchvision's ResNet names were expected, but its first tensor is features.0.weight. Check that the file is a complete checkpoint of a ResNet.");
        using StateDict empty = Weights([]);
        Throws(empty, "it has no tensors");
    }

    private static void Throws(StateDict weights, string part) =>
        StringAssert.Contains(Assert.ThrowsExactly<WeightsException>(() => ResNetConfigInference.Infer(weights)).Message, part, StringComparison.Ordinal);

    private static void Same(ResNetConfig expected, ResNetConfig actual)
    {
        Assert.AreSequenceEqual(expected.Depths, actual.Depths);
        // Immutable arrays compare by reference; everything else is compared by the record.
        Assert.AreEqual(expected with { Depths = actual.Depths }, actual);
    }

    private static ResNetParameter[] Needed(ResNetConfig config) => [.. ResNetParameters.Of(config).Where(p => !p.Optional)];

    private static StateDict Weights(IEnumerable<ResNetParameter> parameters) =>
        new("model.pth", parameters.Select(p => new ShapeOnlyTensor { Name = p.Name, Shape = p.Shape, DataType = DataType.Float32 }));

    /// <summary>Inference must look at shapes alone.</summary>
    private sealed class ShapeOnlyTensor : StateTensor
    {
        public override void CopyTo(Span<float> destination) => throw new AssertFailedException($"{Name} was read");

        internal override void CopyBytes(long first, Span<byte> destination) => throw new AssertFailedException($"{Name} was read");
    }
}
