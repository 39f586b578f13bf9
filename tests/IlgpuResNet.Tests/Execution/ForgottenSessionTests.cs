using System.Runtime.CompilerServices;
using IlgpuResNet.Bench;
using IlgpuResNet.Execution;

namespace IlgpuResNet.Tests;

/// <summary>Memory, file handles and threads of sessions that nobody disposes are freed by the collector.</summary>
[TestClass]
public sealed class ForgottenSessionTests : IDisposable
{
    private const int Seed = 7_017;
    private const int Sessions = 8;
    private const int SmallSessions = 400;
    private const int Side = 32;
    private const string Handles = "/proc/self/fd";

    /// <summary>Growth that is not a session's: one of these sessions has 45 MB.</summary>
    private const long MostGrowth = 45_000_000;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan Settling = TimeSpan.FromMilliseconds(50);

    /// <summary>11 million weights, as ResNet-18.</summary>
    private static readonly ResNetConfig Large = ResNetConfig.ResNet18 with { NumClasses = 10 };

    private static readonly ResNetConfig Small =
        ResNetConfig.ResNet18 with { StemWidth = 8, BaseWidth = 8, Depths = [1, 1, 1, 1], NumClasses = 10 };

    /// <summary>Sessions of other tests that hold memory.</summary>
    private readonly int others = CountAfterCollection();

    private readonly WeightsFolder folder = new(inMemory: true);

    public required TestContext TestContext { get; set; }

    public void Dispose() => folder.Dispose();

    [TestMethod]
    public void Large_sessions_and_their_models_hold_nothing_after_a_collection()
    {
        string path = Saved(Large);
        // The first session opens the device and compiles its kernels, which stay.
        Forget(path, 1);
        Collect(0);
        long? before = ProcessMemory.ResidentInUse();
        Forget(path, Sessions);
        Assert.AreEqual(others + Sessions, SessionLease.Count, "all were forgotten, none disposed");
        Collect(0);
        long? growth = ProcessMemory.ResidentInUse() - before;
        TestContext.WriteLine($"growth {growth} bytes");
        if (growth is { } bytes) Assert.IsLessThan(MostGrowth, bytes);
    }

    [TestMethod]
    public void Small_sessions_hold_no_file_handle_after_a_collection()
    {
        string path = Saved(Small);
        Forget(path, 1);
        Collect(0);
        if (!Directory.Exists(Handles)) Assert.Inconclusive("This system does not list a process's handles.");
        int before = HandlesOn(path);
        Forget(path, SmallSessions);
        Collect(0);
        Assert.AreEqual(before, HandlesOn(path));
    }

    [TestMethod]
    public void A_session_that_is_kept_stays_while_others_of_its_model_are_forgotten()
    {
        using ResNet model = ResNet.Create(Small, Seed);
        using InferenceSession kept = Open(model);
        float[] expected = Run(kept);
        ForgetOthers(model);
        Collect(1);
        TestData.AssertSameBits(expected, Run(kept), $"seed {Seed}");
    }

    [TestMethod]
    public void Forgotten_classifiers_and_their_threads_for_frames_end()
    {
        ForgetClassifiers();
        Collect(0);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Forget(string path, int count)
    {
        for (int i = 0; i < count; i++) _ = Run(Open(Model.Load(path)));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void ForgetOthers(ResNet model)
    {
        for (int i = 0; i < Sessions; i++) _ = Run(Open(model));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void ForgetClassifiers()
    {
        using var answered = new ManualResetEventSlim();
        var classifier = ImageClassifier.Load(
            Saved(Small), ComputeDevice.Cpu, new ClassifierOptions { Preset = new ImagePreset { ResizeSize = Side, CropSize = Side } });
        var frames = new FrameClassifier(classifier, (in FrameResult _) => answered.Set());
        frames.Post(new PixelSpan(new byte[3 * Side * Side], Side, Side, PixelFormat.Rgb24));
        Assert.IsTrue(answered.Wait(Patience));
        GC.KeepAlive(frames);
    }

    /// <summary>Collects until a number of sessions holds memory: two collections are enough where no thread is late.</summary>
    private void Collect(int sessions)
    {
        sessions += others;
        long deadline = Environment.TickCount64 + (long)Patience.TotalMilliseconds;
        do
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            Thread.Yield();
        }
        while (SessionLease.Count > sessions && Environment.TickCount64 < deadline);
        Assert.AreEqual(sessions, SessionLease.Count);
        // The files of the networks, which were reachable until their sessions were freed.
        GC.Collect();
        GC.WaitForPendingFinalizers();
    }

    private static int CountAfterCollection()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        // Threads of the pool free what others forgot.
        Thread.Sleep(Settling);
        return SessionLease.Count;
    }

    private static int HandlesOn(string path) =>
        Directory.EnumerateFileSystemEntries(Handles).Count(handle => new FileInfo(handle).LinkTarget == path);

    private string Saved(ResNetConfig config)
    {
        string path = folder.PathOf($"{config.StemWidth}.safetensors");
        using ResNet model = ResNet.Create(config, Seed);
        model.Weights.Save(path);
        return path;
    }

    private static InferenceSession Open(Model model) =>
        new(model, ComputeDevice.Cpu, new SessionOptions { Height = Side, Width = Side });

    private static float[] Run(InferenceSession session)
    {
        float[] logits = new float[session.NumClasses];
        session.Run(TestData.Uniform(new Random(Seed), session.Input.Length), logits);
        return logits;
    }
}
