using System.Collections.Immutable;
using System.Diagnostics;
using IlgpuResNet.Graphs;
using IlgpuResNet.Models;
using IlgpuResNet.Onnx;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Tests;

/// <summary>Content of an export: names, types, metadata, and nothing that is lost.</summary>
[TestClass]
public sealed class OnnxExportFileTests : IDisposable
{
    private const int Seed = 5;
    private const string Python = "/usr/bin/python3";

    private static readonly ResNetConfig Thin = OnnxExportNetworks.Shrink(ResNetConfig.ResNet50);

    private readonly WeightsFolder folder = new();

    public void Dispose() => folder.Dispose();

    [TestMethod]
    public void Names_are_those_of_the_state_dict_and_its_modules()
    {
        using ResNet model = OnnxExportNetworks.Create(Thin, Seed);
        using OnnxFile file = Export(model, new OnnxExportOptions { Probabilities = true });
        Assert.AreEqual(8, file.IrVersion);
        Assert.AreEqual(17, file.Opsets[""]);
        CollectionAssert.AreEquivalent(model.Weights.Keys.ToArray(), file.Graph.Initializers.Keys.ToArray());
        Assert.AreEqual("input [N, 3, 224, 224]", Describe(file.Graph.Inputs.Single()));
        CollectionAssert.AreEqual(new[] { "logits [N, 11]", "probabilities [N, 11]" }, file.Graph.Outputs.Select(Describe).ToArray());
        OnnxNode conv = file.Graph.Nodes.Single(node => node.Name == "layer2.0.conv2");
        Assert.AreEqual("Conv", conv.OpType);
        CollectionAssert.AreEqual(new[] { "layer2.0.relu1", "layer2.0.conv2.weight" }, conv.Inputs.ToArray());
        CollectionAssert.AreEqual(new[] { "layer2.0.conv2" }, conv.Outputs.ToArray());
        Assert.AreEqual("layer4.1", file.Graph.Nodes.Single(node => node.Name == "avgpool").Inputs.Single());
    }

    [TestMethod]
    public void The_size_is_that_asked_for_the_presets_or_any()
    {
        using ResNet model = OnnxExportNetworks.Create(Thin, Seed);
        (OnnxExportOptions Options, string Input)[] cases =
        [
            (new() { Height = 65 }, "input [N, 3, 65, 224]"),
            (new() { Height = 65, Width = 66 }, "input [N, 3, 65, 66]"),
            (new() { DynamicSize = true }, "input [N, 3, H, W]"),
        ];
        foreach ((OnnxExportOptions options, string input) in cases)
        {
            using OnnxFile file = Export(model, options);
            Assert.AreEqual(input, Describe(file.Graph.Inputs.Single()));
        }
    }

    [TestMethod]
    public void The_metadata_says_the_network_its_preset_and_its_classes()
    {
        using StateDict weights = OnnxExportNetworks.Weights(OnnxExportNetworks.Shrink(ResNetConfig.ResNet50V1), Seed);
        string path = folder.PathOf("v1.safetensors");
        weights.Save(path, new Dictionary<string, string> { ["variant"] = "v1.5", ["note"] = "kept" });
        using ResNet loaded = ResNet.Load(path, ResNetVariant.V1, ImagePreset.ImageNet1KV2);
        using var named = (ResNet)loaded.WithClassNames(Enumerable.Range(0, 11).Select(i => $"name {i}"));
        using OnnxFile file = Export(named, new OnnxExportOptions());
        Assert.AreEqual("v1", file.Metadata["variant"]);
        Assert.AreEqual("kept", file.Metadata["note"]);
        using ResNet again = ResNet.FromWeights(OnnxStateDict.Load(file.Path));
        Assert.AreEqual(StridePlacement.FirstConv1x1, again.Config.StridePlacement);
        Assert.AreEqual(ImagePreset.ImageNet1KV2, again.Preset);
        CollectionAssert.AreEqual(named.ClassNames, again.ClassNames);
    }

    [TestMethod]
    public void A_network_that_no_entry_can_say_is_written_without_them()
    {
        using ResNet model = OnnxExportNetworks.Create(Thin with { BatchNormEpsilon = 0.25 }, Seed);
        using OnnxFile file = Export(model, new OnnxExportOptions());
        Assert.IsEmpty(file.Metadata);
        Assert.IsTrue(
            file.Graph.Nodes.Where(node => node.OpType == "BatchNormalization").All(node => node.Attributes["epsilon"].F == 0.25f));
    }

