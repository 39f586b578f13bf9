using System.Collections.Immutable;
using IlgpuResNet.Bench;
using IlgpuResNet.Devices;
using IlgpuResNet.Execution;
using IlgpuResNet.Graphs;
using IlgpuResNet.Kernels;
using IlgpuResNet.Kernels.Tiled;
using IlgpuResNet.Planning;

namespace IlgpuResNet.Tests;

/// <summary>A session that a small file makes large is refused before it allocates; one that the program makes large is not.</summary>
[TestClass]
public sealed class MemoryLimitTests : IDisposable
{
    private const int Seed = 7_016;

    /// <summary>Growth of the process while a session is refused: what its own graph and message take, and the tests beside it.</summary>
    private const long MostGrowth = 128 << 20;

    /// <summary>Makes the input alone take 768 MiB.</summary>
    private const int LargeCrop = 8192;

    private static readonly ResNetConfig Thin =
        ResNetConfig.ResNet18 with { StemWidth = 8, BaseWidth = 8, Depths = [1, 1, 1, 1], NumClasses = 10 };

    private readonly WeightsFolder folder = new();

    public required TestContext TestContext { get; set; }

    public void Dispose() => folder.Dispose();

    [TestMethod]
    public void A_filter_that_ConstantOfShape_makes_is_refused_by_its_packed_length()
    {
        byte[] content = new OnnxSketch()
            .Input("x", [1, 1, 8191, 8191]).Longs("shape", 1, 1, 8191, 8191)
            .Node("ConstantOfShape", "shape", "w").Node("Conv", "x w", "y").Outputs("y").ToBytes();
        Refused(content, "of weights");
    }

    [TestMethod]
    public void A_matrix_that_ConstantOfShape_makes_is_refused()
    {
        byte[] content = new OnnxSketch()
            .Input("x", [1, 10_000]).Longs("shape", 10_000, 10_000)
            .Node("ConstantOfShape", "shape", "w").Node("MatMul", "x w", "y").Outputs("y").ToBytes();
        Refused(content, "of weights");
    }

    [TestMethod]
    public void A_filter_of_many_outputs_is_refused_by_its_activations()
    {
        byte[] content = new OnnxSketch()
            .Input("x", [0, 3, 224, 224]).Longs("shape", 8192, 3, 1, 1)
            .Node("ConstantOfShape", "shape", "w").Node("Conv", "x w", "y").Outputs("y").ToBytes();
        Refused(content, "of activations");
    }

    [TestMethod]
    public void A_crop_of_the_metadata_is_refused_and_one_of_the_program_is_not()
    {
        string path = Saved(crop: LargeCrop);
        using Model model = Model.Load(path);
        AssertNoGrowth(() =>
        {
            WeightsException error = Assert.ThrowsExactly<WeightsException>(() => new InferenceSession(model, ComputeDevice.Cpu));
            StringAssert.StartsWith(error.Message, path, StringComparison.Ordinal);
            StringAssert.Contains(error.Message, "of activations, more than the 610 MiB", StringComparison.Ordinal);
            StringAssert.Contains(error.Message, nameof(SessionOptions.MemoryLimit), StringComparison.Ordinal);
            Assert.ThrowsExactly<WeightsException>(() => new ImageClassifier(model, ComputeDevice.Cpu));
            Assert.ThrowsExactly<WeightsException>(() => new ClassActivationMapper(model, ComputeDevice.Cpu));
        });
        using (new InferenceSession(model, ComputeDevice.Cpu, new SessionOptions { MemoryLimit = long.MaxValue })) { }
        using (new InferenceSession(model, ComputeDevice.Cpu, new SessionOptions { Height = LargeCrop, Width = LargeCrop })) { }
        using Model given = Model.Load(path, preset: new ImagePreset { ResizeSize = LargeCrop, CropSize = LargeCrop });
        using (new InferenceSession(given, ComputeDevice.Cpu)) { }
    }

    [TestMethod]
    public void A_limit_that_is_set_holds_for_weights_and_activations_together()
    {
        using Model model = Model.Load(Saved(crop: 64));
        long bytes;
        using (var session = new InferenceSession(model, ComputeDevice.Cpu)) bytes = session.MemoryBytes;
        WeightsException error = Assert.ThrowsExactly<WeightsException>(
            () => new InferenceSession(model, ComputeDevice.Cpu, new SessionOptions { MemoryLimit = bytes }));
        StringAssert.Contains(error.Message, "of weights and activations", StringComparison.Ordinal);
        Assert.ThrowsExactly<WeightsException>(
            () => new ImageClassifier(model, ComputeDevice.Cpu, new ClassifierOptions { MemoryLimit = bytes }));
        using (new InferenceSession(model, ComputeDevice.Cpu, new SessionOptions { MemoryLimit = 64 << 20 })) { }
    }

