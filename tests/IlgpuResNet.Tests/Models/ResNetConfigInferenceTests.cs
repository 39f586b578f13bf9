using System.Collections.Immutable;
using IlgpuResNet.Files;
using IlgpuResNet.Models;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Tests;

[TestClass]
public sealed class ResNetConfigInferenceTests
{
    public static IEnumerable<object[]> Goldens =>
        Golden.All.Where(golden => golden.Config.Variant is not null).Select(golden => new object[] { golden.Name });

    public static IEnumerable<object[]> Presets => ResNetConfig.Presets.Select(preset => new object[] { preset.Name });

    [TestMethod]
    [DataRow("resnet18")]
    [DataRow("resnet50")]
    public void Parameters_are_torchvisions_in_its_order(string name)
    {
        string[] expected = [.. File.ReadLines(WeightsFolder.Golden($"{name}.names")).Where(
            line => !line.Contains("num_batches_tracked", StringComparison.Ordinal))];
        ResNetConfig config = ResNetConfig.Presets.Single(preset => preset.Name == name);
        CollectionAssert.AreEqual(
            expected, ResNetParameters.Of(config).Where(p => !p.Optional).Select(p => $"{p.Name} {FileText.Shape(p.Shape)}").ToArray());
    }

    // The totals that torchvision documents for its weights.
    [TestMethod]
    [DataRow("resnet18", 11_689_512)]
    [DataRow("resnet34", 21_797_672)]
    [DataRow("resnet50", 25_557_032)]
    [DataRow("resnet101", 44_549_160)]
    [DataRow("resnet152", 60_192_808)]
    [DataRow("resnext50_32x4d", 25_028_904)]
    [DataRow("resnext101_32x8d", 88_791_336)]
    [DataRow("resnext101_64x4d", 83_455_272)]
    [DataRow("wide_resnet50_2", 68_883_240)]
    [DataRow("wide_resnet101_2", 126_886_696)]
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

    /// <summary>The scripts write what their networks are into the metadata, as files in the wild may.</summary>
    [TestMethod]
    [DynamicData(nameof(Goldens))]
    public void Finds_the_network_of_a_file_with_metadata(string name)
    {
        Golden golden = Golden.All.Single(candidate => candidate.Name == name);
        using ResNet model = ResNet.Load(golden.WeightsPath);
        ResNetConfig expected = golden.Config.ToResNetConfig(model.Config.Name);
        // Where several widths per group give the same channels, the least is found.
        Assert.IsLessThanOrEqualTo(expected.WidthPerGroup, model.Config.WidthPerGroup);
        Assert.AreEqual(expected.Width(expected.Depths.Length - 1), model.Config.Width(expected.Depths.Length - 1));
        Same(expected with { WidthPerGroup = model.Config.WidthPerGroup }, model.Config);
    }

    [TestMethod]
    [DataRow("resnext-3-groups", "resnet(bottleneck 1-2, 3x39d)")]
    [DataRow("wide-half", "resnet(bottleneck 2-1, 1x96d)")]
    [DataRow("dilated-last", "resnet(bottleneck 1-2-1-2)-dilated")]
    [DataRow("bottleneck-v2-biases", "resnet-v2(bottleneck 2-2)")]
    public void A_network_that_is_no_preset_is_called_by_what_it_is(string golden, string name)
    {
        using ResNet model = ResNet.Load(Golden.All.Single(candidate => candidate.Name == golden).WeightsPath);
        Assert.AreEqual(name, model.Config.Name);
    }

    [TestMethod]
    public void A_dilated_preset_keeps_its_name()
    {
        using StateDict weights = Weights(Needed(ResNetConfig.ResNeXt50_32x4d), ("replace_stride_with_dilation", "[false, true, true]"));
        ResNetConfig config = ResNetConfigInference.Infer(weights);
        Assert.AreEqual("resnext50_32x4d-dilated", config.Name);
        Assert.AreSequenceEqual(new[] { false, true, true }, config.ReplaceStrideWithDilation);
    }

    [TestMethod]
    [DataRow("[false, true]",
        "'replace_stride_with_dilation' should be 3 booleans, one for each stage after the first, but has 2 booleans. "
        + "Correct or remove that entry.")]
    [DataRow("[0, 1, 1]", "'replace_stride_with_dilation' should be a JSON array of booleans, but is '[0, 1, 1]'")]
    [DataRow("null", "should be a JSON array of booleans, but is 'null'")]
    [DataRow("true", "should be a JSON array of booleans, but is 'true'")]
    public void Wrong_dilation_in_the_metadata_is_refused(string value, string part)
    {
        using StateDict weights = Weights(Needed(ResNetConfig.ResNet50), ("replace_stride_with_dilation", value));
        Throws(weights, part);
    }

