using IlgpuResNet.Bench;

namespace IlgpuResNet.Tests;

/// <summary>Ten thousand runs leave nothing behind.</summary>
[TestClass]
public sealed class SoakTests
{
    private const int Seed = 7_004;
    private const int Runs = 10_000;
    private const int Side = 32;
    private const long MostGrowth = 1_000_000;
    private const double MostBytesPerRun = 1024;

    /// <summary>Half of .NET's smallest object.</summary>
    private const double LessThanAnObject = 12;

    private static readonly ResNetConfig Thin = ResNetConfig.ResNet18 with { StemWidth = 16, BaseWidth = 16, NumClasses = 10 };

    public required TestContext TestContext { get; set; }

    [TestMethod]
    public void Runs_leave_nothing_and_allocate_what_a_launch_of_ILGPU_does()
    {
        using ResNet model = ResNet.Create(Thin, Seed);
        using var session = new InferenceSession(model, ComputeDevice.Cpu, new SessionOptions { Height = Side, Width = Side });
        float[] image = TestData.Uniform(new Random(Seed), session.Input.Length), logits = new float[Thin.NumClasses];
        Soak runs = Measure(() => session.Run(image, logits));
        Soak launch = Soak.MeasureLaunch(Runs);
        TestContext.WriteLine($"of these, {launch.AllocatedBytesPerRun:F1} are ILGPU's");
        Assert.AreEqual(launch.AllocatedBytesPerRun, runs.AllocatedBytesPerRun, LessThanAnObject);
        AssertNoGrowth(runs);
    }

    [TestMethod]
    public void Runs_of_images_leave_nothing()
    {
        using ResNet model =
            ResNet.FromWeights(ResNet.Create(Thin, Seed).Weights, preset: new ImagePreset { ResizeSize = Side, CropSize = Side });
        using var session = new InferenceSession(model, ComputeDevice.Cpu);
        byte[] pixels = new byte[3 * 50 * 40];
        new Random(Seed).NextBytes(pixels);
        float[] logits = new float[Thin.NumClasses];
        AssertNoGrowth(Measure(() => session.Run(new PixelSpan(pixels, 50, 40, PixelFormat.Rgb24), logits)));
    }

    private Soak Measure(Action run)
    {
        Soak soak = Soak.Measure(run, Runs);
        TestContext.WriteLine($"growth {soak.GrowthBytes} bytes, {soak.AllocatedBytesPerRun:F1} managed bytes per run");
        Assert.IsLessThanOrEqualTo(MostBytesPerRun, soak.AllocatedBytesPerRun);
        return soak;
    }

    private static void AssertNoGrowth(Soak soak)
    {
        if (soak.GrowthBytes is not { } growth)
        {
            Assert.Inconclusive("This system does not say how much memory the process has.");
            return;
        }
        Assert.IsLessThan(MostGrowth, growth);
    }
}
