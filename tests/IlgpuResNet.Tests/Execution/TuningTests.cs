using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using IlgpuResNet.Execution;
using IlgpuResNet.Graphs;
using IlgpuResNet.Kernels;
using IlgpuResNet.Planning;

namespace IlgpuResNet.Tests;

/// <summary>Content of <see cref="SessionOptions.TuningFile"/>; a bad file costs a warning and nothing else.</summary>
[TestClass]
public sealed class TuningTests : IDisposable
{
    private const int Seed = 7_003;
    private const int Side = 64;

    private static readonly ResNetConfig Thin = ResNetConfig.ResNet18 with { StemWidth = 32, BaseWidth = 32, NumClasses = 10 };

    private readonly WeightsFolder folder = new();
    private readonly ResNet model = ResNet.Create(Thin, Seed);

    public void Dispose()
    {
        model.Dispose();
        folder.Dispose();
    }

    [TestMethod]
    public void What_was_timed_is_kept_and_taken_by_the_next_session()
    {
        string path = folder.PathOf("tuning.json");
        Kernels(path);
        // Had the next session timed, it would mostly have found the same: so it is told something else.
        var content = JsonNode.Parse(File.ReadAllText(path))!;
        JsonObject shapes = content["Devices"]!.AsObject().Single().Value!.AsObject();
        string shape = shapes.Select(pair => pair.Key).First(key => key.Contains("filter 3x3, stride 1x1", StringComparison.Ordinal));
        var direct = default(Conv2dMethod);
        var other = new Conv2dMethod(Conv2dAlgorithm.WinogradF2);
        Conv2dMethod told = shapes[shape]!.GetValue<string>() == direct.ToString() ? other : direct;
        shapes[shape] = told.ToString();
        File.WriteAllText(path, content.ToJsonString());
        string written = File.ReadAllText(path);

        using InferenceSession session = Open(model, path);
        string[] taken = [.. session.Plan.Steps.Zip(session.StepMethods)
            .Where(step => shape.StartsWith(Start(StepShapes.Conv2d(step.First)), StringComparison.Ordinal)).Select(
                step => step.Second.ToString())];
        Assert.IsTrue(taken.Length > 0 && taken.All(name => name == told.ToString()),
            $"{told} was told for {shape}, taken are {string.Join(", ", taken)}");
        Assert.AreEqual(written, File.ReadAllText(path), "nothing was timed, so nothing is written");

        static string Start(Conv2dShape conv) =>
            $"1x{conv.H}x{conv.W}x{conv.C} to {conv.P}x{conv.Q}x{conv.K}, filter {conv.R}x{conv.S}, stride {conv.StrideH}";
    }

    [TestMethod]
    public void A_classifier_keeps_what_its_session_timed()
    {
        string path = folder.PathOf("tuning.json");
        using ResNet small = SmallClassifier.Model();
        using var classifier = new ImageClassifier(small, ComputeDevice.Cpu, new ClassifierOptions { TuningFile = path });
        Assert.IsEmpty(classifier.Warnings, string.Join(", ", classifier.Warnings));
        StringAssert.Contains(File.ReadAllText(path), "Cpu ");
    }

    [TestMethod]
    public void Kernels_that_do_not_exist_are_timed_anew_and_other_devices_are_kept()
    {
        string path = folder.PathOf("tuning.json");
        Kernels(path);
        JsonElement devices = JsonDocument.Parse(File.ReadAllBytes(path)).RootElement.GetProperty("Devices");
        JsonProperty own = devices.EnumerateObject().Single();
        StringAssert.StartsWith(own.Name, "Cpu ");
        string spoiled = JsonSerializer.Serialize(new
        {
            Format = "ilgpu-resnet tuning 1",
            Devices = new Dictionary<string, Dictionary<string, string>>
            {
                ["another"] = new() { ["shape"] = "kernel" },
                [own.Name] = own.Value.EnumerateObject().ToDictionary(shape => shape.Name, _ => "Direct 7x7x7 /9"),
            },
        });
        File.WriteAllText(path, spoiled);
        Kernels(path);
        JsonElement again = JsonDocument.Parse(File.ReadAllBytes(path)).RootElement.GetProperty("Devices");
        Assert.AreEqual("kernel", again.GetProperty("another").GetProperty("shape").GetString());
        Assert.IsFalse(again.GetProperty(own.Name).EnumerateObject().Any(shape => shape.Value.GetString()!.Contains('9')));
        CollectionAssert.AreEquivalent(own.Value.EnumerateObject().Select(shape => shape.Name).ToArray(),
            again.GetProperty(own.Name).EnumerateObject().Select(shape => shape.Name).ToArray());
    }

