extern alias Bench;

using System.Diagnostics;
using System.Text.Json;
using Bench::IlgpuResNet.Bench;
using IlgpuResNet.Cli;
using IlgpuResNet.SimulatedCuda;
using IlgpuResNet.Tests.SimulatedCuda;

namespace IlgpuResNet.Tests;

/// <summary>Networks of the size that users have, 224x224, on CUDA: the tool and the classifier give the processor's logits.</summary>
[TestClass, TestCategory("Cuda")]
public sealed class FullSizeNetworkTests
{
    /// <summary>Largest relative L2 error of logits: float32 sums in another order differ by less.</summary>
    private const double MostError = 1e-5;

    private const int Top = 1000;

    private static readonly string Image = Path.Combine(ImagingData.Folder, "files", "444.jpg");

    public required TestContext TestContext { get; set; }

    public static IEnumerable<object[]> Configurations => [[ResNetConfig.ResNet18], [ResNetConfig.ResNet50]];

    [TestMethod]
    [DynamicData(nameof(Configurations))]
    public void Classifier_gives_the_processors_logits(ResNetConfig config)
    {
        ComputeDevice device = TestDevice.OpenCompute(BackEnd.Cuda, TestContext);
        using ResNet model = RandomData.Network(config);
        float[] expected = Logits(model, ComputeDevice.Cpu), actual = Logits(model, device);
        AssertClose(config, expected, actual);
    }

    /// <summary>On a simulated driver the tool runs in a process of its own, with a driver of its own that finds no mistake.</summary>
    [TestMethod]
    [DynamicData(nameof(Configurations))]
    public async Task Tool_gives_the_processors_logits(ResNetConfig config)
    {
        TestDevice.OpenCompute(BackEnd.Cuda, TestContext);
        using var folder = new WeightsFolder(inMemory: true);
        string path = folder.PathOf($"{config.Name}.safetensors");
        using (ResNet model = RandomData.Network(config)) model.Weights.Save(path);
        string[] command = ["classify", Image, "--weights", path, "--top", $"{Top}", "--json", "--device"];
        string expected = await Run([.. command, "cpu"]);
        string actual;
        if (Simulator.Driver is null)
        {
            actual = await Run([.. command, "cuda:0"]);
        }
        else
        {
            SimulatedProcess tool = SimulatedProcess.Run("devices=A100;engine=warps", ["ilgpu-resnet.dll", .. command, "cuda:0"]);
            Assert.AreEqual(0, tool.ExitCode, tool.Output);
            Assert.IsTrue(tool.IsFaultless, tool.Report);
            actual = tool.Output;
        }
        AssertClose(config, LogitsOf(expected), LogitsOf(actual));
    }

    private static async Task<string> Run(string[] command)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        Assert.AreEqual(0, await Program.RunAsync(command, output, error), error.ToString());
        return output.ToString();
    }

    private float[] Logits(ResNet model, ComputeDevice device)
    {
        long start = Stopwatch.GetTimestamp();
        using var classifier = new ImageClassifier(model, device, new ClassifierOptions { Batch = 1 });
        Prediction[] predictions = classifier.Classify(Image, model.NumClasses);
        TestContext.WriteLine($"{device.Id}: {Stopwatch.GetElapsedTime(start).TotalSeconds:F1} s");
        return SimulatedNetworkTests.LogitsOf([.. predictions.Select(prediction => (prediction.Index, prediction.Probability))]);
    }

    private static float[] LogitsOf(string json)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        return SimulatedNetworkTests.LogitsOf([.. document.RootElement[0].GetProperty("predictions").EnumerateArray()
            .Select(prediction => (prediction.GetProperty("index").GetInt32(), prediction.GetProperty("probability").GetSingle()))]);
    }

    private void AssertClose(ResNetConfig config, float[] expected, float[] actual)
    {
        double error = SimulatedNetworkTests.RelativeError(expected, actual);
        TestContext.WriteLine($"{config.Name}: relative L2 error {error:E2}");
        Assert.IsLessThan(MostError, error, config.Name);
    }
}
