using System.Runtime.InteropServices;
using IlgpuResNet.Kernels;

namespace IlgpuResNet.Tests;

/// <summary>Elements that are picked along an axis of one tensor or of two joined ones: bit-equal to the definition.</summary>
public abstract class SelectTests(BackEnd backEnd)
{
    private TestDevice device = null!;

    public TestContext TestContext { get; set; } = null!;

    [TestInitialize]
    public void OpenDevice() => device = TestDevice.Open(backEnd, TestContext);

    [TestMethod]
    [DataRow(1, 3, 0, 1, new[] { 2, 1, 0 }, DisplayName = "channels the other way round")]
    [DataRow(6, 5, 0, 3, new[] { 1, 3 }, DisplayName = "a slice with a step")]
    [DataRow(2, 4, 0, 8, new[] { 2, 1, 0, 1, 2, 3, 2 }, DisplayName = "padding by reflection")]
    [DataRow(3, 2, 0, 4, new[] { -1, 0, 1, -1, -1 }, DisplayName = "padding by a value")]
    [DataRow(5, 2, 3, 1, new[] { 0, 1, 2, 3, 4 }, DisplayName = "two lists of channels, joined")]
    [DataRow(2, 3, 2, 4, new[] { 4, 0, -1, 3, 3, 2 }, DisplayName = "two maps, mixed")]
    [DataRow(2, 1, 0, 12, new[] { 0, 0, 0 }, DisplayName = "repeated")]
    public void Elements_are_copied_by_their_indices(int rows, int first, int second, int inner, int[] indices)
    {
        var random = new Random(33);
        var shape = new SelectShape(rows, first, second, indices.Length, inner, Value: -7.5f);
        float[] a = TestData.Uniform(random, rows * first * inner), b = TestData.Uniform(random, Math.Max(rows * second * inner, 1));
        a[^1] = float.NaN;
        float[] expected = new float[rows * indices.Length * inner];
        for (int i = 0; i < expected.Length; i++)
        {
            int row = i / inner / indices.Length, index = indices[i / inner % indices.Length], within = i % inner;
            expected[i] = index < 0 ? shape.Value
                : index < first ? a[(row * first + index) * inner + within] : b[(row * second + index - first) * inner + within];
        }
        using var x = GuardedBuffer.Input(device.Accelerator, a);
        using var z = GuardedBuffer.Input(device.Accelerator, b);
        using var table = GuardedBuffer.Input(device.Accelerator, MemoryMarshal.Cast<int, float>(indices).ToArray());
        using var y = GuardedBuffer.Output(device.Accelerator, expected.Length);
        device.Kernels.Select(device.Stream, shape, new Operands(x.View, table.View, default, default, z.View, y.View));
        device.Stream.Synchronize();
        TestData.AssertSameBits(expected, y.Read(), $"{shape}");
    }
}

[TestClass, TestCategory(VectorWidthTests.Category)]
public sealed class CpuSelectTests() : SelectTests(BackEnd.Cpu);

[TestClass]
public sealed class SimulatedNvidiaSelectTests() : SelectTests(BackEnd.SimulatedNvidia);

[TestClass]
public sealed class SimulatedAmdSelectTests() : SelectTests(BackEnd.SimulatedAmd);

[TestClass]
public sealed class PtxSelectTests() : SelectTests(BackEnd.Ptx);

[TestClass, TestCategory("OpenCL")]
public sealed class OpenCLSelectTests() : SelectTests(BackEnd.OpenCL);

[TestClass, TestCategory("Cuda")]
public sealed class CudaSelectTests() : SelectTests(BackEnd.Cuda);
