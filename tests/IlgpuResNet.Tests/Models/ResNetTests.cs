using System.Collections.Immutable;
using IlgpuResNet.Graphs;
using IlgpuResNet.Models;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Tests;

[TestClass]
public sealed class ResNetTests
{
    private static readonly ResNetConfig Thin = ResNetConfig.ResNet18 with { StemWidth = 16, BaseWidth = 8, NumClasses = 3 };

    /// <summary>Parameter counts of torchvision's model table.</summary>
    [TestMethod]
    [DataRow("resnet18", 11_689_512)]
    [DataRow("resnet34", 21_797_672)]
    [DataRow("resnet50", 25_557_032)]
    [DataRow("resnet101", 44_549_160)]
    [DataRow("resnet152", 60_192_808)]
    [DataRow("resnext50_32x4d", 25_028_904)]
    [DataRow("wide_resnet101_2", 126_886_696)]
    public void Presets_have_torchvisions_number_of_parameters(string name, int expected)
    {
        using ResNet model = ResNet.Create(ResNetConfig.Presets.Single(config => config.Name == name));
        Assert.AreEqual(expected, model.ParameterCount);
    }

    [TestMethod]
    public void The_same_seed_gives_the_same_weights_and_another_seed_others()
    {
        using ResNet a = ResNet.Create(Thin, 5), b = ResNet.Create(Thin, 5), c = ResNet.Create(Thin, 6);
        float[] first = a.Weights["layer2.0.conv1.weight"].ToArray();
        CollectionAssert.AreEqual(first, b.Weights["layer2.0.conv1.weight"].ToArray());
        CollectionAssert.AreNotEqual(first, c.Weights["layer2.0.conv1.weight"].ToArray());
        CollectionAssert.AreNotEqual(first[..100], a.Weights["layer2.0.conv2.weight"].ToArray()[..100]);
    }

    [TestMethod]
    public void Filters_are_Kaiming_normal_with_fan_out()
    {
        using ResNet model = ResNet.Create(ResNetConfig.ResNet18, 1);
        float[] values = model.Weights["layer4.1.conv2.weight"].ToArray();
        double mean = values.Average(value => (double)value);
        double deviation = Math.Sqrt(values.Average(value => (value - mean) * (value - mean)));
        double expected = Math.Sqrt(2.0 / (512 * 9));
        // Standard errors for n = 2.36 million: deviation / sqrt(n) of the mean, deviation / sqrt(2 n) of the deviation; six of each.
        double error = expected / Math.Sqrt(values.Length);
        Assert.AreEqual(0, mean, 6 * error);
        Assert.AreEqual(expected, deviation, 6 * error / Math.Sqrt(2));
        double beyondTwoSigma = values.Count(value => Math.Abs(value) > 2 * expected) / (double)values.Length;
        Assert.AreEqual(0.0455, beyondTwoSigma, 0.001, "tails of a normal distribution");
        float[] classifier = model.Weights["fc.weight"].ToArray();
        Assert.AreEqual(1 / Math.Sqrt(512), classifier.Max(), 1e-4);
        Assert.AreEqual(-1 / Math.Sqrt(512), classifier.Min(), 1e-4);
    }

