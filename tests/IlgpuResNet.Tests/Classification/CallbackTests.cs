using System.Buffers;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using IlgpuResNet.Diagnostics;
using Microsoft.Extensions.Logging;

namespace IlgpuResNet.Tests;

/// <summary>Code of the app that throws where the library calls it: nothing ends, hangs, or loses a session.</summary>
[TestClass]
public sealed class CallbackTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [TestMethod]
    public void A_logger_that_throws_loses_its_lines_alone()
    {
        using ResNet model = SmallClassifier.Model();
        var logger = new Thrower(() => throw new InvalidOperationException("no disk"));
        using var classifier = new ImageClassifier(model, ComputeDevice.Cpu, new ClassifierOptions { Logger = logger });
        for (int i = 0; i < 3; i++) Assert.HasCount(1, classifier.Classify(SmallClassifier.Image(i), 1));
        Assert.IsGreaterThan(3, logger.Calls);
        Assert.AreEqual(1, classifier.Sessions);
    }

    [TestMethod]
    public void Listeners_that_throw_do_not_fail_what_they_listen_to()
    {
        using ResNet model = SmallClassifier.Model();
        int calls = 0, thread = Environment.CurrentManagedThreadId;
        using var activities = new ActivityListener
        {
            ShouldListenTo = source => source.Name == Telemetry.Name,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStarted = _ => Throw(),
            ActivityStopped = _ => Throw(),
        };
        using var meters = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name == Telemetry.Name) listener.EnableMeasurementEvents(instrument);
            },
        };
        meters.SetMeasurementEventCallback<double>((_, _, _, _) => Throw());
        meters.SetMeasurementEventCallback<long>((_, _, _, _) => Throw());
        ActivitySource.AddActivityListener(activities);
        meters.Start();
        using (var classifier = new ImageClassifier(model, ComputeDevice.Cpu))
        {
            for (int i = 0; i < 3; i++) Assert.HasCount(1, classifier.Classify(SmallClassifier.Image(i), 1));
            Assert.AreEqual(1, classifier.Sessions);
        }
        Assert.IsGreaterThan(10, calls);
        Assert.IsNull(Activity.Current);

        void Throw()
        {
            // Other tests run at the same time.
            if (Environment.CurrentManagedThreadId != thread) return;
            calls++;
            throw new InvalidOperationException("listener");
        }
    }

    [TestMethod]
    public void A_frame_handler_that_throws_gets_the_next_frame_and_the_logger_is_told()
    {
        using ResNet model = SmallClassifier.Model();
        using var taken = new SemaphoreSlim(0);
        var lines = new List<string>();
        var logger = new Thrower(() => throw new InvalidOperationException("no disk"), lines);
        using var classifier = new ImageClassifier(model, ComputeDevice.Cpu, new ClassifierOptions { Logger = logger });
        using (var frames = new FrameClassifier(classifier, Handle))
        {
            for (int i = 0; i < 3; i++)
            {
                frames.Post(SmallClassifier.Image(i));
                Assert.IsTrue(taken.Wait(Patience), "the thread has ended");
            }
            Assert.AreEqual(3, frames.Classified);
        }
        Assert.HasCount(3, lines.FindAll(line => line.Contains("cannot paint", StringComparison.Ordinal)), string.Join('\n', lines));

        void Handle(in FrameResult result)
        {
            taken.Release();
            throw new InvalidOperationException("cannot paint");
        }
    }

    /// <summary>Memory that the app manages is its code too: a frame whose bytes fail has an error.</summary>
    [TestMethod]
    public async Task Pixels_that_throw_do_not_lose_the_session()
    {
        using ResNet model = SmallClassifier.Model();
        using var classifier = new ImageClassifier(model, ComputeDevice.Cpu);
        using var pixels = new Pixels();
        var image = new PixelBuffer(pixels.Memory, 40, 36);
        pixels.Read = () => throw new InvalidOperationException("unplugged");
        for (int i = 0; i < 3; i++) await Assert.ThrowsAsync<Exception>(() => classifier.ClassifyAsync(image));
        Assert.HasCount(1, await classifier.ClassifyAsync(SmallClassifier.Image(1), 1));
        Assert.AreEqual(1, classifier.Sessions);
    }

    [TestMethod]
    public async Task Progress_that_throws_is_not_told_and_the_work_goes_on()
    {
        using ResNet model = SmallClassifier.Model();
        using var classifier = new ImageClassifier(model, ComputeDevice.Cpu);
        var progress = new Progress(() => throw new InvalidOperationException("closed window"));
        var seen = new List<string>();
        await foreach (ClassifiedImage image in classifier.ClassifyFilesAsync(SmallClassifier.Photos, 1, progress)) seen.Add(image.Path);
        CollectionAssert.AreEqual(SmallClassifier.Photos, seen);
    }

    /// <summary>The call was cancelled, then its run fails: nobody waits for that failure, and nobody may be told of it.</summary>
    [TestMethod]
    public async Task A_cancelled_call_leaves_no_unobserved_failure()
    {
        using ResNet model = SmallClassifier.Model();
        using var classifier = new ImageClassifier(model, ComputeDevice.Cpu);
        await AssertObserved(async (entered, released, cancellation) =>
        {
            using var pixels = new Pixels();
            var image = new PixelBuffer(pixels.Memory, 40, 36);
            pixels.Read = () => Block(entered, released);
            await classifier.ClassifyAsync(image, 1, cancellation);
        });
    }

    [TestMethod]
    public async Task A_cancelled_load_leaves_no_unobserved_failure()
    {
        using var folder = new WeightsFolder();
        string path = folder.PathOf("small.safetensors");
        using (ResNet model = SmallClassifier.Model()) model.Weights.Save(path);
        await AssertObserved((entered, released, cancellation) => ImageClassifier.LoadAsync(
            path, ComputeDevice.Cpu,
            // The batch is checked after the file is loaded.
            new ClassifierOptions { Batch = 0, Logger = new Thrower(() => Block(entered, released)) }, cancellation: cancellation));
    }

    private static void Block(SemaphoreSlim entered, SemaphoreSlim released)
    {
        entered.Release();
        released.Wait(Patience);
        throw new InvalidOperationException(nameof(CallbackTests));
    }

    /// <summary>Cancels a call in which the app's code waits, then lets that code throw.</summary>
    private static async Task AssertObserved(Func<SemaphoreSlim, SemaphoreSlim, CancellationToken, Task> call)
    {
        var unobserved = new List<Exception>();
        void Add(object? sender, UnobservedTaskExceptionEventArgs e)
        {
            lock (unobserved) unobserved.Add(e.Exception);
        }
        TaskScheduler.UnobservedTaskException += Add;
        try
        {
            await CancelAsync(call);
            for (int i = 0; i < 20; i++)
            {
                await Task.Delay(20);
                GC.Collect();
                GC.WaitForPendingFinalizers();
            }
            lock (unobserved) Assert.IsEmpty(unobserved, string.Join('\n', unobserved));
        }
        finally
        {
            TaskScheduler.UnobservedTaskException -= Add;
        }
    }

    private static async Task CancelAsync(Func<SemaphoreSlim, SemaphoreSlim, CancellationToken, Task> call)
    {
        var entered = new SemaphoreSlim(0);
        var released = new SemaphoreSlim(0);
        using var cancellation = new CancellationTokenSource();
        Task running = Task.Run(() => call(entered, released, cancellation.Token));
        Assert.IsTrue(await entered.WaitAsync(Patience));
        await cancellation.CancelAsync();
        await Assert.ThrowsAsync<OperationCanceledException>(() => running);
        released.Release(1000);
    }

    private sealed class Progress(Action report) : IProgress<FileProgress>
    {
        public void Report(FileProgress value) => report();
    }

    /// <summary>Pixels whose every read calls the app.</summary>
    private sealed class Pixels : MemoryManager<byte>
    {
        private readonly byte[] bytes = new byte[3 * 40 * 36];

        public Action? Read { get; set; }

        public override Span<byte> GetSpan()
        {
            Read?.Invoke();
            return bytes;
        }

        public override MemoryHandle Pin(int elementIndex = 0) => throw new NotSupportedException();

        public override void Unpin()
        {
        }

        protected override void Dispose(bool disposing)
        {
        }
    }

    private sealed class Thrower(Action act, List<string>? lines = null) : ILogger
    {
        public int Calls { get; private set; }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel)
        {
            Calls++;
            return true;
        }

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            Calls++;
            lines?.Add(formatter(state, exception));
            act();
        }
    }
}
