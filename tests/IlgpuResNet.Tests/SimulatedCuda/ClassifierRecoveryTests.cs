using System.Collections.Concurrent;
using IlgpuResNet.SimulatedCuda;

namespace IlgpuResNet.Tests.SimulatedCuda;

/// <summary>
/// After a failure of the driver an app's classifiers go on without the app's doing: one call fails, the next has its answer.
/// </summary>
[TestClass]
public sealed class ClassifierRecoveryTests
{
    private const int Ordinal = 0;

    private static readonly PixelBuffer Image = TinyNetwork.Image(), Wider = SmallClassifier.Image(2, 20, 10);

    private SimulatedDriver driver = null!;
    private ResNet model = null!;
    private Prediction[] expected = null!;
    private LiveObjects before = null!;

    private static ComputeDevice Device => ComputeDevice.Get($"cuda:{Ordinal}");

    /// <summary>Failures of a run: memory, a launch, a copy, a wait, and the loss of the device while idle.</summary>
    private static IEnumerable<object?[]> Failures =>
    [
        ["cuLaunchKernel", CudaResult.OutOfMemory, typeof(DeviceMemoryException), true],
        ["cuLaunchKernel", CudaResult.LaunchOutOfResources, typeof(DeviceLostException), false],
        ["cuLaunchKernel", CudaResult.LaunchFailed, typeof(DeviceLostException), true],
        ["cuMemcpyAsync", CudaResult.InvalidValue, typeof(DeviceLostException), false],
        ["cuStreamSynchronize", CudaResult.IllegalAddress, typeof(DeviceLostException), true],
        [null, CudaResult.LaunchFailed, typeof(DeviceLostException), false],
    ];

    [TestInitialize]
    public void Open()
    {
        driver = SimulatedCudaTests.RequireDriver();
        model = TinyNetwork.Create();
        using (var first = new ImageClassifier(model, Device, TinyNetwork.Options)) expected = first.Classify(Image);
        before = driver.Live;
    }

    [TestCleanup]
    public void Close()
    {
        Simulator.Driver?.ClearFaults();
        model?.Dispose();
    }

    [TestMethod, TestCategory(SimulatedCudaTests.Category)]
    [DynamicData(nameof(Failures))]
    internal async Task Classifier_goes_on(string? function, CudaResult result, Type exception, bool isAsync)
    {
        using (var classifier = new ImageClassifier(model, Device, TinyNetwork.Options))
        {
            CollectionAssert.AreEqual(expected, classifier.Classify(Image));
            Fail(function, result);
            Exception thrown = await Assert.ThrowsAsync<DeviceException>(
                async () => _ = isAsync ? await classifier.ClassifyAsync(Image) : classifier.Classify(Image));
            Assert.AreEqual(exception, thrown.GetType(), thrown.Message);
            CollectionAssert.AreEqual(expected, isAsync ? await classifier.ClassifyAsync(Image) : classifier.Classify(Image));
        }
        AssertNothingStays();
    }

    /// <summary>Of a stream of frames those that meet a failure have an error, and all others their answer.</summary>
    [TestMethod, TestCategory(SimulatedCudaTests.Category)]
    public void Stream_of_frames_goes_on()
    {
        var results = new BlockingCollection<(string[] Labels, ResNetException? Error)>();
        using (var classifier = new ImageClassifier(model, Device, TinyNetwork.Options))
        using (var frames = new FrameClassifier(classifier, Take, expected.Length))
        {
            string[] labels = [.. expected.Select(prediction => prediction.Label)];
            foreach (object?[] failure in Failures)
            {
                AssertAnswer(labels);
                Fail((string?)failure[0], (CudaResult)failure[1]!);
                Assert.AreEqual((Type)failure[2]!, Next(Image).Error?.GetType());
            }
            // No memory for a larger image, nor for the sessions of the frames after it.
            driver.Inject(new FaultRule("cuMemAlloc_v2", 1, CudaResult.OutOfMemory, Times: 3));
            Assert.IsInstanceOfType<DeviceMemoryException>(Next(Wider).Error);
            Assert.IsInstanceOfType<DeviceMemoryException>(Next(Image).Error);
            Assert.IsInstanceOfType<DeviceMemoryException>(Next(Image).Error);
            AssertAnswer(labels);

            (string[] Labels, ResNetException? Error) Next(PixelBuffer image)
            {
                frames.Post(image);
                return results.Take();
            }

            void AssertAnswer(string[] wanted)
            {
                (string[] given, ResNetException? error) = Next(Image);
                Assert.IsNull(error, error?.Message);
                CollectionAssert.AreEqual(wanted, given);
            }
        }
        AssertNothingStays();

        void Take(in FrameResult result) => results.Add(([.. result.Predictions.ToArray().Select(one => one.Label)], result.Error));
    }

    private void Fail(string? function, CudaResult result)
    {
        if (function is null) driver.Lose(Ordinal, result);
        else driver.Inject(new FaultRule(function, 1, result));
    }

    private void AssertNothingStays()
    {
        Assert.AreEqual(before with { Modules = 0 }, driver.Live with { Modules = 0 });
        Finding[] findings = [.. driver.Findings];
        driver.ClearFindings();
        Assert.IsEmpty(findings, string.Join('\n', (object[])findings));
    }
}
