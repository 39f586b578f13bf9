using IlgpuResNet.Cli;
using IlgpuResNet.Onnx;
using IlgpuResNet.Weights;
using IlgpuResNet.Weights.Torch;

namespace IlgpuResNet.Tests;

/// <summary><c>convert</c>: what goes through every format comes back in every bit.</summary>
[TestClass]
public sealed class ConvertCommandTests : CommandLineFixture
{
    private const int Seed = 9;

    private static readonly ResNetConfig Small = OnnxExportNetworks.Shrink(ResNetConfig.ResNet50);

    [TestMethod]
    [DataRow(DataType.Float32)]
    [DataRow(DataType.Float16)]
    [DataRow(DataType.BFloat16)]
    [DataRow(DataType.Float64)]
    public async Task Every_bit_comes_back_from_pth_to_safetensors_to_onnx_and_back(DataType type)
    {
        string[] files = [.. new[] { "a.pth", "b.safetensors", "c.onnx", "d.safetensors", "e.pt" }.Select(InFolder)];
        using StateDict source = OnnxExportNetworks.As(OnnxExportNetworks.Weights(Small, Seed), type);
        TorchZipWriter.Write(source, files[0]);
        foreach ((string from, string to) in files.Zip(files.Skip(1)))
        {
            CommandLineResult result = await Run("convert", from, to);
            Assert.AreEqual(0, result.ExitCode, result.Error);
            Assert.AreEqual("", result.Output);
            // Only a .pth file has no place for what safetensors said.
            if (to.EndsWith(".pt", StringComparison.Ordinal))
                StringAssert.Contains(result.Error, "no place for metadata, so this is left out: ");
            else Assert.AreEqual("", result.Error);
        }
        using (StateDict before = StateDict.Load(files[1])) TorchWriterTests.AssertSame(source, before);
        using StateDict end = StateDict.Load(files[4]);
        CollectionAssert.AreEqual(source.Keys.Where(name => name != "bn1.num_batches_tracked").ToArray(), end.Keys.ToArray());
        foreach (StateTensor tensor in end.Values) TorchWriterTests.AssertSame(source[tensor.Name], tensor);
    }

    [TestMethod]
    public async Task What_only_the_file_name_or_the_option_says_goes_along()
    {
        string v2Weights = InFolder("resnet50-11ad3fa6.pth"), copy = InFolder("copy.safetensors"), onnx = InFolder("copy.onnx"),
            back = InFolder("back.safetensors");
        using (StateDict weights = OnnxExportNetworks.Weights(Small, Seed)) TorchZipWriter.Write(weights, v2Weights);
        foreach (string[] arguments in new[] { new[] { v2Weights, copy, "--variant", "v1" }, [copy, onnx], [onnx, back] })
        {
            CommandLineResult result = await Run(["convert", .. arguments]);
            Assert.AreEqual(0, result.ExitCode, result.Error);
        }
        foreach (string path in new[] { copy, back })
        {
            using ResNet model = ResNet.Load(path);
            Assert.AreEqual(StridePlacement.FirstConv1x1, model.Config.StridePlacement);
            Assert.AreEqual(ImagePreset.ImageNet1KV2, model.Preset);
        }
    }

    [TestMethod]
    public async Task The_options_of_onnx_reach_the_file()
    {
        string kept = InFolder("kept.onnx"), folded = InFolder("folded.onnx"), refolded = InFolder("refolded.onnx");
        Assert.AreEqual(0, (await Run("convert", Weights, kept)).ExitCode);
        Assert.AreEqual(0, (await Run("convert", Weights, folded, "--fold", "--dynamic-size")).ExitCode);
        Assert.AreEqual(0, (await Run("convert", kept, refolded, "--fold", "--dynamic-size")).ExitCode);
        using OnnxFile file = OnnxFile.Load(folded);
        Assert.IsFalse(file.Graph.Nodes.Any(node => node.OpType == "BatchNormalization"));
        Assert.AreEqual("H", file.Graph.Inputs.Single().Shape!.Value[2].Parameter);
        CollectionAssert.AreEqual(File.ReadAllBytes(folded), File.ReadAllBytes(refolded));
    }

