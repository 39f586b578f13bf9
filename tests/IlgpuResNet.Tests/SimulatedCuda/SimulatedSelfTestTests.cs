using IlgpuResNet.SimulatedCuda;

namespace IlgpuResNet.Tests.SimulatedCuda;

/// <summary>The self-test of a device on the simulated driver.</summary>
[TestClass]
public sealed class SimulatedSelfTestTests
{
    private SimulatedDriver driver = null!;
    private ResNet model = null!;

    private static ComputeDevice Device => ComputeDevice.Get("cuda:1");

    [TestInitialize]
    public void Open()
    {
        driver = SimulatedCudaTests.RequireDriver();
        model = TinyNetwork.Create();
    }

    [TestCleanup]
    public void Close()
    {
        Simulator.Driver?.ClearFaults();
        model?.Dispose();
    }

    [TestMethod, TestCategory(SimulatedCudaTests.Category)]
    public void Every_kernel_of_a_plan_passes()
    {
        DeviceSelfTest test = DeviceSelfTest.Run(model, Device, [1]);
        Assert.IsTrue(test.Passed, test.ToJson());
        Assert.IsGreaterThan(6, test.Kernels.Length);
        StringAssert.Contains(test.Driver, "driver");
        AssertNothingStays();
    }

    /// <summary>The control: a kernel that loses the device fails, and the others are tested on the device opened anew.</summary>
    [TestMethod, TestCategory(SimulatedCudaTests.Category)]
    public void Kernel_that_fails_is_named_and_the_others_are_tested()
    {
        driver.Inject(new FaultRule("cuLaunchKernel", 4, CudaResult.IllegalAddress));
        DeviceSelfTest test = DeviceSelfTest.Run(model, Device, [1]);
        Assert.IsFalse(test.Passed);
        KernelTest failed = Assert.ContainsSingle(test.Kernels.Where(kernel => !kernel.Passed));
        StringAssert.Contains(failed.Failure, "IllegalAddress");
        StringAssert.Contains(test.ToJson(), "IllegalAddress");
        AssertNothingStays();
    }

    private void AssertNothingStays()
    {
        Assert.IsTrue(driver.Live is { Allocations: 0, PageLocks: 0 }, driver.Live.ToString());
        Finding[] findings = [.. driver.Findings.Where(finding => finding is not { Kind: FindingKind.Leak, Call: "cuCtxDestroy_v2" })];
        driver.ClearFindings();
        Assert.IsEmpty(findings, string.Join('\n', (object[])findings));
    }
}
