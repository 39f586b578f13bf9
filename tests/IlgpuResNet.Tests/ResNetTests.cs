using IlgpuResNet.Imaging;
using IlgpuResNet.Labels;
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
                ["preset"] = """{"resize_size": 40, "crop_size": 36, "interpolation": "bicubic", "mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6]}""",
            });
            using ResNet loaded = ResNet.Load(path);
            Assert.AreEqual(StridePlacement.FirstConv1x1, loaded.Config.StridePlacement);
            CollectionAssert.AreEqual(new[] { "cat", "dog", "fish" }, loaded.ClassNames);
            Assert.AreEqual(new ImagePreset { ResizeSize = 40, CropSize = 36, Interpolation = Interpolation.Bicubic, Mean = (0.1f, 0.2f, 0.3f), Std = (0.4f, 0.5f, 0.6f) }, loaded.Preset);
            foreach (StateTensor tensor in created.Weights.Values) CollectionAssert.AreEqual(tensor.ToArray(), loaded.Weights[tensor.Name].ToArray(), tensor.Name);
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
        Assert.AreEqual(resize, ImagePreset.ForFile("folder/" + file).ResizeSize);

    [TestMethod]
    public void Configurations_that_are_no_network_are_refused()
    {
        foreach (ResNetConfig config in new[] { Thin with { Depths = [] }, Thin with { Depths = [1, 0] }, Thin with { NumClasses = 0 }, Thin with { StemWidth = 0 }, Thin with { BaseWidth = 1 << 20 }, Thin with { FixedPool = 0 } })
            Assert.ThrowsExactly<GraphException>(() => ResNet.Create(config));
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
