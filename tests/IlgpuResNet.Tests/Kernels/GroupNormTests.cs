using IlgpuResNet.Kernels;

namespace IlgpuResNet.Tests;

/// <summary>Group normalisation with its epilogue against the definition in double.</summary>
public abstract class GroupNormTests(BackEnd backEnd)
{
    private TestDevice device = null!;

    public TestContext TestContext { get; set; } = null!;

    [TestInitialize]
    public void OpenDevice() => device = TestDevice.Open(backEnd, TestContext);

    [TestMethod]
    [DataRow(1, 1, 4, 2)]
    [DataRow(2, 49, 6, 3)]
    [DataRow(1, 300, 2, 1)]
    [DataRow(3, 7, 5, 5, DisplayName = "instance normalisation")]
    [DataRow(2, 9, 38, 2)]
    [DataRow(1, 5, 64, 2)]
    public void Random_maps_match_the_definition(int n, int pixels, int channels, int groups)
    {
        Check(new GroupNormShape(n, pixels, channels, groups, 1e-5f), default, mean: 0);
        Check(new GroupNormShape(n, pixels, channels, groups, 1e-3f), new Epilogue(1, 0, 1), mean: 0);
        Check(new GroupNormShape(n, pixels, channels, groups, 1e-3f), new Epilogue(0, 0, 0, Activation: Activation.HardSwish), mean: 0);
    }

    /// <summary>A variance from the mean of squares would lose all its digits: of 1000.5, 2^-23 are 1e-4.</summary>
    [TestMethod]
    public void A_large_mean_does_not_spoil_the_variance() => Check(new GroupNormShape(2, 25, 12, 3, 1e-5f), default, mean: 1000);

    private void Check(GroupNormShape shape, Epilogue epilogue, float mean)
    {
        const int Seed = 34;
        var random = new Random(Seed);
        int length = (int)shape.Length;
        float[] input = [.. TestData.Uniform(random, length).Select(value => mean + value)];
        float[] scale = TestData.Uniform(random, shape.C), shift = TestData.Uniform(random, shape.C);
        float[] residual = TestData.Uniform(random, length);
        double[] expected = new double[length];
        double largest = 0;
        for (int n = 0; n < shape.N; n++)
        {
            for (int g = 0; g < shape.Groups; g++)
            {
                int[] places = [.. from pixel in Enumerable.Range(0, shape.Pixels)
                                   from channel in Enumerable.Range(g * shape.GroupC, shape.GroupC)
                                   select (n * shape.Pixels + pixel) * shape.C + channel];
                double average = places.Average(place => (double)input[place]);
                double variance = places.Average(place => (input[place] - average) * (input[place] - average));
                foreach (int place in places)
                {
                    double value = (input[place] - average) / Math.Sqrt(variance + shape.Epsilon);
                    largest = Math.Max(largest, Math.Abs(value) + mean / Math.Sqrt(variance + shape.Epsilon));
                    value = value * scale[place % shape.C] + shift[place % shape.C];
                    if (epilogue.HasResidual != 0) value += residual[place];
                    if (epilogue.Relu != 0) value = Math.Max(value, 0);
                    expected[place] = epilogue.Activation == 0 ? value : value * Math.Clamp(value / 6 + 0.5, 0, 1);
                }
            }
        }
        using var x = GuardedBuffer.Input(device.Accelerator, input);
        using var s = GuardedBuffer.Input(device.Accelerator, scale);
        using var t = GuardedBuffer.Input(device.Accelerator, shift);
        using var r = GuardedBuffer.Input(device.Accelerator, residual);
        using var y = GuardedBuffer.Output(device.Accelerator, length);
        device.Kernels.GroupNorm(device.Stream, shape, new Operands(x.View, default, s.View, t.View, r.View, y.View), epilogue);
        device.Stream.Synchronize();
        // Each of 256 threads adds up to 8 values and the tree 8 more; the mean's error counts in units of the standard deviation.
        double terms = 16 + shape.Pixels * shape.GroupC / 256.0;
        double tolerance = 4 * TestData.Epsilon * terms * Math.Max(largest, 1);
        TestData.AssertClose(expected, y.Read(), tolerance, $"{shape}, {epilogue}, mean {mean}, seed {Seed}");
    }
}

[TestClass, TestCategory(VectorWidthTests.Category)]
public sealed class CpuGroupNormTests() : GroupNormTests(BackEnd.Cpu);

[TestClass]
public sealed class SimulatedNvidiaGroupNormTests() : GroupNormTests(BackEnd.SimulatedNvidia);

[TestClass]
public sealed class SimulatedAmdGroupNormTests() : GroupNormTests(BackEnd.SimulatedAmd);

[TestClass]
public sealed class PtxGroupNormTests() : GroupNormTests(BackEnd.Ptx);

[TestClass, TestCategory("OpenCL")]
public sealed class OpenCLGroupNormTests() : GroupNormTests(BackEnd.OpenCL);

[TestClass, TestCategory("Cuda")]
public sealed class CudaGroupNormTests() : GroupNormTests(BackEnd.Cuda);