    [TestMethod]
    public void Dilation_of_basic_blocks_is_refused_and_no_dilation_is_not()
    {
        using StateDict dilated = Weights(Needed(ResNetConfig.ResNet18), ("replace_stride_with_dilation", "[false, false, true]"));
        Throws(dilated, "should be false for each stage of basic blocks");
        foreach (string none in new[] { "[]", "[false, false, false]" })
        {
            using StateDict weights = Weights(Needed(ResNetConfig.ResNet18), ("replace_stride_with_dilation", none));
            Assert.AreEqual("resnet18", ResNetConfigInference.Infer(weights).Name);
        }
    }

    [TestMethod]
    public void A_variant_that_the_names_contradict_is_refused()
    {
        using StateDict second = Weights(Needed(ResNetConfig.ResNet50V2)), first = Weights(Needed(ResNetConfig.ResNet50));
        Assert.AreEqual("resnet50-v2", ResNetConfigInference.Infer(second).Name);
        Throws(second,
            "model.pth: variant v1 is asked for, but its tensors are those of a ResNet with batch norms before its convolutions "
            + "(variant v2). Leave the variant out, or correct it.", ResNetVariant.V1);
        Throws(first,
            "model.pth: variant v2 is asked for, but its tensors are those of a ResNet with batch norms after its convolutions "
            + "(variant v1.5, v1 or v1-relu-before-add).", ResNetVariant.V2);
        using StateDict stated = Weights(Needed(ResNetConfig.ResNet50), ("variant", "v2"));
        Throws(stated, "variant v2 is stated in its metadata, but");
        Assert.AreEqual("resnet50", ResNetConfigInference.Infer(stated, ResNetVariant.V15).Name, "what is asked for comes first");
    }

    [TestMethod]
    public void Takes_a_classifier_kept_as_a_1x1_convolution()
    {
        IEnumerable<ResNetParameter> parameters = Needed(ResNetConfig.ResNet50V2);
        using StateDict weights = Weights(parameters.Select(p => p.Name == "fc.weight" ? p with { Shape = [.. p.Shape, 1, 1] } : p));
        Assert.AreEqual("resnet50-v2", ResNetConfigInference.Infer(weights).Name);
        using StateDict wrong = Weights(parameters.Select(p => p.Name == "fc.weight" ? p with { Shape = [.. p.Shape, 1, 2] } : p));
        Throws(wrong, "model.pth: tensor fc.weight has shape [1000, 2048, 1, 2], but 2 dimensions of at least 1 was expected.");
    }