    [TestMethod]
    [DataRow(DataType.Float32)]
    [DataRow(DataType.Float16)]
    [DataRow(DataType.BFloat16)]
    [DataRow(DataType.Float64)]
    public void Every_element_type_is_kept_and_runs(DataType type)
    {
        using StateDict weights = OnnxExportNetworks.As(OnnxExportNetworks.Weights(Thin, Seed), type);
        using ResNet model = ResNet.Create(Thin, weights);
        using OnnxFile file = Export(model, new OnnxExportOptions { Height = 64, Width = 64 });
        using StateDict read = OnnxStateDict.Load(file.Path);
        Assert.HasCount(weights.Count - 1, read);
        foreach (StateTensor tensor in read.Values) TorchWriterTests.AssertSame(weights[tensor.Name], tensor);
        using var runtime = new OnnxExportRuntime(file.Path);
        Assert.IsLessThanOrEqualTo(1e-5, runtime.RelativeError(model, 2, 64, 64, Seed));
    }

    [TestMethod]
    [DataRow(DataType.Float32)]
    [DataRow(DataType.Float16)]
    [DataRow(DataType.Float64)]
    public void Folded_filters_and_biases_are_rounded_once(DataType type)
    {
        using StateDict weights = OnnxExportNetworks.As(OnnxExportNetworks.Weights(Thin, Seed, convBias: true), type);
        using ResNet model = ResNet.Create(Thin, weights);
        using OnnxFile file = Export(model, new OnnxExportOptions { FoldBatchNorms = true });
        Assert.IsFalse(file.Graph.Nodes.Any(node => node.OpType == "BatchNormalization"));
        foreach ((string conv, string norm) in new[] { ("conv1", "bn1"), ("layer2.0.conv3", "layer2.0.bn3"),
            ("layer3.0.downsample.0", "layer3.0.downsample.1") })
        {
            double[] gamma = Doubles($"{norm}.weight"), beta = Doubles($"{norm}.bias"), mean = Doubles($"{norm}.running_mean"),
                variance = Doubles($"{norm}.running_var");
            double[] filter = Doubles($"{conv}.weight"), bias = Doubles($"{conv}.bias");
            int perChannel = filter.Length / gamma.Length;
            double[] scale = [.. gamma.Select((g, k) => g / Math.Sqrt(variance[k] + 1e-5))];
            CollectionAssert.AreEqual(
                filter.Select((w, i) => (float)(w * scale[i / perChannel])).ToArray(),
                file.Graph.Initializers[$"{conv}.weight"].ToArray(), conv);
            CollectionAssert.AreEqual(
                bias.Select((b, k) => (float)(beta[k] + (b - mean[k]) * scale[k])).ToArray(),
                file.Graph.Initializers[$"{conv}.bias"].ToArray(), conv);
        }

        double[] Doubles(string name) => weights[name].ToDoubleArray();
    }

    [TestMethod]
    public void Batch_norms_that_no_convolution_can_take_stay()
    {
        using ResNet model = OnnxExportNetworks.Create(OnnxExportNetworks.Shrink(ResNetConfig.ResNet18V2), Seed);
        using OnnxFile file = Export(model, new OnnxExportOptions { FoldBatchNorms = true });
        string[] norms = [.. file.Graph.Nodes.Where(node => node.OpType == "BatchNormalization").Select(node => node.Name)];
        // Each block's first stands after a sum, and so does the last of all; the stem of the first block feeds its shortcut too.
        CollectionAssert.AreEqual(
            Enumerable.Range(1, 4).SelectMany(stage => Enumerable.Range(0, 2).Select(block => $"layer{stage}.{block}.bn1")).Append("bn")
                .ToArray(), norms);

        Graph both = ResNetGraph.Build(model.Config, model.Weights) with { Outputs = ["layer1.0.conv1", "logits"] };
        OnnxModelToWrite watched = OnnxExporter.Export(
            both, new OnnxExportOptions { FoldBatchNorms = true, Height = 64, Width = 64 }, ImmutableDictionary<string, string>.Empty);
        Assert.IsTrue(watched.Nodes.Any(node => node.Name == "layer1.0.bn2"), "an output must stay what it was");
    }