    [TestMethod]
    [DataRow("", "it is empty")]
    [DataRow("{", "damaged")]
    [DataRow("{\"Format\": \"ilgpu-resnet tuning 1\", \"Devices\": {\"Cpu\": {\"1x", "damaged")]
    [DataRow("{\"Format\": \"ilgpu-resnet tuning 1\", \"Devices\": {\"Cpu\": {\"shape\": 3}}}", "damaged")]
    [DataRow("{\"Format\": \"ilgpu-resnet tuning 1\", \"Devices\": {\"Cpu\": {\"shape\": null}}}", "not a tuning file")]
    [DataRow("{\"Format\": \"ilgpu-resnet tuning 1\", \"Devices\": {\"Cpu\": null}}", "not a tuning file")]
    [DataRow("{\"Format\": \"ilgpu-resnet tuning 1\"}", "not a tuning file")]
    [DataRow("{\"Format\": \"ilgpu-resnet tuning 2\", \"Devices\": {}}", "not a tuning file")]
    [DataRow("null", "not a tuning file")]
    [DataRow("[1, 2]", "damaged")]
    [DataRow("\u0080\u0002}q\0", "damaged")]
    public void A_file_that_is_none_is_left_alone_with_one_warning(string content, string reason)
    {
        string path = folder.Write("tuning.json", Encoding.Latin1.GetBytes(content));
        AssertOneWarning(path, reason);
        CollectionAssert.AreEqual(Encoding.Latin1.GetBytes(content), File.ReadAllBytes(path));
    }

    [TestMethod]
    public void A_truncated_file_is_left_alone_wherever_it_ends()
    {
        string path = folder.PathOf("tuning.json");
        Kernels(path);
        byte[] whole = File.ReadAllBytes(path);
        for (int length = 0; length < whole.Length; length += 97)
        {
            File.WriteAllBytes(path, whole[..length]);
            Assert.IsNotNull(TuningFile.Open(path).Warning, $"{length} bytes");
        }
    }

    /// <summary>As a pipe, for which a reader would wait for ever, it has no length.</summary>
    [TestMethod, OSCondition(OperatingSystems.Linux)]
    public void A_device_is_left_alone_with_one_warning() => AssertOneWarning("/dev/null", "no regular file");

    [TestMethod]
    public void A_folder_is_left_alone_with_one_warning() => AssertOneWarning(folder.PathOf("."), "folder");

    [TestMethod]
    public void A_place_that_does_not_exist_costs_one_warning() =>
        AssertOneWarning(Path.Combine(folder.PathOf("nowhere"), "tuning.json"), "its folder does not exist");

    /// <summary>A file system that nobody may write to, the system's administrator included.</summary>
    [TestMethod, OSCondition(OperatingSystems.Linux)]
    public void A_place_that_cannot_be_written_costs_one_warning() => AssertOneWarning("/proc/tuning.json", "cannot be written");

    [TestMethod]
    public void A_file_larger_than_any_of_ours_is_not_read()
    {
        string path = folder.PathOf("tuning.json");
        using (FileStream stream = File.Create(path)) stream.SetLength(1L << 40);
        StringAssert.Contains(TuningFile.Open(path).Warning, "bytes, more than");
    }

    private static InferenceSession Open(ResNet model, string path) =>
        new(model, ComputeDevice.Cpu, new SessionOptions { Height = Side, Width = Side, TuningFile = path });

    private ImmutableArray<Conv2dMethod> Kernels(string path)
    {
        using InferenceSession session = Open(model, path);
        Assert.IsEmpty(session.Warnings, string.Join(", ", session.Warnings));
        return session.StepMethods;
    }

    private void AssertOneWarning(string path, string reason)
    {
        using InferenceSession session = Open(model, path);
        string warning = session.Warnings.Single();
        StringAssert.StartsWith(warning, path);
        StringAssert.Contains(warning, reason);
        Assert.DoesNotContain("\n", warning);
        float[] logits = new float[Thin.NumClasses];
        session.Run(TestData.Uniform(new Random(Seed), 3 * Side * Side), logits);
        Assert.IsTrue(logits.All(float.IsFinite));
    }
}

/// <summary>The stopwatch on the tiled kernels.</summary>
public abstract class MethodTunerTests(BackEnd backEnd)
{
    public required TestContext TestContext { get; set; }

    [TestMethod]
    public void A_kernel_that_the_family_offers_is_chosen_and_kept()
    {
        TestDevice device = TestDevice.Open(backEnd, TestContext);
        using var folder = new WeightsFolder();
        Conv2dNode conv = new()
        {
            Name = "conv",
            Inputs = ["input"],
            Output = "conv",
            Weight = TestTensors.Create("weight", [8, 8, 3, 3], new float[8 * 8 * 3 * 3]),
            Window = SlidingWindow.Create(pad: 1),
        };
        ExecutionPlan plan = ExecutionPlan.Create(new Graph("g", "input", 8, ["conv"], [conv]), 6, 6, 2);
        ImmutableArray<Conv2dMethod> offered = device.Kernels.Planner.Conv2dMethods(StepShapes.Conv2d(plan.Steps[0]) with { N = 2 });
        string path = folder.PathOf("tuning.json");
        var tuner = new MethodTuner(device.Accelerator, device.Kernels);
        Conv2dMethod chosen = tuner.Choose(plan, Numerics.Fast, "device", TuningFile.Open(path)).Single();
        CollectionAssert.Contains(offered, chosen);
        StringAssert.Contains(File.ReadAllText(path), $"\"{chosen}\"");
        Assert.IsTrue(tuner.Choose(plan, Numerics.Exact, "device", TuningFile.Open(path)).Single().IsExact);
    }
}

[TestClass]
public sealed class SimulatedNvidiaMethodTunerTests() : MethodTunerTests(BackEnd.SimulatedNvidia);

[TestClass, TestCategory("OpenCL")]
public sealed class OpenCLMethodTunerTests() : MethodTunerTests(BackEnd.OpenCL);

[TestClass, TestCategory("Cuda")]
public sealed class CudaMethodTunerTests() : MethodTunerTests(BackEnd.Cuda);
