using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;
using IlgpuResNet.Devices;
using IlgpuResNet.Kernels.Tiled;
using IlgpuResNet.SimulatedCuda;

namespace IlgpuResNet.Tests.SimulatedCuda;

/// <summary>The network in the box on the simulated driver gives the processor's answers.</summary>
[TestClass]
public sealed class SimulatedNetworkTests
{
    /// <summary>Largest relative L2 error of logits: float32 sums in another order differ by less.</summary>
    private const double MostError = 1e-5;

    /// <summary>The A100 of <see cref="SimulatedCudaTests"/>.</summary>
    private const string Device = "cuda:1";

    private static readonly string Box = Path.Combine(AppContext.BaseDirectory, "FashionMnist", "fashion-resnet.safetensors");

    private static readonly string[] Images = Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "data", "fashion-mnist"), "*.png");

    [TestMethod, TestCategory(SimulatedCudaTests.Category)]
    public void Sessions_give_the_processors_logits()
    {
        SimulatedDriver driver = SimulatedCudaTests.RequireDriver();
        using ResNet model = ResNet.Load(Box);
        PixelBuffer[] images = [.. Images.Take(3).Select(path => ImageFile.Load(path))];
        float[] expected = Logits(ComputeDevice.Cpu, model, images);
        float[] actual = Logits(ComputeDevice.Get(Device), model, images);
        Assert.IsLessThan(MostError, RelativeError(expected, actual));
        Assert.IsEmpty(driver.Findings, string.Join('\n', driver.Findings));
        Assert.IsTrue(driver.Live is { Allocations: 0, PageLocks: 0 }, driver.Live.ToString());
    }

    [TestMethod, TestCategory(SimulatedCudaTests.Category)]
    public void Classifier_gives_the_processors_scores()
    {
        SimulatedDriver driver = SimulatedCudaTests.RequireDriver();
        using ResNet model = ResNet.Load(Box);
        PixelBuffer image = ImageFile.Load(Images[0]);
        float[] expected = Scores(ComputeDevice.Cpu), actual = Scores(ComputeDevice.Get(Device));
        Assert.IsLessThan(MostError, RelativeError(expected, actual));
        Assert.IsEmpty(driver.Findings, string.Join('\n', driver.Findings));

        float[] Scores(ComputeDevice device)
        {
            using var classifier = new ImageClassifier(model, device, new ClassifierOptions { Batch = 1 });
            Prediction[] predictions = classifier.Classify(image, model.NumClasses);
            return LogitsOf([.. predictions.Select(prediction => (prediction.Index, prediction.Probability))]);
        }
    }

    /// <summary>
    /// The product's table was typed in for its cost model, the simulator's for the driver: what ILGPU reads must give the former back.
    /// </summary>
    [TestMethod, TestCategory(SimulatedCudaTests.Category)]
    [DataRow(0, "T4")]
    [DataRow(1, "A100")]
    [DataRow(2, "RTX 4090")]
    [DataRow(3, "H100")]
    public void Devices_are_those_of_the_products_table(int index, string name)
    {
        SimulatedCudaTests.RequireDriver();
        Device device = CudaDevice.GetDevices(_ => true)[index];
        DeviceProfile expected = DeviceProfiles.Find(name)!, actual = DeviceProfiles.Of(device);
        Assert.AreEqual(expected.Multiprocessors, actual.Multiprocessors);
        Assert.AreEqual(expected.ClockGhz, actual.ClockGhz, 1e-6);
        Assert.AreEqual(expected.Lanes, actual.Lanes);
        Assert.AreEqual(expected.CacheBytes, actual.CacheBytes);
        Assert.AreEqual(expected.Limits, actual.Limits);
        // Data sheets round to whole gigabytes a second.
        Assert.AreEqual(expected.MemoryGbPerSecond, actual.MemoryGbPerSecond, 0.002 * expected.MemoryGbPerSecond);
    }

    /// <summary>Logits of softmax's results, up to a constant: their mean is 0.</summary>
    internal static float[] LogitsOf(IReadOnlyCollection<(int Index, float Probability)> scores)
    {
        float[] logits = [.. scores.OrderBy(score => score.Index).Select(score => MathF.Log(score.Probability))];
        float mean = logits.Average();
        return [.. logits.Select(logit => logit - mean)];
    }

    internal static double RelativeError(float[] expected, float[] actual)
    {
        Assert.HasCount(expected.Length, actual);
        double difference = 0, norm = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            difference += Math.Pow((double)expected[i] - actual[i], 2);
            norm += Math.Pow(expected[i], 2);
        }
        return Math.Sqrt(difference / norm);
    }

    private static float[] Logits(ComputeDevice device, ResNet model, PixelBuffer[] images)
    {
        using var session = new InferenceSession(model, device, new SessionOptions { MaxBatch = images.Length });
        float[] logits = new float[images.Length * session.NumClasses];
        session.Run(images, logits);
        return logits;
    }
}