    [TestMethod]
    public async Task Weights_that_are_no_ResNets_are_written_with_a_warning()
    {
        string folded = InFolder("folded.onnx"), output = InFolder("weights.safetensors");
        Assert.AreEqual(0, (await Run("convert", Weights, folded, "--fold")).ExitCode);
        CommandLineResult result = await Run("convert", folded, output);
        Assert.AreEqual(0, result.ExitCode, result.Error);
        StringAssert.StartsWith(result.Error, $"warning: {output}: holds weights alone");
        StringAssert.Contains(result.Error, "bn1.weight is missing");
        Assert.AreEqual(1, result.Error.Count(c => c == '\n'), result.Error);
        using StateDict weights = StateDict.Load(output);
        Assert.IsTrue(weights.ContainsKey("conv1.bias"));

        // Other state dicts are converted as they are.
        string other = InFolder("other.safetensors"), torch = InFolder("other.pth");
        using (StateDict dict = StateDict.Create([("a", [2], [1, 2])])) dict.Save(other);
        Assert.AreEqual("", (await Run("convert", other, torch)).Error);
        using StateDict converted = StateDict.Load(torch);
        CollectionAssert.AreEqual(new[] { 1f, 2f }, converted["a"].ToArray());
        AssertFails(await Run("convert", other, InFolder("other.onnx")), $"{other}: holds no ResNet");
        AssertFails(await Run("convert", other, InFolder("v1.safetensors"), "--variant", "v1"), $"{other}: holds no ResNet");
    }

    [TestMethod]
    public async Task A_format_may_be_written_again_but_not_over_itself()
    {
        byte[] before = File.ReadAllBytes(Weights);
        foreach (string extension in new[] { ".pth", ".safetensors", ".onnx" })
        {
            string first = InFolder($"first{extension}"), second = InFolder($"second{extension}");
            Assert.AreEqual(0, (await Run("convert", Weights, first)).ExitCode);
            Assert.AreEqual(0, (await Run("convert", first, second)).ExitCode);
            CollectionAssert.AreEqual(File.ReadAllBytes(first), File.ReadAllBytes(second), extension);
            AssertFails(await Run("convert", first, first), $"{first}: is an input too");
            CollectionAssert.AreEqual(File.ReadAllBytes(second), File.ReadAllBytes(first), extension);
        }
        if (OperatingSystem.IsWindows()) return;
        string link = InFolder("link.safetensors");
        File.CreateSymbolicLink(link, Weights);
        AssertFails(await Run("convert", Weights, link), "is an input too");
        AssertFails(await Run("convert", link, Weights), "is an input too");
        CollectionAssert.AreEqual(before, File.ReadAllBytes(Weights));
    }

    [TestMethod]
    public async Task What_fails_is_one_line_and_loses_nothing()
    {
        string old = Write("old.onnx", "old"u8), text = Write("text.pth", "just some text that is no model"u8);
        AssertFails(await Run("convert", InFolder("none.pth"), old), "none.pth: no such file");
        AssertFails(await Run("convert", text, old), "text.pth: not a weights file");
        AssertFails(await Run("convert", Folder, old), "is a folder with 3 files of weights, such as old.onnx and text.pth; name one");
        AssertFails(await Run("convert", Weights, Path.Combine(Folder, "no", "a.onnx")), "its folder does not exist");
        AssertFails(await Run("convert", Weights, Path.Combine(Folder, "no", "a.pth")), "its folder does not exist");
        AssertFails(await Run("convert", Weights, Directory.CreateDirectory(InFolder("folder.pth")).FullName), "it is a folder");
        byte[] cut = File.ReadAllBytes(Weights)[..1000];
        AssertFails(await Run("convert", Write("cut.safetensors", cut), old), "cut.safetensors");
        Assert.AreEqual("old", File.ReadAllText(old));
        Assert.IsEmpty(Directory.GetFiles(Folder, "*.part"));
    }

    [TestMethod]
    [DataRow("a.bin", "'out' must end in .pth, .pt, .safetensors or .onnx, but is 'a.bin'")]
    [DataRow("a.pth --fold", "--fold has a meaning for ONNX files alone, but 'out' is 'a.pth'")]
    [DataRow("a.safetensors --dynamic-size", "--dynamic-size has a meaning for ONNX files alone")]
    [DataRow("a.pt --variant v1", "--variant cannot be written to a .pth file")]
    [DataRow("a.pth --mean 0", "--mean cannot be written to a .pth file")]
    [DataRow("a.onnx --variant v7", "--variant must be one of")]
    [DataRow("a.onnx b.onnx", "b.onnx")]
    [DataRow("--fold", "out")]
    public async Task Wrong_usage_is_one_line_and_exit_code_2(string arguments, string message)
    {
        CommandLineResult result = await Run(["convert", Weights, .. arguments.Split(' ')]);
        Assert.AreEqual(Program.WrongUsage, result.ExitCode, result.Error);
        AssertOneLine(result.Error, message);
    }
}
