using System.Runtime.CompilerServices;

namespace IlgpuResNet.Tests;

/// <summary>The sentinels around device memory, on which the operators' tests rely on devices without an interpreter.</summary>
[TestClass]
public sealed class GuardedBufferTests
{
    private const int Length = 5;

    public TestContext TestContext { get; set; } = null!;

    [TestMethod]
    [DataRow(-64)]
    [DataRow(-1)]
    [DataRow(Length)]
    [DataRow(Length + 63)]
    public void A_write_outside_is_seen(int index)
    {
        using GuardedBuffer buffer = Open();
        Unsafe.Add(ref buffer.View[0], index) = 0;
        Assert.ThrowsExactly<AssertFailedException>(() => buffer.Read());
    }

    [TestMethod]
    public void A_write_inside_is_read_and_what_is_not_written_is_no_number()
    {
        using GuardedBuffer buffer = Open();
        buffer.View[2] = 1;
        CollectionAssert.AreEqual(new[] { float.NaN, float.NaN, 1, float.NaN, float.NaN }, buffer.Read());
    }

    /// <summary>In the processor's memory, which a test can reach beyond a view.</summary>
    private GuardedBuffer Open() => GuardedBuffer.Output(TestDevice.Open(BackEnd.Ptx, TestContext).Accelerator, Length);
}
