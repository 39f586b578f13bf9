namespace IlgpuResNet.Tests;

[TestClass]
public sealed class ComputeDeviceTests
{
    public required TestContext TestContext { get; set; }

    [TestMethod]
    public void Every_device_is_found_by_its_id_and_the_processor_is_always_there()
    {
        IReadOnlyList<ComputeDevice> devices = ComputeDevice.List();
        Assert.AreEqual(DeviceKind.Cpu, devices[^1].Kind);
        Assert.AreSame(ComputeDevice.Cpu, devices[^1]);
        Assert.HasCount(devices.Count, devices.Select(device => device.Id).Distinct());
        foreach (ComputeDevice device in devices)
        {
            Assert.AreSame(device, ComputeDevice.Get(device.Id.ToUpperInvariant()));
            Assert.IsGreaterThan(0, device.MemoryBytes);
            Assert.IsGreaterThan(0, device.Multiprocessors);
            Assert.IsNotEmpty(device.Name);
        }
    }

    [TestMethod]
    public void An_unknown_device_is_refused_with_the_list_of_those_there_are()
    {
        string message = Assert.ThrowsExactly<DeviceException>(() => ComputeDevice.Get("cuda:99")).Message;
        foreach (ComputeDevice device in ComputeDevice.List()) StringAssert.Contains(message, device.Id);
    }

    [TestMethod]
    public void The_default_is_a_GPU_if_there_is_one_and_else_the_processor_itself()
    {
        bool anyGpu = ComputeDevice.List().Any(device => device.IsGpu);
        Assert.AreEqual(anyGpu, ComputeDevice.Default.IsGpu);
        if (!anyGpu) Assert.AreSame(ComputeDevice.Cpu, ComputeDevice.Default);
    }

    /// <summary>PoCL is OpenCL on the processor: it must be listed, and never be chosen unasked.</summary>
    [TestMethod, TestCategory("OpenCL")]
    public void OpenCL_on_a_processor_is_used_only_when_asked_for()
    {
        ComputeDevice device = TestDevice.OpenCompute(BackEnd.OpenCL, TestContext);
        Assert.AreSame(device, ComputeDevice.Get("opencl"));
        if (device.IsGpu) Assert.Inconclusive("The OpenCL device of this machine is a GPU.");
        Assert.AreNotSame(device, ComputeDevice.Default);
    }
}
