using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using IlgpuResNet.Kernels;
using IlgpuResNet.Kernels.Tiled;

namespace IlgpuResNet.Tests;

/// <summary>Calls that the tiled family refuses before it launches anything.</summary>
[TestClass]
public sealed class TiledKernelsTests
{
    public TestContext TestContext { get; set; } = null!;

    [TestMethod]
    public void A_device_with_small_groups_is_refused_by_name()
    {
        using var context = Context.Create(builder => KernelContext.Configure(builder).CPU(new CPUDevice(2, 1, 1)));
        using Accelerator accelerator = context.Devices[0].CreateAccelerator(context);
        var error = Assert.ThrowsExactly<NotSupportedException>(
            () => new TiledKernels(new AcceleratorKernelLoader(accelerator), accelerator));
        Assert.Contains(accelerator.Name, error.Message);
    }

    [TestMethod]
    public void A_view_that_is_too_short_is_refused_with_both_lengths()
    {
        TestDevice device = TestDevice.Open(BackEnd.SimulatedNvidia, TestContext);
        using var input = GuardedBuffer.Output(device.Accelerator, 11);
        using var output = GuardedBuffer.Output(device.Accelerator, 12);
        var error = Assert.ThrowsExactly<ArgumentException>(() => device.Kernels.Softmax(device.Stream, 3, 4, input.View, output.View));
        Assert.Contains("input is 11 floats, the shape needs 12", error.Message);
    }

    [TestMethod]
    public void A_tensor_beyond_32_bit_indexes_is_refused()
    {
        TestDevice device = TestDevice.Open(BackEnd.SimulatedNvidia, TestContext);
        using var buffer = GuardedBuffer.Output(device.Accelerator, 12);
        var error = Assert.ThrowsExactly<ArgumentException>(
            () => device.Kernels.Softmax(device.Stream, 1 << 16, 1 << 16, buffer.View, buffer.View));
        Assert.Contains("input would be 4294967296 floats", error.Message);
    }
}
