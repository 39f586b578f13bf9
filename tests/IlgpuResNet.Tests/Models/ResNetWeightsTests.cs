using System.Globalization;

namespace IlgpuResNet.Tests;

/// <summary>
/// The table of published weights against torchvision's own, which <c>tests/reference/torchvision_weights.py</c> printed.
/// </summary>
[TestClass]
public sealed class ResNetWeightsTests
{
    private static readonly Row[] Torchvision =
    [
        .. File.ReadLines(Path.Combine(AppContext.BaseDirectory, "data", "torchvision-weights.csv")).Skip(1).Select(
            line => Row.Parse(line.Split(','))),
    ];

    [TestMethod]
    public void Every_figure_is_torchvisions()
    {
        Assert.HasCount(Torchvision.Length, ResNetWeights.All);
        foreach (Row row in Torchvision)
        {
            ResNetWeights weights = ResNetWeights.Parse($"{row.Enum}.{row.Tag}")!;
            Assert.AreEqual(row.Tag, weights.Tag);
            Assert.AreEqual(row.Url, weights.Url.AbsoluteUri);
            Assert.HasCount(row.Classes, weights.ClassNames);
            Assert.AreEqual(row.Parameters, weights.ParameterCount, weights.Name);
            Assert.AreEqual((row.Top1, row.Top5), (weights.Top1Accuracy, weights.Top5Accuracy), weights.Name);
            Assert.AreEqual(ImagePreset.ImageNet1KV1 with { ResizeSize = row.Resize, CropSize = row.Crop }, weights.Preset, weights.Name);
            Assert.AreEqual("bilinear", row.Interpolation);
        }
    }

    [TestMethod]
    public void A_network_alone_means_torchvisions_default()
    {
        foreach (Row row in Torchvision.Where(row => row.IsDefault))
        {
            Assert.AreEqual(row.Tag, ResNetWeights.Parse($"{row.Enum}.DEFAULT")!.Tag);
            Assert.AreEqual(row.Url, ResNetWeights.Parse(row.Enum.Replace("_Weights", "", StringComparison.Ordinal))!.Url.AbsoluteUri);
        }
        Assert.AreSame(ResNetWeights.ImageNet1KV2.ResNet50, ResNetWeights.Parse("resnet50"));
        Assert.AreSame(ResNetWeights.ImageNet1KV1.ResNet50, ResNetWeights.Parse("ResNet50:imagenet1k_v1"));
    }

    [TestMethod]
    [DataRow("")]
    [DataRow("resnet18:IMAGENET1K_V2")]
    [DataRow("resnet50:IMAGENET1K_V2:x")]
    [DataRow("resnet51")]
    [DataRow("resnet50.pth")]
    [DataRow(":IMAGENET1K_V1")]
    public void What_names_no_weights_is_none(string name) => Assert.IsNull(ResNetWeights.Parse(name));

    [TestMethod]
    [DataRow("resnet50", "no such file; LoadAsync takes the names")]
    [DataRow("ResNet50_Weights.IMAGENET1K_V1", "no such file; LoadAsync takes the names")]
    [DataRow("resnet-50", "resnet-50: no such file, nor published weights of that name")]
    [DataRow("resnet50:IMAGENET1K_V3", "no such file, nor published weights of that name")]
    [DataRow("resnet50.pth", "resnet50.pth: no such file.")]
    public void A_name_that_is_taken_for_a_file_says_so(string name, string message) =>
        StringAssert.Contains(Assert.ThrowsExactly<WeightsException>(() => Model.Load(name)).Message, message);

    [TestMethod]
    public void A_file_of_torchvisions_name_gets_the_preset_of_its_weights_in_every_format()
    {
        foreach (ResNetWeights weights in ResNetWeights.All)
        {
            Assert.AreEqual(weights.Preset, ResNetWeights.PresetOfFile($"/models/{weights.FileName}"));
            Assert.AreEqual(weights.Preset, ResNetWeights.PresetOfFile(Path.ChangeExtension(weights.FileName, "safetensors")));
        }
        Assert.AreEqual(ImagePreset.ImageNet1KV1, ResNetWeights.PresetOfFile("resnet50.pth"));
        Assert.AreEqual(ClassLabels.ImageNet, ResNetWeights.ImageNet1KV1.ResNet18.ClassNames);
    }

    private sealed record Row(
        string Enum, string Tag, bool IsDefault, string Url, int Classes, long Parameters, double Top1, double Top5, int Resize, int Crop,
        string Interpolation)
    {
        public static Row Parse(string[] fields) => new(
            fields[0], fields[1], fields[2] == "1", fields[3], Whole(fields[4]), Whole(fields[5]), Real(fields[6]), Real(fields[7]),
            Whole(fields[8]), Whole(fields[9]), fields[10]);

        private static int Whole(string text) => int.Parse(text, CultureInfo.InvariantCulture);

        private static double Real(string text) => double.Parse(text, CultureInfo.InvariantCulture);
    }
}