    [TestMethod]
    [DataRow(nameof(ResNetConfig.ResNet152), 64, 224)]
    [DataRow(nameof(ResNetConfig.WideResNet101_2), 64, 224)]
    [DataRow(nameof(ResNetConfig.ResNet50), 1, 4000)]
    [DataRow(nameof(ResNetConfig.ResNeXt101_64x4d), 8, 1024)]
    public void Networks_of_torchvision_are_allowed_where_the_program_asks_for_the_size(string network, int batch, int side)
    {
        var config = (ResNetConfig)typeof(ResNetConfig).GetProperty(network)!.GetValue(null)!;
        using ResNet model = ResNet.FromWeights(ResNet.Create(config, Seed).Weights, fileLength: BytesOf(config));
        var options = new SessionOptions { MaxBatch = batch, Height = side, Width = side };
        CheckOnEveryFamily(model, options);
    }

    [TestMethod]
    public void Networks_of_torchvision_are_allowed_at_the_size_of_their_files_in_half_precision()
    {
        using ResNet model = ResNet.FromWeights(
            ResNet.Create(ResNetConfig.ResNet152, Seed).Weights, fileLength: BytesOf(ResNetConfig.ResNet152) / 2);
        CheckOnEveryFamily(model, new SessionOptions { MaxBatch = ClassifierOptions.BatchOf(model.Preset) });
    }

    [TestMethod]
    [DataRow(64, 64)]
    [DataRow(224, 8)]
    [DataRow(512, 8)]
    [DataRow(1024, 2)]
    [DataRow(16_384, 1)]
    public void The_default_batch_shrinks_with_large_crops(int crop, int batch) =>
        Assert.AreEqual(batch, ClassifierOptions.BatchOf(new ImagePreset { CropSize = crop }));

    private static long BytesOf(ResNetConfig config)
    {
        using ResNet model = ResNet.Create(config);
        return sizeof(float) * model.ParameterCount;
    }

    private static void CheckOnEveryFamily(ResNet model, SessionOptions options)
    {
        Network network = model.Bind(options.Height, options.Width, []);
        var allowance = new MemoryAllowance(model, options, network.InputShape);
        var plan = ExecutionPlan.Create(network, options.MaxBatch);
        long input = plan.Input.Shape.Count * plan.MaxBatch;
        IKernelFamily simd = ComputeDevice.Cpu.Open().Kernels;
        IFamilyPlanner tiled = new TiledPlanner(DeviceProfiles.Find("A100")!);
        foreach (IFamilyPlanner planner in (IFamilyPlanner[])[simd.Planner, tiled])
        {
            ImmutableArray<Conv2dMethod> methods = MethodSelector.Choose(planner, plan, Numerics.Fast);
            long workspace = StepOperator.WorkspaceLength(planner, StepOperator.Of(plan, methods));
            long weights = DeviceWeights.Bytes(
                planner, hostVisible: planner != tiled, plan.Steps, SharedWeights.AlgorithmsOf(methods), threads: 64);
            allowance.Check(weights, MemoryAllowance.ActivationBytes(plan, workspace, input));
        }
    }

    private string Saved(int crop)
    {
        string path = folder.PathOf($"crop{crop}.safetensors");
        string preset = $$"""
            {"resize_size": {{crop}}, "crop_size": {{crop}}, "interpolation": "bilinear", "mean": [0, 0, 0], "std": [1, 1, 1]}
            """;
        using ResNet model = ResNet.Create(Thin, Seed);
        model.Weights.Save(path, new Dictionary<string, string> { ["preset"] = preset });
        return path;
    }

    private void Refused(byte[] content, string part)
    {
        string path = folder.Write("small.onnx", content);
        using Model model = Model.Load(path);
        AssertNoGrowth(() =>
        {
            WeightsException error = Assert.ThrowsExactly<WeightsException>(() => new InferenceSession(model, ComputeDevice.Cpu));
            StringAssert.StartsWith(error.Message, path, StringComparison.Ordinal);
            StringAssert.Contains(error.Message, part, StringComparison.Ordinal);
            TestContext.WriteLine($"{content.Length} bytes: {error.Message[path.Length..]}");
        });
    }

    private static void AssertNoGrowth(Action refuse)
    {
        ComputeDevice.Cpu.Open();
        long allocated = GC.GetAllocatedBytesForCurrentThread();
        long? resident = ProcessMemory.Resident();
        refuse();
        Assert.IsLessThan(MostGrowth, GC.GetAllocatedBytesForCurrentThread() - allocated);
        if (resident is { } before) Assert.IsLessThan(MostGrowth, ProcessMemory.Resident()!.Value - before);
    }
}
