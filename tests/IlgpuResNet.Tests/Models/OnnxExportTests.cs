using System.Globalization;

namespace IlgpuResNet.Tests;

/// <summary>Exports in ONNX Runtime: on the same weights its answers are ours.</summary>
[TestClass]
public sealed class OnnxExportTests : IDisposable
{
    /// <summary>The project's bar for whole networks in float32.</summary>
    private const double Tolerance = 1e-5;

    /// <summary>Name of the test parameter that runs every preset as it is: <c>--test-parameter FullSize=true</c>.</summary>
    private const string FullSize = nameof(FullSize);

    private const int Seed = 20_261_123;

    private readonly WeightsFolder folder = new();

    public required TestContext TestContext { get; set; }

    public static IEnumerable<object[]> ThinNames => OnnxExportNetworks.Thin.Select(config => new object[] { config.Name });

    public void Dispose() => folder.Dispose();

    [TestMethod]
    [DynamicData(nameof(ThinNames))]
    public void Every_kind_of_network_answers_as_here(string name)
    {
        ResNetConfig config = OnnxExportNetworks.Thin.Single(candidate => candidate.Name == name);
        using ResNet model = OnnxExportNetworks.Create(config, Seed, convBias: name == "gray");
        // A fixed pool of 7 makes one pixel of maps of 7 to 13 pixels alone.
        (int Height, int Width)[] sizes = config.FixedPool is null ? [(64, 64), (97, 75)] : [(224, 224), (250, 230)];
        foreach (bool fold in new[] { false, true })
        {
            string path = folder.PathOf($"{fold}.onnx");
            OnnxExport.Save(model, path, new OnnxExportOptions { FoldBatchNorms = fold, DynamicSize = true });
            using var runtime = new OnnxExportRuntime(path);
            foreach ((int height, int width) in sizes)
            {
                Check(runtime, model, 1, height, width, $"fold {fold}");
                Check(runtime, model, 3, height, width, $"fold {fold}");
            }
        }
    }

    [TestMethod]
    [DynamicData(nameof(ThinNames))]
    public void An_export_that_is_loaded_here_answers_in_the_same_bits(string name)
    {
        ResNetConfig config = OnnxExportNetworks.Thin.Single(candidate => candidate.Name == name);
        using ResNet model = OnnxExportNetworks.Create(config, Seed);
        string path = folder.PathOf("again.onnx");
        OnnxExport.Save(model, path);
        using Model again = Model.Load(path);
        float[] images = TestData.Uniform(new Random(Seed), config.InputChannels * 224 * 224);
        TestData.AssertSameBits(OnnxExportRuntime.RunHere(model, images, 1, 224, 224, config.NumClasses),
            OnnxExportRuntime.RunHere(again, images, 1, 224, 224, config.NumClasses), name);
    }

    [TestMethod]
    public void A_network_of_full_size_answers_as_here() => CheckFullSize(ResNetConfig.ResNet18);

    [TestMethod, TestCategory(FullSize)]
    public void Every_preset_answers_as_here_at_full_size()
    {
        if (!TestContext.Properties.TryGetValue(FullSize, out object? wanted) || wanted is not "true")
            Assert.Inconclusive($"Takes minutes; give --test-parameter {FullSize}=true.");
        foreach (ResNetConfig config in ResNetConfig.Presets) CheckFullSize(config);
    }

    private void CheckFullSize(ResNetConfig config)
    {
        using ResNet model = OnnxExportNetworks.Create(config, Seed);
        foreach (bool fold in new[] { false, true })
        {
            string path = folder.PathOf("full.onnx");
            OnnxExport.Save(model, path, new OnnxExportOptions { FoldBatchNorms = fold });
            using var runtime = new OnnxExportRuntime(path);
            Check(runtime, model, 1, 224, 224, $"fold {fold}");
        }
    }

    private void Check(OnnxExportRuntime runtime, ResNet model, int batch, int height, int width, string what)
    {
        double error = runtime.RelativeError(model, batch, height, width, Seed);
        string message = string.Create(CultureInfo.InvariantCulture,
            $"{model.Config.Name}, {what}, {batch} x {height}x{width}, seed {Seed}: relative L2 error {error:E2}");
        TestContext.WriteLine(message);
        Assert.IsLessThanOrEqualTo(Tolerance, error, message);
    }
}
