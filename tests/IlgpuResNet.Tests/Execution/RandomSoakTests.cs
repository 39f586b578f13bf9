using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using IlgpuResNet.Execution;

namespace IlgpuResNet.Tests;

/// <summary>
/// Threads load, run, cancel, dispose and forget in a random order from a seed. Every answer is right, every failure is one that the
/// interface promises, and nothing is left. <c>ILGPURESNET_SOAK_SECONDS</c> makes it longer, <c>ILGPURESNET_SOAK_SEED</c> repeats an order.
/// </summary>
[TestClass]
public sealed class RandomSoakTests : IDisposable
{
    private const int Threads = 4;
    private const int Slots = 3;
    private const int Images = 4;
    private const int Side = 32;
    private const int MostSpins = 20_000;
    private const int Seed = 7_018;
    private const double ShortSeconds = 2;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    private static readonly ResNetConfig Small =
        ResNetConfig.ResNet18 with { StemWidth = 8, BaseWidth = 8, Depths = [1, 1, 1, 1], NumClasses = 10 };

    private readonly WeightsFolder folder = new(inMemory: true);
    private readonly ImageClassifier?[] slots = new ImageClassifier?[Slots];
    private readonly ConcurrentDictionary<string, int> done = new();
    private string path = "";
    private PixelBuffer[] images = [];
    private Prediction[] expected = [];

    public required TestContext TestContext { get; set; }

    public void Dispose() => folder.Dispose();

    [TestMethod]
    public void Any_order_gives_right_answers_and_leaves_nothing()
    {
        int seed = (int)Number("ILGPURESNET_SOAK_SEED", Seed);
        double seconds = Number("ILGPURESNET_SOAK_SECONDS", ShortSeconds);
        bool isLong = seconds > ShortSeconds;
        Prepare(seed);
        int held = Settled(0, Pause);
        var failures = new ConcurrentQueue<Exception>();
        EventHandler<UnobservedTaskExceptionEventArgs> unobserved = (_, e) => failures.Enqueue(e.Exception);
        TaskScheduler.UnobservedTaskException += unobserved;
        try
        {
            var clock = Stopwatch.StartNew();
            Thread[] threads = [.. Enumerable.Range(0, Threads).Select(thread => new Thread(() =>
            {
                var random = new Random(seed + thread);
                try
                {
                    while (clock.Elapsed.TotalSeconds < seconds && failures.IsEmpty) Step(random);
                }
                catch (Exception e)
                {
                    failures.Enqueue(e);
                }
            }))];
            foreach (Thread thread in threads) thread.Start();
            foreach (Thread thread in threads) thread.Join();
            Array.Clear(slots);
            // A thread of the pool keeps its last work reachable until it has been idle for twenty seconds, and ends.
            if (!isLong) GiveOtherWork();
            int kept = isLong ? 0 : ThreadPool.ThreadCount, left = Settled(held + kept, Patience);
            TestContext.WriteLine(string.Join(", ", done.OrderBy(pair => pair.Key).Select(pair => $"{pair.Value} x {pair.Key}")));
            if (failures.TryDequeue(out Exception? failure)) Assert.Fail($"seed {seed}: {failure}");
            Assert.IsLessThanOrEqualTo(held + kept, left, $"sessions that hold memory, seed {seed}");
        }
        finally
        {
            TaskScheduler.UnobservedTaskException -= unobserved;
        }
    }

    private void Prepare(int seed)
    {
        path = folder.PathOf("small.safetensors");
        using ResNet model = ResNet.Create(Small, seed);
        model.Weights.Save(path);
        var random = new Random(seed);
        images = [.. Enumerable.Range(0, Images).Select(_ =>
        {
            byte[] pixels = new byte[3 * Side * Side];
            random.NextBytes(pixels);
            return new PixelBuffer(pixels, Side, Side, PixelFormat.Rgb24);
        })];
        using ImageClassifier classifier = Load();
        expected = [.. images.Select(image => classifier.Classify(image, 1)[0])];
    }

    private void Step(Random random)
    {
        ref ImageClassifier? slot = ref slots[random.Next(Slots)];
        int image = random.Next(Images);
        switch (random.Next(12))
        {
            case 0:
                Interlocked.Exchange(ref slot, Load())?.Dispose();
                Count("dispose");
                break;
            case 1:
                Interlocked.Exchange(ref slot, Load());
                Count("forget");
                break;
            case 2:
                Session(image, forget: random.Next(2) == 0);
                break;
            case < 7:
                Cancelled(Volatile.Read(ref slot), image, random.Next(MostSpins));
                break;
            default:
                Run(Volatile.Read(ref slot), image);
                break;
        }
    }

    private void Run(ImageClassifier? classifier, int image)
    {
        if (classifier is null) return;
        try
        {
            Check(classifier.Classify(images[image], 1)[0], image);
            Count("run");
        }
        catch (ObjectDisposedException)
        {
            Count("run of a disposed classifier");
        }
    }

    private void Cancelled(ImageClassifier? classifier, int image, int spins)
    {
        if (classifier is null) return;
        using var cancellation = new CancellationTokenSource();
        Task<Prediction[]> running = classifier.ClassifyAsync(images[image], 1, cancellation.Token);
        Thread.SpinWait(spins);
        cancellation.Cancel();
        try
        {
            Check(running.GetAwaiter().GetResult()[0], image);
            Count("run that was cancelled too late");
        }
        catch (OperationCanceledException)
        {
            Count("cancelled run");
        }
        catch (ObjectDisposedException)
        {
            Count("run of a disposed classifier");
        }
    }

    private void Session(int image, bool forget)
    {
        Model model = Model.Load(path, preset: Preset());
        var session = new InferenceSession(model, ComputeDevice.Cpu);
        Check(session.Classify(images[image], 1)[0], image);
        Count(forget ? "forgotten session" : "session");
        if (forget) return;
        session.Dispose();
        model.Dispose();
    }

    private void Check(Prediction actual, int image)
    {
        if (actual.Index != expected[image].Index || !actual.Probability.Equals(expected[image].Probability))
            throw new InvalidOperationException($"image {image}: {actual}, but {expected[image]} was expected");
    }

    private void Count(string what) => done.AddOrUpdate(what, 1, static (_, count) => count + 1);

    private ImageClassifier Load() =>
        ImageClassifier.Load(path, ComputeDevice.Cpu, new ClassifierOptions { Preset = Preset(), Batch = 1 });

    private static ImagePreset Preset() => new() { ResizeSize = Side, CropSize = Side };

    /// <summary>Gives each thread of the pool other work than its last.</summary>
    private static void GiveOtherWork()
    {
        int threads = ThreadPool.ThreadCount;
        var begun = new CountdownEvent(threads);
        for (int i = 0; i < threads; i++)
        {
            // Each waits for the others, so that none takes two.
            ThreadPool.UnsafeQueueUserWorkItem(static begun =>
            {
                begun.Signal();
                begun.Wait(Pause);
            }, begun, preferLocal: false);
        }
        begun.Wait(Pause);
    }

    /// <summary>Collects until at most a number of sessions holds memory, or for the patience of the test; returns that number.</summary>
    private static int Settled(int most, TimeSpan patience)
    {
        long deadline = Environment.TickCount64 + (long)patience.TotalMilliseconds;
        do
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            Thread.Sleep(1);
        }
        while (SessionLease.Count > most && Environment.TickCount64 < deadline);
        return SessionLease.Count;
    }

    private static double Number(string variable, double otherwise) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } text ? double.Parse(text, CultureInfo.InvariantCulture) : otherwise;
}
