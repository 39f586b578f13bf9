using ILGPU;
using IlgpuResNet.Kernels;

namespace IlgpuResNet.Tests;

/// <summary>Maximum and average pooling against the oracle; the maximum must be exact.</summary>
public abstract class Pool2dTests(BackEnd backEnd)
{
    private readonly bool tiny = backEnd is BackEnd.SimulatedNvidia or BackEnd.SimulatedAmd or BackEnd.Ptx;

    private TestDevice device = null!;

    public TestContext TestContext { get; set; } = null!;

    [TestInitialize]
    public void OpenDevice() => device = TestDevice.Open(backEnd, TestContext);

    [TestMethod]
    public void Random_shapes_match_the_oracle()
    {
        int cases = backEnd is BackEnd.Ptx ? 40 : tiny ? 8 : 60;
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
    [DataRow(11)]
    [DataRow(8)]
    public void NaN_wins_wherever_it_lies_in_the_window(int channels)
    {
        var shape = Pool2dShape.Create(1, 4, 4, channels, 3, 2, 1);
        for (int pixel = 0; pixel < 16; pixel += 3)
        {
            float[] input = TestData.Uniform(new Random(pixel), 16 * channels);
            // In turn in each channel of a quad.
            input[pixel * channels + pixel % channels] = float.NaN;
            input[pixel * channels + channels - 1] = float.NaN;
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

    /// <summary>
    /// One row 1 2 3 4 under windows of 3, stride 2, with padding 1 on both sides: they see [pad 1 2], [2 3 4] and [4 pad], and
    /// the last one's third cell lies past the padding (<c>ceil_mode</c>). The averages are those of PyTorch's avg_pool2d.
    /// </summary>
    [TestMethod]
    [DataRow(0, new[] { 1.5f, 3, 4 })]
    [DataRow(1, new[] { 1f, 3, 2 })]
    public void A_window_rounded_up_counts_padding_but_nothing_past_it(int countIncludePad, float[] expected)
    {
        Pool2dShape shape = Row(w: 4, window: 3, stride: 2, pad: 1, q: 3) with { PadEndW = 1, CountIncludePad = countIncludePad };
        CollectionAssert.AreEqual(expected, RunAverage(shape, [1, 2, 3, 4]));
    }

    [TestMethod]
    [DataRow(float.NegativeInfinity, new[] { 2f, 4, 4 })]
    [DataRow(3.5f, new[] { 3.5f, 4, 4 })]
    [DataRow(5f, new[] { 5f, 4, 5 })]
    public void Padding_enters_a_maximum_with_its_value(float padValue, float[] expected)
    {
        Pool2dShape shape = Row(w: 4, window: 3, stride: 2, pad: 1, q: 3) with { PadEndW = 1, PadValue = padValue };
        CollectionAssert.AreEqual(expected, RunMax(shape, [1, 2, 3, 4]));
    }

    /// <summary>Without padding at the end, what a window rounded up sees past the image is nothing, whatever padding counts as.</summary>
    [TestMethod]
    public void Nothing_past_the_padding_enters_a_maximum()
    {
        Pool2dShape shape = Row(w: 4, window: 3, stride: 2, pad: 0, q: 2) with { PadValue = 9 };
        CollectionAssert.AreEqual(new[] { 3f, 4 }, RunMax(shape, [1, 2, 3, 4]));
    }

    [TestMethod]
    public void A_window_of_padding_alone_is_its_value_and_has_no_average()
    {
        Pool2dShape shape = Row(w: 1, window: 1, stride: 1, pad: 1, q: 3) with { PadEndW = 1, PadValue = -7 };
        CollectionAssert.AreEqual(new[] { -7f, 1, -7 }, RunMax(shape, [1]));
        CollectionAssert.AreEqual(new[] { float.NaN, 1, float.NaN }, RunAverage(shape, [1]));
        CollectionAssert.AreEqual(new[] { 0f, 1, 0 }, RunAverage(shape with { CountIncludePad = 1 }, [1]));
    }

    private static Pool2dShape Row(int w, int window, int stride, int pad, int q) =>
        new(1, 1, w, 1, 1, window, 1, stride, 0, pad, 1, q);

    /// <summary>Of any kind that a file may ask for: dilated, padded or cut unevenly, rounded up, with windows of padding alone.</summary>
    private Pool2dShape RandomShape(Random random)
    {
        while (true)
        {
            int extent = tiny ? 5 : 13;
            int h = random.Next(1, extent + 1), w = random.Next(1, extent + 1);
            int r = random.Next(1, 6), s = random.Next(1, 6);
            int strideH = random.Next(1, 4), strideW = random.Next(1, 4);
            int dilationH = TestData.Pick(random, 1, 1, 2, 3), dilationW = TestData.Pick(random, 1, 1, 2, 3);
            int padH = RandomPad(random), padW = RandomPad(random), padEndH = RandomPad(random), padEndW = RandomPad(random);
            bool ceilMode = random.Next(2) == 0;
            int p = Outputs(h, dilationH * (r - 1) + 1, strideH, padH, padEndH, ceilMode);
            int q = Outputs(w, dilationW * (s - 1) + 1, strideW, padW, padEndW, ceilMode);
            if (p < 1 || q < 1) continue;
            return new Pool2dShape(
                random.Next(1, 4), h, w, TestData.Pick(random, 1, 3, 8, 17, 64), r, s, strideH, strideW, padH, padW, p, q,
                dilationH, dilationW, padEndH, padEndW, CountIncludePad: random.Next(2),
                PadValue: TestData.Pick(random, float.NegativeInfinity, 0, 0.5f, -2));
        }
    }

    private static int RandomPad(Random random) => TestData.Pick(random, 0, 0, 1, 2, 4, -1);

    /// <summary>
    /// PyTorch's number of windows along one axis: rounded up, the last must start in the image or in the padding before it.
    /// 0 when there is none, or nothing left of the image.
    /// </summary>
    private static int Outputs(int extent, int window, int stride, int pad, int padEnd, bool ceilMode)
    {
        int room = extent + pad + padEnd - window;
        int left = extent + Math.Min(pad, 0) + Math.Min(padEnd, 0);
        if (room < 0 || left < 1) return 0;
        int outputs = (room + (ceilMode ? stride - 1 : 0)) / stride + 1;
        return (outputs - 1) * stride - pad >= extent + Math.Min(padEnd, 0) && ceilMode ? outputs - 1 : outputs;
    }

    private void CheckMax(in Pool2dShape shape, float[] input, string message) =>
        TestData.AssertClose(Oracle.MaxPool2d(shape, input), RunMax(shape, input), tolerance: 0, message);

    private void CheckAverage(in Pool2dShape shape, float[] input, string message)
    {
        double tolerance = 4 * TestData.Epsilon * shape.R * shape.S * TestData.MaxMagnitude(input);
        TestData.AssertClose(Oracle.AveragePool2d(shape, input), RunAverage(shape, input), tolerance, message);
    }

    private float[] RunMax(Pool2dShape shape, float[] input) =>
        Run(shape, input, (source, target) => device.Kernels.MaxPool2d(device.Stream, shape, source, target));

    private float[] RunAverage(Pool2dShape shape, float[] input) =>
        Run(shape, input, (source, target) => device.Kernels.AveragePool2d(device.Stream, shape, source, target));

    private float[] Run(in Pool2dShape shape, float[] inputValues, Action<ArrayView<float>, ArrayView<float>> pool)
    {
        using var input = GuardedBuffer.Input(device.Accelerator, inputValues);
        using var output = GuardedBuffer.Output(device.Accelerator, shape.N * shape.P * shape.Q * shape.C);
        pool(input.View, output.View);
        device.Stream.Synchronize();
        return output.Read();
    }
}

[TestClass, TestCategory(VectorWidthTests.Category)]
public sealed class CpuPool2dTests() : Pool2dTests(BackEnd.Cpu);

[TestClass]
public sealed class SimulatedNvidiaPool2dTests() : Pool2dTests(BackEnd.SimulatedNvidia);

[TestClass]
public sealed class SimulatedAmdPool2dTests() : Pool2dTests(BackEnd.SimulatedAmd);

[TestClass]
public sealed class PtxPool2dTests() : Pool2dTests(BackEnd.Ptx);

[TestClass, TestCategory("OpenCL")]
public sealed class OpenCLPool2dTests() : Pool2dTests(BackEnd.OpenCL);

[TestClass, TestCategory("Cuda")]
public sealed class CudaPool2dTests() : Pool2dTests(BackEnd.Cuda);