    [TestMethod]
    public void A_created_network_survives_its_file()
    {
        string path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.safetensors");
        try
        {
            using ResNet created = ResNet.Create(Thin, 9);
            created.Weights.Save(path, new Dictionary<string, string>
            {
                ["classes"] = """["cat", "dog", "fish"]""",
                ["variant"] = "v1",
                ["preset"] =
                    """{"resize_size": 40, "crop_size": 36, "interpolation": "bicubic", "mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6]}""",
            });
            using ResNet loaded = ResNet.Load(path);
            Assert.AreEqual(StridePlacement.FirstConv1x1, loaded.Config.StridePlacement);
            CollectionAssert.AreEqual(new[] { "cat", "dog", "fish" }, loaded.ClassNames);
            Assert.AreEqual(new ImagePreset
            {
                ResizeSize = 40,
                CropSize = 36,
                Interpolation = Interpolation.Bicubic,
                Mean = (0.1f, 0.2f, 0.3f),
                Std = (0.4f, 0.5f, 0.6f)
            }, loaded.Preset);
            foreach (StateTensor tensor in created.Weights.Values)
                CollectionAssert.AreEqual(tensor.ToArray(), loaded.Weights[tensor.Name].ToArray(), tensor.Name);
            using ResNet asV15 = ResNet.Load(path, ResNetVariant.V15);
            Assert.AreEqual(StridePlacement.Conv3x3, asV15.Config.StridePlacement);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [TestMethod]
    public void Class_names_follow_the_number_of_classes()
    {
        Assert.HasCount(1000, ClassLabels.ImageNet);
        Assert.AreEqual("tench", ClassLabels.ImageNet[0]);
        Assert.AreEqual("toilet tissue", ClassLabels.ImageNet[999]);
        Assert.AreEqual("background", ClassLabels.ForCount(1001)[0]);
        Assert.AreEqual("tench", ClassLabels.ForCount(1001)[1]);
        CollectionAssert.AreEqual(new[] { "class 0", "class 1" }, ClassLabels.ForCount(2));
    }

    [TestMethod]
    [DataRow("resnet50-11ad3fa6.pth", 232)]
    [DataRow("resnet101-cd907fc2.pth", 232)]
    [DataRow("resnet50-0676ba61.pth", 256)]
    [DataRow("mine.safetensors", 256)]
    public void The_preset_of_torchvisions_files_is_known_by_name(string file, int resize) =>
        Assert.AreEqual(resize, ResNetWeights.PresetOfFile("folder/" + file).ResizeSize);

    [TestMethod]
    public void Configurations_that_are_no_network_are_refused()
    {
        foreach (ResNetConfig config in new[] { Thin with { Depths = [] }, Thin with { Depths = [1, 0] }, Thin with { NumClasses = 0 },
            Thin with { StemWidth = 0 }, Thin with { BaseWidth = 1 << 20 }, Thin with { FixedPool = 0 } })
            Assert.ThrowsExactly<GraphException>(() => ResNet.Create(config));
    }

    [TestMethod]
    [DataRow(1, 4, new[] { true, false, true }, "needs its ReLUs before")]
    [DataRow(1, 64, new[] { true, false },
        "one flag to replace stride with dilation for each of the 3 stages after the first, or none at all")]
    [DataRow(0, 64, new bool[0], "at least one group")]
    [DataRow(1, 0, new bool[0], "at least one group")]
    [DataRow(32, 7, new bool[0], "at least one channel in each group, but 8 planes and a width of 7 per group give none")]
    [DataRow(1 << 17, 64, new bool[0], "widths and classes up to 65536")]
    [DataRow(1 << 16, 1 << 16, new bool[0], "widths and classes up to 65536")]
    public void Groups_and_dilation_that_are_no_network_are_refused(int groups, int widthPerGroup, bool[] dilation, string part)
    {
        ResNetConfig config = ResNetConfig.ResNet50 with
        {
            BaseWidth = 8,
            Groups = groups,
            WidthPerGroup = widthPerGroup,
            ReplaceStrideWithDilation = [.. dilation],
        };
        if (dilation.Length == 3) config = config with { BaseWidth = 64, PreActivation = true, ReluBeforeAdd = true };
        StringAssert.Contains(Assert.ThrowsExactly<GraphException>(() => ResNet.Create(config)).Message, part);
    }

    [TestMethod]
    public void Basic_blocks_have_no_groups_and_no_dilation_as_in_torchvision()
    {
        foreach (ResNetConfig config in new[] { Thin with { Groups = 2 }, Thin with { WidthPerGroup = 128 },
            Thin with { ReplaceStrideWithDilation = [false, false, true] } })
            StringAssert.Contains(Assert.ThrowsExactly<GraphException>(() => ResNet.Create(config)).Message, "bottleneck blocks");
        using ResNet without = ResNet.Create(Thin with { ReplaceStrideWithDilation = [false, false, false] });
        Assert.IsGreaterThan(0, without.ParameterCount);
    }

    /// <summary>
    /// torchvision/models/resnet.py, <c>_make_layer</c>: the first block of a dilated stage keeps the dilation before it.
    /// </summary>
    [TestMethod]
    public void Dilation_replaces_strides_as_in_torchvision()
    {
        ResNetConfig config = ResNetConfig.ResNet50 with
        {
            Depths = [1, 2, 2, 2],
            StemWidth = 4,
            BaseWidth = 1,
            ReplaceStrideWithDilation = [true, false, true],
        };
        using ResNet model = ResNet.Create(config);
        Conv2dNode[] middle = [.. model.Graph.Nodes.OfType<Conv2dNode>().Where(
            conv => conv.Name.EndsWith("conv2", StringComparison.Ordinal))];
        (string, int, int, int)[] expected =
        [
            ("layer1.0.conv2", 1, 1, 1), ("layer2.0.conv2", 1, 1, 1), ("layer2.1.conv2", 1, 2, 2), ("layer3.0.conv2", 2, 2, 2),
            ("layer3.1.conv2", 1, 2, 2), ("layer4.0.conv2", 1, 2, 2), ("layer4.1.conv2", 1, 4, 4),
        ];
        Assert.AreSequenceEqual(
            expected, middle.Select(conv => (conv.Name, conv.Window.StrideH, conv.Window.DilationW, conv.Window.Pad.Bottom)));
    }

    /// <summary>int(planes * (base_width / 64.)) * groups, with torchvision's numbers and with planes that leave a remainder.</summary>
    [TestMethod]
    [DataRow(64, 32, 4, new[] { 128, 256, 512, 1024 })]
    [DataRow(64, 1, 128, new[] { 128, 256, 512, 1024 })]
    [DataRow(5, 3, 40, new[] { 9, 18, 36, 75 })]
    public void Widths_are_torchvisions(int baseWidth, int groups, int widthPerGroup, int[] widths)
    {
        ResNetConfig config = ResNetConfig.ResNet50 with { BaseWidth = baseWidth, Groups = groups, WidthPerGroup = widthPerGroup };
        Assert.AreSequenceEqual(widths, Enumerable.Range(0, 4).Select(config.Width));
    }

    /// <summary>A batch norm behind a sum or a pool has no convolution to go into: it is a step of its own, with its ReLU.</summary>
    [TestMethod]
    public void In_a_ResNet_v2_the_first_norm_of_each_block_and_the_last_are_steps_of_their_own()
    {
        using ResNet model = ResNet.Create(ResNetConfig.ResNet50V2);
        PointwiseNode[] pointwise = [.. model.Graph.Nodes.OfType<PointwiseNode>()];
        Assert.HasCount(16 + 1, pointwise);
        foreach (PointwiseNode node in pointwise)
        {
            Assert.IsTrue(node.Epilogue is { Relu: true, HasResidual: false, Scale: not null, Shift: not null }, node.Name);
            Assert.IsTrue(node.Name == "bn" || node.Name.EndsWith(".bn1", StringComparison.Ordinal), node.Name);
        }
        // The rest of 53 convolutions, 2 pools, view, classifier and softmax.
        Assert.HasCount(17 + 53 + 2 + 3, model.Graph.Nodes);
    }

    [TestMethod]
    public void Aliases_lead_to_tensors_of_the_graph()
    {
        foreach (ResNetConfig config in ResNetConfig.Presets)
        {
            using ResNet model = ResNet.Create(config);
            IReadOnlyDictionary<string, MapShape> shapes = ResNetGraph.Build(config, model.Weights).InferShapes(224, 224);
            ImmutableDictionary<string, string> aliases = ResNetGraph.Aliases(config);
            Assert.AreEqual(new MapShape(1, 1, 1000), shapes[aliases["fc"]], config.Name);
            Assert.AreEqual(new MapShape(14, 14, 256 * config.Expansion), shapes[aliases["layer3"]], config.Name);
            Assert.AreEqual(new MapShape(7, 7, config.Features), shapes[aliases["layer4"]], config.Name);
            Assert.IsFalse(aliases.Keys.Any(shapes.ContainsKey), "a name has one meaning");
        }
        Assert.AreEqual("layer3.5", ResNetGraph.Aliases(ResNetConfig.ResNet50)["layer3"]);
    }

    [TestMethod]
    public void Top_k_orders_by_score_then_index_with_NaN_last()
    {
        int[] indices = new int[6];
        Assert.AreEqual(6, TopK.Select([1f, float.NaN, 3f, 1f, float.NegativeInfinity, 3f], indices));
        CollectionAssert.AreEqual(new[] { 2, 5, 0, 3, 4, 1 }, indices);
        int[] two = new int[2];
        Assert.AreEqual(2, TopK.Select([1f, 2f, 3f], two));
        CollectionAssert.AreEqual(new[] { 2, 1 }, two);
        Assert.AreEqual(1, TopK.Select([1f], two));
    }
}
