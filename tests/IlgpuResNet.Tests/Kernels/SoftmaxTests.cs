namespace IlgpuResNet.Tests;

/// <summary>Row-wise softmax against the oracle.</summary>
public abstract class SoftmaxTests(BackEnd backEnd)
{
    private TestDevice device = null!;

    public TestContext TestContext { get; set; } = null!;

    [TestInitialize]
    public void OpenDevice() => device = TestDevice.Open(backEnd, TestContext);

    [TestMethod]
    [DataRow(1, 1)]
    [DataRow(3, 2)]
    [DataRow(2, 10)]
    [DataRow(5, 33)]
    [DataRow(1, 1000)]
    [DataRow(3, 1001)]
    public void Random_logits_match_the_oracle(int rows, int classes)
    {
        const int Seed = 21;
        float[] logits = [.. TestData.Uniform(new Random(Seed), rows * classes).Select(v => 20 * v)];
        Check(rows, classes, logits, $"[{rows}, {classes}], seed {Seed}");
    }

    [TestMethod]
    public void Large_logits_do_not_overflow()
    {
        Check(2, 3, [3e4f, 3e4f, -3e4f, -3e38f, 0, 1], "large logits");
        Check(1, 3, [float.NegativeInfinity, 2, 1], "negative infinity");
    }

    [TestMethod]
    public void NaN_spoils_its_own_row_only() => Check(3, 5, [1, 2, 3, 4, 5, 1, float.NaN, 3, 4, 5, 5, 4, 3, 2, 1], "NaN in row 1");

    /// <summary>A thread of a GPU's group takes every 128th class: what it took before and after the NaN must not hide it.</summary>
    [TestMethod]
    [DataRow(5)]
    [DataRow(150)]
    [DataRow(299)]
    public void NaN_spoils_a_long_row_wherever_it_lies(int at)
    {
        float[] logits = [.. Enumerable.Range(0, 300).Select(i => i / 300f)];
        logits[at] = float.NaN;
        Check(1, 300, logits, $"NaN at {at}");
    }

    private void Check(int rows, int classes, float[] logits, string message)
    {
        using var input = GuardedBuffer.Input(device.Accelerator, logits);
        using var output = GuardedBuffer.Output(device.Accelerator, rows * classes);
        device.Kernels.Softmax(device.Stream, rows, classes, input.View, output.View);
        device.Stream.Synchronize();

        // Relative: the difference to the maximum rounds once and stands in an exponent, where anything past the
        // exponent range gives 0; the sum rounds once per class. Absolute: what is below the normal floats may flush to zero.
        const double ExponentRange = 88;
        const double SmallestNormal = 1.17549435e-38;
        double relative = 4 * TestData.Epsilon * (ExponentRange + classes);
        TestData.AssertClose(Oracle.Softmax(classes, logits), output.Read(), p => relative * p + SmallestNormal, message);
    }
}

[TestClass, TestCategory(VectorWidthTests.Category)]
public sealed class CpuSoftmaxTests() : SoftmaxTests(BackEnd.Cpu);

[TestClass]
public sealed class SimulatedNvidiaSoftmaxTests() : SoftmaxTests(BackEnd.SimulatedNvidia);

[TestClass]
public sealed class SimulatedAmdSoftmaxTests() : SoftmaxTests(BackEnd.SimulatedAmd);

[TestClass]
public sealed class PtxSoftmaxTests() : SoftmaxTests(BackEnd.Ptx);

[TestClass, TestCategory("OpenCL")]
public sealed class OpenCLSoftmaxTests() : SoftmaxTests(BackEnd.OpenCL);

[TestClass, TestCategory("Cuda")]
public sealed class CudaSoftmaxTests() : SoftmaxTests(BackEnd.Cuda);
