using IlgpuResNet.Kernels;

namespace IlgpuResNet.Tests;

/// <summary>Maximum and average pooling against the oracle; the maximum must be exact.</summary>
public abstract class Pool2dTests(BackEnd backEnd)
{
    private readonly bool tiny = backEnd is BackEnd.SimulatedNvidia or BackEnd.SimulatedAmd;

    private TestDevice device = null!;

    public TestContext TestContext { get; set; } = null!;

    [TestInitialize]
    public void OpenDevice() => device = TestDevice.Open(backEnd, TestContext);

    [TestMethod]
    public void Random_shapes_match_the_oracle()
    {
        int cases = tiny ? 8 : 60;
        for (int seed = 0; seed < cases; seed++)
        {
            var random = new Random(seed);
            Pool2dShape shape = RandomShape(random);
            float[] input = TestData.Uniform(random, shape.N * shape.H * shape.W * shape.C);
            CheckMax(shape, input, $"max, {shape}, seed {seed}");
            CheckAverage(shape, input, $"average, {shape}, seed {seed}");
        }
    }

    [TestMethod]
    public void Pools_of_ResNet_match_the_oracle()
    {
        const int Seed = 1;
        int channels = tiny ? 5 : 64;
        var stem = Pool2dShape.Create(1, tiny ? 6 : 28, tiny ? 6 : 28, channels, 3, 2, 1);
        var fixedAverage = Pool2dShape.Create(2, 7, 7, channels, 7, 1, 0);
        var global = Pool2dShape.Global(2, 7, 5, channels);
        var random = new Random(Seed);
        CheckMax(stem, TestData.Uniform(random, stem.N * stem.H * stem.W * stem.C), $"{stem}, seed {Seed}");
        foreach (Pool2dShape shape in (Pool2dShape[])[fixedAverage, global])
            CheckAverage(shape, TestData.Uniform(random, shape.N * shape.H * shape.W * shape.C), $"{shape}, seed {Seed}");
    }

    [TestMethod]
    public void NaN_wins_wherever_it_lies_in_the_window()
    {
        const int Channels = 11;
        var shape = Pool2dShape.Create(1, 4, 4, Channels, 3, 2, 1);
        for (int pixel = 0; pixel < 16; pixel += 3)
        {
            float[] input = TestData.Uniform(new Random(pixel), 16 * Channels);
            input[pixel * Channels] = float.NaN;
            input[pixel * Channels + Channels - 1] = float.NaN;
            CheckMax(shape, input, $"max, NaN at pixel {pixel}");
            CheckAverage(shape, input, $"average, NaN at pixel {pixel}");
        }
    }

    [TestMethod]
    public void Maximum_of_infinities_is_kept()
    {
        var shape = Pool2dShape.Create(1, 3, 3, 9, 3, 1, 1);
        float[] input = new float[3 * 3 * 9];
        input.AsSpan().Fill(float.NegativeInfinity);
        CheckMax(shape, input, "all elements are negative infinity");
        input[4 * 9] = float.PositiveInfinity;
        CheckMax(shape, input, "one element is positive infinity");
    }

    private Pool2dShape RandomShape(Random random)
    {
        while (true)
        {
            int extent = tiny ? 5 : 13;
            int h = random.Next(1, extent + 1), w = random.Next(1, extent + 1);
            int r = random.Next(1, 6), s = random.Next(1, 6);
            int strideH = random.Next(1, 4), strideW = random.Next(1, 4);

            // As in PyTorch: at most half a window, so that no window is empty.
            int padH = random.Next(0, r / 2 + 1), padW = random.Next(0, s / 2 + 1);
            if (h + 2 * padH < r || w + 2 * padW < s) continue;
            return new Pool2dShape(
                random.Next(1, 4), h, w, TestData.Pick(random, 1, 3, 8, 17, 64), r, s, strideH, strideW, padH, padW,
                (h + 2 * padH - r) / strideH + 1, (w + 2 * padW - s) / strideW + 1);
        }
    }

    private void CheckMax(in Pool2dShape shape, float[] inputValues, string message)
    {
        using var input = GuardedBuffer.Input(device.Accelerator, inputValues);
        using var output = GuardedBuffer.Output(device.Accelerator, shape.N * shape.P * shape.Q * shape.C);
        device.Kernels.MaxPool2d(device.Stream, shape, input.View, output.View);
        device.Stream.Synchronize();
        TestData.AssertClose(Oracle.MaxPool2d(shape, inputValues), output.Read(), tolerance: 0, message);
    }

    private void CheckAverage(in Pool2dShape shape, float[] inputValues, string message)
    {
        using var input = GuardedBuffer.Input(device.Accelerator, inputValues);
        using var output = GuardedBuffer.Output(device.Accelerator, shape.N * shape.P * shape.Q * shape.C);
        device.Kernels.AveragePool2d(device.Stream, shape, input.View, output.View);
        device.Stream.Synchronize();
        double tolerance = 4 * TestData.Epsilon * shape.R * shape.S * TestData.MaxMagnitude(inputValues);
        TestData.AssertClose(Oracle.AveragePool2d(shape, inputValues), output.Read(), tolerance, message);
    }
}

[TestClass]
public sealed class CpuPool2dTests() : Pool2dTests(BackEnd.Cpu);

[TestClass]
public sealed class SimulatedNvidiaPool2dTests() : Pool2dTests(BackEnd.SimulatedNvidia);

[TestClass]
public sealed class SimulatedAmdPool2dTests() : Pool2dTests(BackEnd.SimulatedAmd);

[TestClass, TestCategory("OpenCL")]
public sealed class OpenCLPool2dTests() : Pool2dTests(BackEnd.OpenCL);

[TestClass, TestCategory("Cuda")]
public sealed class CudaPool2dTests() : Pool2dTests(BackEnd.Cuda);
