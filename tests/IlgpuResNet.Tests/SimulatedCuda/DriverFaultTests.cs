using IlgpuResNet.SimulatedCuda;

namespace IlgpuResNet.Tests.SimulatedCuda;

/// <summary>Any call of the simulated driver fails at the use that it is told to.</summary>
[TestClass]
public sealed class DriverFaultTests
{
    private const int Bytes = 256;

    [TestMethod]
    public void Only_the_named_use_fails_and_does_nothing()
    {
        var host = new DriverHost();
        host.Driver.Inject(new FaultRule("cuMemAlloc_v2", 2, CudaResult.OutOfMemory));
        host.Allocate(Bytes);
        Assert.AreEqual(CudaResult.OutOfMemory, host.TryAllocate(Bytes, out _));
        host.Allocate(Bytes);
        Assert.AreEqual(2, host.Driver.Live.Allocations);
        Assert.AreEqual(1, host.Driver.FaultsStruck);
        host.AssertFaultless();
    }

    [TestMethod]
    public void Lost_context_fails_until_it_is_destroyed()
    {
        var host = new DriverHost();
        nint memory = host.Allocate(Bytes);
        host.Driver.Inject(new FaultRule("cuMemsetD8Async", 1, CudaResult.LaunchFailed));
        Assert.AreEqual(CudaResult.LaunchFailed, host.Driver.cuMemsetD8Async(memory, 0, Bytes, 0));
        Assert.AreEqual(CudaResult.LaunchFailed, host.Driver.cuMemsetD8Async(memory, 0, Bytes, 0));
        Assert.AreEqual(CudaResult.LaunchFailed, host.Driver.cuMemFree_v2(memory));
        DriverHost.Check(host.Driver.cuCtxDestroy_v2(host.Context));
        host.CreateContext();
        host.Allocate(Bytes);
        host.AssertFaultless();
        Assert.AreEqual(new LiveObjects(1, 1, 0, 0, 0, 0), host.Driver.Live);
    }

    [TestMethod]
    public void Device_lost_while_idle_takes_its_contexts_and_no_others()
    {
        var host = new DriverHost(devices: [DeviceModel.A100, DeviceModel.T4]);
        nint other = host.CreateContext(device: 1);
        host.Driver.Lose(0);
        host.Allocate(Bytes);
        DriverHost.Check(host.Driver.cuCtxSetCurrent(host.Context));
        Assert.AreEqual(CudaResult.LaunchFailed, host.TryAllocate(Bytes, out _));
        DriverHost.Check(host.Driver.cuCtxSetCurrent(other));
        host.Allocate(Bytes);
        host.AssertFaultless();
    }

    [TestMethod]
    public void Memory_of_a_device_is_finite()
    {
        var host = new DriverHost(devices: [DeviceModel.T4 with { MemoryBytes = 1000 }]);
        nint memory = host.Allocate(600);
        Assert.AreEqual(CudaResult.OutOfMemory, host.TryAllocate(600, out _));
        DriverHost.Check(host.Driver.cuMemFree_v2(memory));
        host.Allocate(600);
    }

    [TestMethod]
    public void Settings_are_read_from_text()
    {
        DriverSettings settings = DriverSettings.Parse(
            "devices=T4,h100; timing=late; seed=7; fail=cuMemAlloc_v2:3:OutOfMemory; report=/r.txt");
        CollectionAssert.AreEqual(new[] { DeviceModel.T4, DeviceModel.H100 }, settings.Devices);
        Assert.AreEqual(ExecutionTiming.Late, settings.Timing);
        Assert.AreEqual(7, settings.Seed);
        Assert.AreEqual(new FaultRule("cuMemAlloc_v2", 3, CudaResult.OutOfMemory), settings.Faults.Single());
        Assert.AreEqual("/r.txt", settings.Report);
        Assert.ThrowsExactly<FormatException>(() => DriverSettings.Parse(
            "color=red"));
    }
}
