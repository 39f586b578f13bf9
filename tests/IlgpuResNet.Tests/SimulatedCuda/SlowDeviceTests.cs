using System.Diagnostics;
using IlgpuResNet.SimulatedCuda;

namespace IlgpuResNet.Tests.SimulatedCuda;

/// <summary>A driver call takes long: cancellation and disposal meanwhile neither hang nor lose memory.</summary>
[TestClass]
public sealed class SlowDeviceTests
{
    private const string Device = "cuda:0";

    /// <summary>The calls that a slow device keeps longest: a launch, a wait, the building of a kernel, the opening.</summary>
    private const string Launch = "cuLaunchKernel", Wait = "cuStreamSynchronize", Build = "cuModuleLoadDataEx", Open = "cuCtxCreate_v2";

    /// <summary>Longer than any step of these tests takes on a busy machine.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private static readonly PixelBuffer Image = TinyNetwork.Image();

    private SimulatedDriver driver = null!;
    private ResNet model = null!;
    private Prediction[] expected = null!;
    private LiveObjects before = null!;

    private static ComputeDevice Gpu => ComputeDevice.Get(Device);

    [TestInitialize]
    public void MakeModel()
    {
        driver = SimulatedCudaTests.RequireDriver();
        model = TinyNetwork.Create();
        using (var first = new ImageClassifier(model, Gpu, TinyNetwork.Options)) expected = first.Classify(Image);
        before = driver.Live;
    }

    [TestCleanup]
    public void FreeModel() => model?.Dispose();

    [TestMethod, TestCategory(SimulatedCudaTests.Category), Timeout(60_000)]
    [DataRow(Launch)]
    [DataRow(Wait)]
    public async Task Cancelled_call_ends_while_the_device_works_on(string function)
    {
        using (var classifier = new ImageClassifier(model, Gpu, TinyNetwork.Options))
        {
            using var cancellation = new CancellationTokenSource();
            using HeldCall held = driver.Hold(function);
            Task<Prediction[]> running = classifier.ClassifyAsync(Image, cancellation: cancellation.Token);
            Assert.IsTrue(held.WaitUntilEntered(Patience));
            await cancellation.CancelAsync();
            await Assert.ThrowsAsync<OperationCanceledException>(() => running.WaitAsync(Patience));
            held.Release();
            CollectionAssert.AreEqual(expected, classifier.Classify(Image));
        }
        await AssertNothingStaysAsync();
    }

    /// <summary>A run that waits for its results leaves the device to other runs.</summary>
    [TestMethod, TestCategory(SimulatedCudaTests.Category), Timeout(60_000)]
    public async Task Other_callers_go_on_while_one_waits()
    {
        using (var classifier = new ImageClassifier(model, Gpu, TinyNetwork.Options))
        {
            // The first image of a size waits for its resampling weights.
            CollectionAssert.AreEqual(expected, classifier.Classify(Image));
            using HeldCall held = driver.Hold(Wait);
            Task<Prediction[]> slow = classifier.ClassifyAsync(Image);
            Assert.IsTrue(held.WaitUntilEntered(Patience));
            CollectionAssert.AreEqual(expected, await classifier.ClassifyAsync(Image).WaitAsync(Patience));
            Assert.IsFalse(slow.IsCompleted);
            held.Release();
            CollectionAssert.AreEqual(expected, await slow.WaitAsync(Patience));
        }
        await AssertNothingStaysAsync();
    }

    [TestMethod, TestCategory(SimulatedCudaTests.Category), Timeout(60_000)]
    [DataRow(Launch)]
    [DataRow(Wait)]
    public async Task Classifier_disposed_meanwhile_gives_the_answer_and_frees_all(string function)
    {
        var classifier = new ImageClassifier(model, Gpu, TinyNetwork.Options);
        using HeldCall held = driver.Hold(function);
        Task<Prediction[]> running = classifier.ClassifyAsync(Image);
        Assert.IsTrue(held.WaitUntilEntered(Patience));
        Task disposal = Task.Run(classifier.Dispose);
        held.Release();
        CollectionAssert.AreEqual(expected, await running.WaitAsync(Patience));
        await disposal.WaitAsync(Patience);
        await AssertNothingStaysAsync();
    }

