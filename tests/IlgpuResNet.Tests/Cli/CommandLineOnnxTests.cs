using IlgpuResNet.Cli;
using IlgpuResNet.Onnx;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Tests;

/// <summary>The tool on ONNX files: the answers of the weights they were made from.</summary>
[TestClass]
public sealed class CommandLineOnnxTests : CommandLineFixture
{
    private string Onnx => InFolder("thin.onnx");

    [TestInitialize]
    public void MakeOnnx()
    {
        using ResNet model = ResNet.Load(Weights);
        OnnxExport.Save(model, Onnx);
    }

    [TestMethod]
    public async Task Classify_gives_the_same_answer()
    {
        CommandLineResult weights = await Run("classify", Photo, "--weights", Weights, "--device", "cpu", "--top", "3");
        CommandLineResult onnx = await Run("classify", Photo, "--weights", Onnx, "--device", "cpu", "--top", "3");
        Assert.AreEqual(0, onnx.ExitCode, onnx.Error);
        Assert.AreEqual(weights.Output, onnx.Output);
    }

    [TestMethod]
    public async Task Info_shows_its_layers()
    {
        CommandLineResult result = await Run("info", "--weights", Onnx);
        Assert.AreEqual(0, result.ExitCode, result.Error);
        StringAssert.Contains(result.Output, "layer4.2.conv3");
        StringAssert.Contains(result.Output, "thin: 10 classes, ONNX, opset 17, made by IlgpuResNet");
    }

    [TestMethod]
    public async Task Embed_writes_a_row_of_features_for_each_picture()
    {
        string fromWeights = InFolder("weights.npy"), fromOnnx = InFolder("onnx.npy"), map = InFolder("map.npy");
        Assert.AreEqual(0,
            (await Run("embed", Photo, Photo, "--weights", Weights, "--device", "cpu", "-o", fromWeights, "-o", $"layer3={map}")).ExitCode);
        CommandLineResult result = await Run("embed", Photo, Photo, "--weights", Onnx, "--device", "cpu", "--batch", "2", "-o", fromOnnx);
        Assert.AreEqual(0, result.ExitCode, result.Error);
        NpyArray features = NpyArray.Load(fromOnnx);
        CollectionAssert.AreEqual(new[] { 2, 64 }, features.Shape);
        CollectionAssert.AreEqual(NpyArray.Load(fromWeights).Values, features.Values);
        CollectionAssert.AreEqual(features.Values[..64], features.Values[64..]);
        CollectionAssert.AreEqual(new[] { 2, 32, 14, 14 }, NpyArray.Load(map).Shape);
    }

    [TestMethod]
    public async Task Run_takes_and_gives_tensors_of_both_formats()
    {
        float[] values = TestData.Uniform(new Random(5), 2 * 3 * 224 * 224);
        string npy = InFolder("x.npy"), pb = InFolder("x.pb"), y = InFolder("y.npy"), z = InFolder("z.pb"), inner = InFolder("inner.npy");
        new NpyArray([2, 3, 224, 224], values).Save(npy);
        OnnxTensor.SavePb(pb, "x", [2, 3, 224, 224], values);
        Assert.AreEqual(0, (await Run("run", "--weights", Weights, "-i", npy, "-o", y, "--device", "cpu", "--batch", "2")).ExitCode);
        CommandLineResult result = await Run("run", Onnx, "-i", pb, "-o", z, "-o", $"layer1.0={inner}", "--device", "cpu");
        Assert.AreEqual(0, result.ExitCode, result.Error);
        CollectionAssert.AreEqual(NpyArray.Load(y).Values, OnnxTensor.LoadPb(z).ToArray());
        CollectionAssert.AreEqual(new[] { 2, 8, 56, 56 }, NpyArray.Load(inner).Shape);
    }

    [TestMethod]
    [DataRow("y.npy", null, "y.npy")]
    [DataRow("folder/y.pb", null, "folder/y.pb")]
    [DataRow("layer3", "layer3", "layer3.npy")]
    [DataRow("layer3.5", "layer3.5", "layer3.5.npy")]
    [DataRow("/conv1/Conv_output_0", "/conv1/Conv_output_0", "conv1Conv_output_0.npy")]
    [DataRow("layer3=a b.npy", "layer3", "a b.npy")]
    public void Outputs_are_files_tensors_or_both(string text, string? tensor, string file) =>
        Assert.AreEqual(new OutputTarget(tensor, file), OutputTarget.Parse(text));

    [TestMethod]
    public async Task What_does_not_fit_is_one_line()
    {
        string x = InFolder("x.npy");
        new NpyArray([1, 3, 32, 32], new float[3 * 32 * 32]).Save(x);
        AssertFails(await Run("run", Onnx, "-i", x, "-o", InFolder("y.npy"), "--device", "cpu"),
            "a fixed height of 224 pixels, but 32 was asked for");
        AssertFails(
            await Run("run", Weights, "-i", x, "-o", $"layer7={InFolder("y.npy")}", "--device", "cpu"), "no tensor called 'layer7'");
        AssertFails(
            await Run("classify", Photo, "--weights", Onnx, "--variant", "v1"), "an ONNX file says itself how its blocks are computed");
        AssertFails(await Run("run", Weights, "-i", x, "-o", x, "--device", "cpu"), "is an input too");
        AssertFails(await Run("run", Weights, "-i", x, "-o", InFolder("y.npy"), "-o", $"layer1={InFolder("y.npy")}", "--device", "cpu"),
            "written twice");
        CommandLineResult wrongName = await Run("run", Weights, "-i", x, "-o", $"layer1={InFolder("y.pth")}");
        Assert.AreEqual(Program.WrongUsage, wrongName.ExitCode);
        AssertOneLine(wrongName.Error, "--output writes .npy, .pb, .csv, .safetensors files");
        CommandLineResult twice = await Run("run", Onnx, "--weights", Weights, "-i", x, "-o", "y.npy");
        Assert.AreEqual(Program.WrongUsage, twice.ExitCode);
        AssertOneLine(twice.Error, "named twice");
    }
}
