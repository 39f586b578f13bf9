using System.Globalization;
using System.Runtime.CompilerServices;
using IlgpuResNet.Bench;
using IlgpuResNet.Execution;

namespace IlgpuResNet.Tests;

/// <summary>
/// Ten thousand runs leave nothing behind, nor do loads, with and without <c>Dispose</c>. <c>ILGPURESNET_SOAK_CYCLES</c> loads a network of
/// ResNet-50's size so many times, and runs it fifty times as often.
/// </summary>
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

    private const string CyclesVariable = "ILGPURESNET_SOAK_CYCLES";
    private const int FewCycles = 30;
    private const int RunsPerCycle = 50;

    /// <summary>Loads before the first reading: .NET compiles methods anew after thirty calls, and that memory stays.</summary>
    private const int WarmUpCycles = 40;

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

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void Loads_leave_nothing(bool dispose)
    {
        int cycles = Environment.GetEnvironmentVariable(CyclesVariable) is { Length: > 0 } text
            ? int.Parse(text, CultureInfo.InvariantCulture) : 0;
        bool isLong = cycles > 0;
        using var folder = new WeightsFolder(inMemory: true);
        string path = folder.PathOf("soak.safetensors");
        using (ResNet model = ResNet.Create(isLong ? ResNetConfig.ResNet50 : Thin, Seed)) model.Weights.Save(path);
        long? before = Cycle(path, WarmUpCycles, isLong ? RunsPerCycle : 1, dispose);
        long? growth = Cycle(path, isLong ? cycles : FewCycles, isLong ? RunsPerCycle : 1, dispose) - before;
        TestContext.WriteLine($"growth {growth} bytes in {(isLong ? cycles : FewCycles)} loads");
        if (growth is not { } bytes) Assert.Inconclusive("This system does not say how much memory the process has.");
        else Assert.IsLessThan(MostGrowth, bytes);
    }

    /// <summary>Loads and runs many times; returns the resident set after collections that free what was forgotten.</summary>
    private static long? Cycle(string path, int cycles, int runs, bool dispose)
    {
        int held = SessionLease.Count;
        for (int i = 0; i < cycles; i++)
        {
            LoadAndRun(path, runs, dispose);
            // As often in both cases: the amount of garbage shows in the collector's own tables.
            Settle(held);
        }
        return ProcessMemory.ResidentInUse();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void LoadAndRun(string path, int runs, bool dispose)
    {
        Model model = Model.Load(path);
        var session = new InferenceSession(model, ComputeDevice.Cpu, new SessionOptions { Height = Side, Width = Side });
        float[] image = TestData.Uniform(new Random(Seed), session.Input.Length), logits = new float[session.NumClasses];
        for (int i = 0; i < runs; i++) session.Run(image, logits);
        if (!dispose) return;
        session.Dispose();
        model.Dispose();
    }

    private static void Settle(int held)
    {
        const int MostTries = 1000;
        for (int i = 0; i < MostTries && (i == 0 || SessionLease.Count > held); i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            Thread.Sleep(i > 0 ? 1 : 0);
        }
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