    [TestMethod]
    public void Names_that_PyTorch_gave_to_equal_tensors_are_found()
    {
        string path = folder.PathOf("shared.onnx");
        StateTensor tensor = TestTensors.Create("module.bn1.weight", [2], [1, 1]);
        OnnxNode identity =
            new("", "Identity", "", ["module.bn1.weight"], ["module.bn2.weight"], ImmutableDictionary<string, OnnxAttribute>.Empty);
        using (FileStream file = File.Create(path))
            OnnxWriter.Write(file, new OnnxModelToWrite("g", 13, [identity], [tensor], [], [], ImmutableDictionary<string, string>.Empty));
        using StateDict weights = OnnxStateDict.Load(path);
        CollectionAssert.AreEqual(new[] { "bn1.weight", "bn2.weight" }, weights.Keys.ToArray());
        CollectionAssert.AreEqual(new[] { 1f, 1f }, weights["bn2.weight"].ToArray());
    }

    [TestMethod]
    public void Closing_the_state_dict_closes_the_file()
    {
        using ResNet model = OnnxExportNetworks.Create(Thin, Seed);
        using OnnxFile file = Export(model, new OnnxExportOptions());
        StateDict weights = OnnxStateDict.Load(file.Path);
        weights.Dispose();
        Assert.ThrowsExactly<ObjectDisposedException>(() => weights["fc.bias"].ToArray());
    }

    [TestMethod]
    public void What_cannot_be_written_is_one_line_and_leaves_the_old_file()
    {
        string path = folder.Write("old.onnx", "old"u8);
        using ResNet note = OnnxExportNetworks.Create(OnnxExportNetworks.Shrink(ResNetConfig.ResNet50V1ReluBeforeAdd), Seed);
        StringAssert.Contains(Assert.ThrowsExactly<GraphException>(
            () => OnnxExport.Save(note, path, new OnnxExportOptions { Height = 64, Width = 64 })).Message, "avgpool");
        Assert.AreEqual("old", File.ReadAllText(path));
        string nowhere = folder.PathOf(Path.Combine("no", "a.onnx"));
        Assert.AreEqual($"{nowhere}: cannot be written: its folder does not exist.",
            Assert.ThrowsExactly<WeightsException>(() => OnnxExport.Save(note, nowhere)).Message);
        Graph optimized = note.Graph;
        StringAssert.Contains(
            Assert.ThrowsExactly<GraphException>(() => OnnxExporter.Export(
                optimized, new OnnxExportOptions { Height = 224, Width = 224 }, ImmutableDictionary<string, string>.Empty)).Message,
            "conv1: a fused epilogue cannot be written as ONNX");
    }

    [TestMethod]
    public void Onnx_checker_accepts_every_export()
    {
        foreach (ResNetConfig config in OnnxExportNetworks.Thin)
        {
            using ResNet model = OnnxExportNetworks.Create(config, Seed);
            OnnxExport.Save(model, folder.PathOf($"{config.Name}.onnx"), new OnnxExportOptions { Probabilities = true });
            OnnxExport.Save(
                model, folder.PathOf($"{config.Name}-folded.onnx"), new OnnxExportOptions { FoldBatchNorms = true, DynamicSize = true });
        }
        using ResNet half = ResNet.Create(Thin, OnnxExportNetworks.As(OnnxExportNetworks.Weights(Thin, Seed), DataType.BFloat16));
        OnnxExport.Save(half, folder.PathOf("bfloat16.onnx"));
        if (!File.Exists(Python) || RunPython("import onnx").ExitCode != 0)
            Assert.Inconclusive($"{Python} has no onnx (package python3-onnx).");
        (int exitCode, string output) =
            RunPython($"import glob, onnx\nfor path in glob.glob(r'{folder.PathOf("*.onnx")}'):\n"
                + "  onnx.checker.check_model(path, full_check=True)\n  print(path)");
        Assert.AreEqual(0, exitCode, output);
        Assert.AreEqual(2 * OnnxExportNetworks.Thin.Length + 1, output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length, output);
    }

    private static (int ExitCode, string Output) RunPython(string script)
    {
        using var python =
            Process.Start(new ProcessStartInfo(Python, ["-c", script]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> error = python.StandardError.ReadToEndAsync();
        string output = python.StandardOutput.ReadToEnd();
        python.WaitForExit();
        return (python.ExitCode, output + error.Result);
    }

    private OnnxFile Export(ResNet model, OnnxExportOptions options)
    {
        string path = folder.PathOf($"{Path.GetRandomFileName()}.onnx");
        OnnxExport.Save(model, path, options);
        return OnnxFile.Load(path);
    }

    private static string Describe(OnnxValue value) =>
        $"{value.Name} [{string.Join(", ", value.Shape!.Value.Select(size => size.Parameter ?? $"{size.Value}"))}]";
}
