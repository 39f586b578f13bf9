using System.Collections.Concurrent;
using IlgpuResNet.Kernels.Simd;

namespace IlgpuResNet.Tests;

/// <summary>Promises of <see cref="SessionOptions.Threads"/>: sessions on the processor, alone and several at once.</summary>
[TestClass]
public sealed class ThreadsTests
{
    private const int Seed = 7_003;
    private const int Sessions = 4;
    private const int Runs = 50;

    private static readonly ResNetConfig Thin = ResNetConfig.ResNet18 with { StemWidth = 16, BaseWidth = 16, NumClasses = 10 };

    public required TestContext TestContext { get; set; }

    private static int All => Environment.ProcessorCount;

    private ComputeDevice Processor => TestDevice.OpenCompute(BackEnd.Cpu, TestContext);

    private SimdKernels Kernels => (SimdKernels)Processor.Open().Kernels;

    [TestCleanup]
    public void StopCounting() => Kernels.Working = null;

    [TestMethod]
    [DataRow(Numerics.Fast)]
    [DataRow(Numerics.Exact)]
    public void Any_number_of_threads_gives_the_same_bits(Numerics numerics)
    {
        using ResNet model = ResNet.Create(Thin, Seed);
        PixelBuffer image = Photo();
        using InferenceSession reference = Open(model, null, numerics);
        float[] expected = Logits(reference, image);
        for (int threads = 1; threads <= All; threads++)
        {
            using InferenceSession session = Open(model, threads, numerics);
            var counter = new Counter();
            Kernels.Working = counter.Change;
            TestData.AssertSameBits(expected, Logits(session, image), $"{threads} threads, seed {Seed}");
            Assert.AreEqual(threads, counter.Started, "one group for each thread");
            Kernels.Working = null;
        }
    }

    [TestMethod]
    public void Without_a_number_all_processors_work()
    {
        using ResNet model = ResNet.Create(Thin, Seed);
        using InferenceSession session = Open(model, null);
        var counter = new Counter();
        Kernels.Working = counter.Change;
        Logits(session, Photo());
        Assert.AreEqual(All, counter.Started);
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(null)]
    public void Several_sessions_at_once_never_have_more_threads_at_work_than_one(int? threads)
    {
        using ResNet model = ResNet.Create(Thin, Seed);
        InferenceSession[] sessions = [.. Enumerable.Range(0, Sessions).Select(_ => Open(model, threads))];
        try
        {
            var counter = new Counter();
            Kernels.Working = counter.Change;
            PixelBuffer image = Photo();
            float[] expected = Logits(sessions[0], image);
            var results = new ConcurrentBag<float[]>();
            Thread[] callers = [.. sessions.Select(session => new Thread(() =>
            {
                for (int run = 0; run < Runs; run++) results.Add(Logits(session, image));
            }))];
            foreach (Thread caller in callers) caller.Start();
            foreach (Thread caller in callers) caller.Join();
            Assert.HasCount(Sessions * Runs, results);
            foreach (float[] logits in results) TestData.AssertSameBits(expected, logits, $"seed {Seed}");
            int allowed = threads ?? All;
            Assert.AreEqual((1 + Sessions * Runs) * allowed, counter.Started);
            Assert.AreEqual(0, counter.Now);
            Assert.IsInRange(1, allowed, counter.Most);
        }
        finally
        {
            foreach (InferenceSession session in sessions) session.Dispose();
        }
    }

    [TestMethod]
    [DataRow(0)]
    [DataRow(-1)]
    [DataRow(int.MinValue)]
    [DataRow(int.MaxValue)]
    public void A_number_that_cannot_be_had_is_refused(int threads)
    {
        using ResNet model = ResNet.Create(Thin, Seed);
        string message = Assert.ThrowsExactly<DeviceException>(() => Open(model, threads)).Message;
        Assert.AreEqual(
            $"cpu: {threads} threads were asked for, but there are {All}; ask for 1 to {All}, or for no number to have all.", message);
        Assert.ThrowsExactly<DeviceException>(() => Open(model, All + 1));
    }

    [TestMethod, TestCategory("OpenCL")]
    public void Another_device_ignores_it()
    {
        ComputeDevice device = TestDevice.OpenCompute(BackEnd.OpenCL, TestContext);
        using ResNet model = ResNet.Create(Thin, Seed);
        using var session = new InferenceSession(model, device, new SessionOptions { Threads = int.MaxValue });
        using var plain = new InferenceSession(model, device);
        TestData.AssertSameBits(Logits(plain, Photo()), Logits(session, Photo()), $"seed {Seed}");
    }

    private static PixelBuffer Photo()
    {
        byte[] pixels = new byte[40 * 30 * 3];
        new Random(Seed).NextBytes(pixels);
        return new PixelBuffer(pixels, 40, 30, PixelFormat.Rgb24);
    }

    private static float[] Logits(InferenceSession session, PixelBuffer image)
    {
        float[] logits = new float[session.NumClasses];
        session.Run(image.Span, logits);
        return logits;
    }

    private InferenceSession Open(ResNet model, int? threads, Numerics numerics = Numerics.Fast) =>
        new(model, Processor, new SessionOptions { Threads = threads, Numerics = numerics });

    /// <summary>Groups that are at work, and how many were at most.</summary>
    private sealed class Counter
    {
        private readonly Lock gate = new();

        public int Now { get; private set; }

        public int Most { get; private set; }

        public int Started { get; private set; }

        public void Change(int change)
        {
            lock (gate)
            {
                Now += change;
                Most = Math.Max(Most, Now);
                Started += Math.Max(change, 0);
            }
        }
    }
}