    [TestMethod, TestCategory(SimulatedCudaTests.Category), Timeout(60_000)]
    public async Task Session_disposed_meanwhile_frees_all_after_the_run()
    {
        var session = new InferenceSession(model, Gpu, TinyNetwork.SessionOptions);
        using HeldCall held = driver.Hold(Wait);
        float[] logits = new float[TinyNetwork.Classes];
        Task running = Task.Run(() => session.Run(Image.Span, logits));
        Assert.IsTrue(held.WaitUntilEntered(Patience));
        Task disposal = Task.Run(session.Dispose);
        Assert.IsFalse(disposal.Wait(TimeSpan.FromMilliseconds(20)), "the run still uses the memory");
        held.Release();
        await running.WaitAsync(Patience);
        await disposal.WaitAsync(Patience);
        await AssertNothingStaysAsync();
    }

    /// <summary>A camera is never held up, and the frame in progress is the last.</summary>
    [TestMethod, TestCategory(SimulatedCudaTests.Category), Timeout(60_000)]
    public async Task Frames_are_taken_and_dropped_while_one_is_slow()
    {
        const int Dropped = 3;
        long results = 0;
        using (var classifier = new ImageClassifier(model, Gpu, TinyNetwork.Options))
        {
            var frames = new FrameClassifier(classifier, (in FrameResult _) => Interlocked.Increment(ref results));
            using HeldCall held = driver.Hold(Wait);
            frames.Post(Image);
            Assert.IsTrue(held.WaitUntilEntered(Patience));
            for (int i = 0; i <= Dropped; i++) frames.Post(Image);
            Assert.AreEqual(Dropped, frames.Dropped);
            Task disposal = Task.Run(frames.Dispose);
            Assert.IsFalse(disposal.Wait(TimeSpan.FromMilliseconds(20)), "the frame in progress ends first");
            held.Release();
            await disposal.WaitAsync(Patience);
            Assert.AreEqual(1, results);
        }
        await AssertNothingStaysAsync();
    }

    /// <summary>The device is opened and its kernels are built in the background; what was made is freed when it is done.</summary>
    [TestMethod, TestCategory(SimulatedCudaTests.Category), Timeout(60_000)]
    [DataRow(Open)]
    [DataRow(Build)]
    public async Task Cancelled_load_ends_while_the_device_is_opened(string function)
    {
        string file = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.safetensors");
        try
        {
            model.Weights.Save(file);
            driver.Lose(0);
            using var cancellation = new CancellationTokenSource();
            using HeldCall held = driver.Hold(function);
            Task<ImageClassifier> loading = ImageClassifier.LoadAsync(
                file, Gpu, TinyNetwork.Options with { Preset = model.Preset }, cancellation: cancellation.Token);
            Assert.IsTrue(held.WaitUntilEntered(Patience));
            await cancellation.CancelAsync();
            await Assert.ThrowsAsync<OperationCanceledException>(() => loading.WaitAsync(Patience));
            held.Release();
            using var next = new ImageClassifier(model, Gpu, TinyNetwork.Options);
            CollectionAssert.AreEqual(expected, next.Classify(Image));
        }
        finally
        {
            File.Delete(file);
        }
        await AssertNothingStaysAsync();
    }

    /// <summary>Waits for memory that is freed in the background.</summary>
    private async Task AssertNothingStaysAsync()
    {
        LiveObjects wanted = before with { Modules = 0 };
        long start = Stopwatch.GetTimestamp();
        while (driver.Live with { Modules = 0 } != wanted && Stopwatch.GetElapsedTime(start) < Patience) await Task.Delay(10);
        Assert.AreEqual(wanted, driver.Live with { Modules = 0 });
        Finding[] findings = [.. driver.Findings];
        driver.ClearFindings();
        Assert.IsEmpty(findings, string.Join('\n', (object[])findings));
    }
}