    [TestMethod]
    [DataRow(ResNetBlock.Bottleneck, new[] { 2, 1, 3 }, 8, 6, "resnet(bottleneck 2-1-3)")]
    [DataRow(ResNetBlock.Basic, new[] { 1 }, 16, 16, "resnet(basic 1)")]
    [DataRow(ResNetBlock.Basic, new[] { 2, 2, 2, 2 }, 32, 64, "resnet(basic 2-2-2-2)")]
    [DataRow(ResNetBlock.Bottleneck, new[] { 1, 1, 1, 1, 1, 1, 1, 12 }, 4, 1, "resnet(bottleneck 1-1-1-1-1-1-1-12)")]
    public void Finds_free_depths_and_widths(ResNetBlock block, int[] depths, int stem, int width, string name)
    {
        var config =
            new ResNetConfig { Name = name, Block = block, Depths = [.. depths], NumClasses = 10, StemWidth = stem, BaseWidth = width };
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

    public static IEnumerable<object[]> Families =>
        ResNetConfig.Presets.Where(
            config => config.Name is "resnet50" or "resnext50_32x4d" or "wide_resnet50_2" or "resnet50-v2" or "resnet18-v2").Select(
                config => new object[] { config.Name });

    [TestMethod]
    [DynamicData(nameof(Families))]
    public void Names_every_tensor_that_is_missing(string name)
    {
        ResNetParameter[] needed = Needed(ResNetConfig.Presets.Single(config => config.Name == name) with { Depths = [2, 1] });
        // A classifier may have no bias.
        foreach (ResNetParameter parameter in needed.Where(p => p.Kind != ParameterKind.LinearBias))
        {
            using StateDict weights = Weights(needed.Where(p => p != parameter));
            WeightsException error = Assert.ThrowsExactly<WeightsException>(() => ResNetConfigInference.Infer(weights), parameter.Name);
            // Without its last convolution a bottleneck reads as a basic block, whose shapes then do not fit.
            if (parameter.Name != "layer1.0.conv3.weight")
                StringAssert.StartsWith(error.Message, $"model.pth: tensor {parameter.Name} is missing", StringComparison.Ordinal);
        }
    }

    [TestMethod]
    [DynamicData(nameof(Families))]
    public void Names_every_tensor_of_a_wrong_shape(string name)
    {
        ResNetParameter[] needed = Needed(ResNetConfig.Presets.Single(config => config.Name == name) with { Depths = [2, 1] });
        foreach (ResNetParameter parameter in needed)
        {
            ImmutableArray<int> wrong = [.. parameter.Shape, 1];
            using StateDict weights = Weights(needed.Select(p => p == parameter ? p with { Shape = wrong } : p));
            WeightsException error = Assert.ThrowsExactly<WeightsException>(() => ResNetConfigInference.Infer(weights), parameter.Name);
            StringAssert.StartsWith(
                error.Message, $"model.pth: tensor {parameter.Name} has shape {FileText.Shape(wrong)}, but ", StringComparison.Ordinal);
        }
    }

    [TestMethod]
    [DataRow("layer1.1.conv1.weight", new[] { 64, 64, 1, 1 },
        "model.pth: tensor layer1.1.conv1.weight has shape [64, 64, 1, 1], but [64, 256, 1, 1] was expected. "
        + "Check that the file is a complete checkpoint of a ResNet.")]
    [DataRow("fc.weight", new[] { 1000, 512 }, "model.pth: tensor fc.weight has shape [1000, 512], but [1000, 2048] was expected.")]
    [DataRow("fc.weight", new[] { 0, 2048 },
        "model.pth: tensor fc.weight has shape [0, 2048], but 2 dimensions of at least 1 was expected.")]
    [DataRow("conv1.weight", new[] { 64, 3, 5, 5 },
        "model.pth: tensor conv1.weight has shape [64, 3, 5, 5], but [64, 3, 7, 7] was expected.")]
    // A first block of 32 groups says ResNeXt; the next block contradicts it.
    [DataRow("layer1.0.conv2.weight", new[] { 64, 2, 3, 3 },
        "model.pth: tensor layer1.1.conv2.weight has shape [64, 64, 3, 3], but [64, 2, 3, 3] was expected.")]
    [DataRow("layer1.0.conv2.weight", new[] { 64, 3, 3, 3 },
        "model.pth: tensor layer1.0.conv2.weight has shape [64, 3, 3, 3], "
        + "but [64, channels of a group that divide 64, 3, 3] was expected.")]
    [DataRow("layer1.0.conv2.weight", new[] { 32, 64, 3, 3 },
        "model.pth: tensor layer1.0.conv2.weight has shape [32, 64, 3, 3], but [64, 64, 3, 3] was expected.")]
    [DataRow("layer1.0.conv3.weight", new[] { 256, 128, 1, 1 },
        "model.pth: tensor layer1.0.conv3.weight has shape [256, 128, 1, 1], but [256, 64, 1, 1] was expected.")]
    [DataRow("layer1.0.conv3.weight", new[] { 254, 64, 1, 1 },
        "model.pth: tensor layer1.0.conv3.weight has shape [254, 64, 1, 1], but [4 times the planes, 64, 1, 1] was expected.")]
    [DataRow("layer1.0.conv3.weight", new[] { int.MaxValue - 3, 64, 1, 1 },
        "model.pth: tensor layer1.0.conv3.weight has shape [2147483644, 64, 1, 1], too wide for 4 stages")]
    [DataRow("layer1.0.conv1.weight", new[] { int.MaxValue, 64, 1, 1 },
        "model.pth: tensor layer1.0.conv1.weight has shape [2147483647, 64, 1, 1], but [64, 64, 1, 1] was expected.")]
    [DataRow("layer4.0.conv2.weight", new[] { 512, 16, 3, 3 },
        "model.pth: tensor layer4.0.conv2.weight has shape [512, 16, 3, 3], but [512, 512, 3, 3] was expected.")]
    public void Refuses_a_ResNet50_with_another_shape(string name, int[] shape, string part)
    {
        using StateDict weights = Weights(Needed(ResNetConfig.ResNet50).Select(p => p.Name == name ? p with { Shape = [.. shape] } : p));
        Throws(weights, part);
    }

    [TestMethod]
    public void Widths_beyond_what_is_supported_are_refused()
    {
        ResNetParameter[] needed = Needed(ResNetConfig.ResNet50);
        using StateDict wide = Weights(needed.Select(p => p.Name switch
        {
            "layer1.0.conv1.weight" => p with { Shape = [int.MaxValue, 64, 1, 1] },
            "layer1.0.conv2.weight" => p with { Shape = [int.MaxValue, 1, 3, 3] },
            "layer1.0.conv3.weight" => p with { Shape = [256, int.MaxValue, 1, 1] },
            _ => p,
        }));
        Throws(wide, "model.pth: tensor layer1.0.conv3.weight has shape [256, 2147483647, 1, 1], too wide for 4 stages.");
        using StateDict basic = Weights(
            Needed(ResNetConfig.ResNet18).Select(p => p.Name == "layer1.0.conv1.weight" ? p with { Shape = [int.MaxValue, 64, 3, 3] } : p));
        Throws(basic, "model.pth: tensor layer1.0.conv1.weight has shape [2147483647, 64, 3, 3], too wide for 4 stages.");
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
    public void A_backbone_is_a_network_without_classes()
    {
        using StateDict weights = Weights(Needed(ResNetConfig.ResNet50).Where(p => !p.Name.StartsWith("fc.", StringComparison.Ordinal)));
        ResNetConfig config = ResNetConfigInference.Infer(weights);
        Assert.AreEqual(0, config.NumClasses);
        Assert.AreEqual("resnet50", config.Name);
    }

    [TestMethod]
    public void A_head_that_is_no_chain_of_layers_is_refused_by_name()
    {
        using StateDict weights = Weights(Needed(ResNetConfig.ResNet50).Select(
            p => p.Name == "fc.weight" ? p with { Name = "fc.parametrizations.weight.original1" } : p));
        Throws(weights,
            "model.pth: tensor fc.weight is missing; its classifier has fc.parametrizations.weight.original1 of shape [1000, 2048], and "
            + "its tensors are no chain of linear layers");
    }

    [TestMethod]
    public void A_shard_of_several_files_is_called_one()
    {
        ResNetParameter[] needed = Needed(ResNetConfig.ResNet50);
        using var weights = new StateDict(
            "model-00001-of-00002.safetensors",
            needed.Take(40).Select(p => new ShapeOnlyTensor { Name = p.Name, Shape = p.Shape, DataType = DataType.Float32 }),
            new Dictionary<string, string>());
        Throws(weights, "is one of several that hold the network together");
    }

    [TestMethod]
    public void Refuses_weights_that_are_whole_numbers()
    {
        using var weights = new StateDict(
            "model.pth",
            Needed(ResNetConfig.ResNet18).Select(p => new ShapeOnlyTensor
            {
                Name = p.Name,
                Shape = p.Shape,
                DataType = p.Name == "layer2.0.conv1.weight" ? DataType.Int8 : DataType.Float32
            }),
            new Dictionary<string, string>());
        Throws(weights, "model.pth: tensor layer2.0.conv1.weight holds Int8 values, but floating-point numbers were expected.");
    }

    [TestMethod]
    public void The_counter_of_averaged_weights_is_no_part_of_the_network()
    {
        using StateDict weights = Weights(Needed(ResNetConfig.ResNet50).Append(new("n_averaged", [1], ParameterKind.ConvWeight)));
        Same(ResNetConfig.ResNet50, ResNetConfigInference.Infer(weights));
    }

    [TestMethod]
    public void Refuses_another_network()
    {
        using StateDict weights = Weights([new("features.0.weight", [64, 3, 3, 3], ParameterKind.ConvWeight)]);
        Throws(weights,
            "model.pth: holds no ResNet: no tensor is called layer1.0.conv1.weight as in torchvision, nor as Hugging Face or timm call it, "
            + "under any prefix; its first tensor is features.0.weight.");
        using StateDict empty = Weights([]);
        Throws(empty, "it has no tensors");
    }

    private static void Throws(StateDict weights, string part, ResNetVariant? variant = null) =>
        StringAssert.Contains(Assert.ThrowsExactly<WeightsException>(() => ResNetConfigInference.Infer(weights, variant)).Message, part,
            StringComparison.Ordinal);

    private static void Same(ResNetConfig expected, ResNetConfig actual)
    {
        Assert.AreSequenceEqual(expected.Depths, actual.Depths);
        Assert.AreSequenceEqual(expected.ReplaceStrideWithDilation, actual.ReplaceStrideWithDilation);
        // Immutable arrays compare by reference; everything else is compared by the record.
        Assert.AreEqual(expected with { Depths = actual.Depths, ReplaceStrideWithDilation = actual.ReplaceStrideWithDilation }, actual);
    }

    private static ResNetParameter[] Needed(ResNetConfig config) => [.. ResNetParameters.Of(config).Where(p => !p.Optional)];

    private static StateDict Weights(IEnumerable<ResNetParameter> parameters, params (string Key, string Value)[] metadata) => new(
        "model.pth",
        parameters.Select(p => new ShapeOnlyTensor { Name = p.Name, Shape = p.Shape, DataType = DataType.Float32 }),
        metadata.ToDictionary(entry => entry.Key, entry => entry.Value));

    /// <summary>Inference must look at shapes alone.</summary>
    private sealed class ShapeOnlyTensor : StateTensor
    {
        public override void CopyTo(Span<float> destination) => throw new AssertFailedException($"{Name} was read");

        internal override void CopyBytes(long first, Span<byte> destination) => throw new AssertFailedException($"{Name} was read");
    }
}
