using IlgpuResNet.SimulatedCuda;

namespace IlgpuResNet.Tests.SimulatedCuda;

/// <summary>Calls of the driver that fail while a session lives.</summary>
[TestClass]
public sealed class SimulatedFaultTests
{
    /// <summary>The H100 of <see cref="SimulatedCudaTests"/>, which no other test uses.</summary>
    private const string Device = "cuda:3";

    /// <summary>A network small enough to be run many times.</summary>
    private static readonly ResNetConfig Thin = ResNetConfig.ResNet18 with { StemWidth = 8, BaseWidth = 4, NumClasses = 10 };

    /// <summary>Out of memory at each allocation: the library says so, keeps nothing, and the next session works.</summary>
    [TestMethod, TestCategory(SimulatedCudaTests.Category)]
    public void Session_without_memory_says_so_and_keeps_nothing()
    {
        SimulatedDriver driver = SimulatedCudaTests.RequireDriver();
        using ResNet model = ResNet.Create(Thin, 7);
        float[] expected = Run(model);
        int allocations = driver.Calls["cuMemAlloc_v2"];
        Run(model);
        allocations = driver.Calls["cuMemAlloc_v2"] - allocations;
        Assert.IsGreaterThan(1, allocations);
        for (int use = 1; use <= allocations; use++)
        {
            driver.Inject(new FaultRule("cuMemAlloc_v2", use, CudaResult.OutOfMemory));
            Assert.Throws<DeviceException>(() => Run(model), $"allocation {use} of {allocations}");
            driver.ClearFaults();
            Assert.IsTrue(driver.Live is { Allocations: 0, PageLocks: 0 }, $"allocation {use} of {allocations}: {driver.Live}");
            CollectionAssert.AreEqual(expected, Run(model));
        }
        Assert.IsEmpty(driver.Findings, string.Join('\n', driver.Findings));
    }

    private static float[] Run(ResNet model)
    {
        const int Side = 32;
        using var session = new InferenceSession(model, ComputeDevice.Get(Device), new SessionOptions { Height = Side, Width = Side });
        float[] image = new float[3 * Side * Side], logits = new float[session.NumClasses];
        image.AsSpan().Fill(0.5f);
        session.Run(image, logits);
        return logits;
    }
}
