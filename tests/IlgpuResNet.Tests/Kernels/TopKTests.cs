namespace IlgpuResNet.Tests;

/// <summary>The largest elements of rows and their indices, against sorting.</summary>
public abstract class TopKTests(BackEnd backEnd)
{
    private TestDevice device = null!;

    public TestContext TestContext { get; set; } = null!;

    [TestInitialize]
    public void OpenDevice() => device = TestDevice.Open(backEnd, TestContext);

    [TestMethod]
    [DataRow(1, 1, 1)]
    [DataRow(3, 5, 1)]
    [DataRow(2, 5, 5)]
    [DataRow(2, 300, 4)]
    public void Random_rows_are_sorted(int rows, int classes, int k)
    {
        // Few different values, so that many are equal.
        var random = new Random(35);
        float[] values = [.. Enumerable.Range(0, rows * classes).Select(_ => random.Next(classes / 2 + 1) - 2f)];
        Check(rows, classes, k, values);
        values[^1] = float.NaN;
        values[0] = float.NegativeInfinity;
        Check(rows, classes, k, values);
    }

    private void Check(int rows, int classes, int k, float[] values)
    {
        var expected = new List<(float Value, float Index)>();
        for (int row = 0; row < rows; row++)
        {
            expected.AddRange(Enumerable.Range(0, classes).Select(i => (Value: values[row * classes + i], Index: (float)i))
                .OrderByDescending(item => float.IsNaN(item.Value)).ThenByDescending(item => item.Value).ThenBy(item => item.Index)
                .Take(k));
        }
        using var x = GuardedBuffer.Input(device.Accelerator, values);
        foreach (bool givesIndices in (bool[])[true, false])
        {
            using var y = GuardedBuffer.Output(device.Accelerator, rows * k);
            device.Kernels.TopK(device.Stream, rows, classes, k, givesIndices, x.View, y.View);
            device.Stream.Synchronize();
            CollectionAssert.AreEqual(expected.Select(item => givesIndices ? item.Index : item.Value).ToArray(), y.Read());
        }
    }
}

[TestClass, TestCategory(VectorWidthTests.Category)]
public sealed class CpuTopKTests() : TopKTests(BackEnd.Cpu);

[TestClass]
public sealed class SimulatedNvidiaTopKTests() : TopKTests(BackEnd.SimulatedNvidia);

[TestClass]
public sealed class SimulatedAmdTopKTests() : TopKTests(BackEnd.SimulatedAmd);

[TestClass]
public sealed class PtxTopKTests() : TopKTests(BackEnd.Ptx);

[TestClass, TestCategory("OpenCL")]
public sealed class OpenCLTopKTests() : TopKTests(BackEnd.OpenCL);

[TestClass, TestCategory("Cuda")]
public sealed class CudaTopKTests() : TopKTests(BackEnd.Cuda);
