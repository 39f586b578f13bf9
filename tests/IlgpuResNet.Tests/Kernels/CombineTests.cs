using IlgpuResNet.Kernels;

namespace IlgpuResNet.Tests;

/// <summary>Products, quotients and sums of two tensors, of which the second is repeated, against the definition in double.</summary>
public abstract class CombineTests(BackEnd backEnd)
{
    private TestDevice device = null!;

    public TestContext TestContext { get; set; } = null!;

    [TestInitialize]
    public void OpenDevice() => device = TestDevice.Open(backEnd, TestContext);

    [TestMethod]
    [DataRow(1, 1, DisplayName = "two maps")]
    [DataRow(0, 1, DisplayName = "a gate for each channel")]
    [DataRow(1, 0, DisplayName = "a gate for each pixel")]
    [DataRow(0, 0, DisplayName = "one gate for an image")]
    public void Every_operation_matches_the_definition(int perPixel, int perChannel)
    {
        foreach (int operation in (int[])[CombineOperation.Multiply, CombineOperation.Divide, CombineOperation.Add])
        {
            foreach (int channels in (int[])[1, 5, 16, 19])
            {
                Check(new CombineShape(operation, 2, 7, channels, perPixel, perChannel), default);
                Check(new CombineShape(operation, 3, 3, channels, perPixel, perChannel), new Epilogue(1, 0, 1, HasClip: 1, 0, 0.5f));
            }
        }
        Check(new CombineShape(0, 1, 4, 8, perPixel, perChannel), new Epilogue(1, 1, 0, Activation: Activation.HardSwish));
    }

    private void Check(CombineShape shape, Epilogue epilogue)
    {
        const int Seed = 32;
        var random = new Random(Seed);
        int length = (int)shape.Length;
        float[] input = TestData.Uniform(random, length), scale = TestData.Uniform(random, shape.C);
        float[] shift = TestData.Uniform(random, shape.C), residual = TestData.Uniform(random, length);
        float[] other = [.. TestData.Uniform(random, (int)shape.OtherLength).Select(value => 1.5f + value)];
        float[] combined = new float[length];
        double[] exact = new double[length];
        for (int i = 0; i < length; i++)
        {
            int pixel = i / shape.C, channel = i % shape.C, image = pixel / shape.Pixels;
            int row = shape.PerPixel != 0 ? pixel : image;
            double b = other[shape.PerChannel != 0 ? row * shape.C + channel : row], a = input[i];
            exact[i] = shape.Operation switch
            {
                CombineOperation.Multiply => a * b,
                CombineOperation.Divide => a / b,
                _ => a + b,
            };
            combined[i] = (float)exact[i];
        }
        bool isActivated = epilogue.Activation != Activation.None;
        double[] expected = Oracle.Pointwise(
            shape.C, combined, scale, shift, epilogue.HasResidual != 0 ? residual : null, epilogue);
        if (isActivated) expected = [.. expected.Select(value => value * Math.Clamp(value / 6 + 0.5, 0, 1))];
        using var x = GuardedBuffer.Input(device.Accelerator, input);
        using var b2 = GuardedBuffer.Input(device.Accelerator, other);
        using var s = GuardedBuffer.Input(device.Accelerator, scale);
        using var t = GuardedBuffer.Input(device.Accelerator, shift);
        using var r = GuardedBuffer.Input(device.Accelerator, residual);
        using var y = GuardedBuffer.Output(device.Accelerator, length);
        device.Kernels.Combine(device.Stream, shape, new Operands(x.View, b2.View, s.View, t.View, r.View, y.View), epilogue);
        device.Stream.Synchronize();
        // A quotient of values up to 1 by 1/2 or more, its roundings here and there, a product and two sums, and a hard swish of slope 1.5.
        const double Tolerance = 4 * TestData.Epsilon * 6;
        TestData.AssertClose(expected, y.Read(), Tolerance, $"{shape}, {epilogue}, seed {Seed}");
        TestData.AssertSameBits(other, b2.Read(), "the second tensor changed");
    }
}

[TestClass, TestCategory(VectorWidthTests.Category)]
public sealed class CpuCombineTests() : CombineTests(BackEnd.Cpu);

[TestClass]
public sealed class SimulatedNvidiaCombineTests() : CombineTests(BackEnd.SimulatedNvidia);

[TestClass]
public sealed class SimulatedAmdCombineTests() : CombineTests(BackEnd.SimulatedAmd);

[TestClass]
public sealed class PtxCombineTests() : CombineTests(BackEnd.Ptx);

[TestClass, TestCategory("OpenCL")]
public sealed class OpenCLCombineTests() : CombineTests(BackEnd.OpenCL);

[TestClass, TestCategory("Cuda")]
public sealed class CudaCombineTests() : CombineTests(BackEnd.Cuda);
