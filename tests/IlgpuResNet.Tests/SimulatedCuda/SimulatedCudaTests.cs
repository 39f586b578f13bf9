using IlgpuResNet.SimulatedCuda;

namespace IlgpuResNet.Tests.SimulatedCuda;

/// <summary>
/// The library on "CUDA". ILGPU looks for drivers once in a process, so the tests of <see cref="Category"/> run in a process of their own,
/// in which it finds a simulated one; elsewhere they are skipped.
/// </summary>
[TestClass]
public sealed class SimulatedCudaTests
{
    /// <summary>The tests that run on the simulated driver.</summary>
    public const string Category = "SimulatedCuda";

    /// <summary>At least this many tests are in the category.</summary>
    private const int LeastTests = 45;

    public required TestContext TestContext { get; set; }

    [TestMethod]
    public void Networks_run_on_a_simulated_driver_and_it_finds_no_mistake()
    {
        SimulatedProcess process = SimulatedProcess.Run(
            "devices=T4,A100,RTX4090,H100;engine=warps;timing=random;seed=1", "IlgpuResNet.Tests.dll",
            "--filter", $"TestCategory={Category}", "--no-ansi", "--minimum-expected-tests", $"{LeastTests}");
        TestContext.WriteLine(process.Output);
        TestContext.WriteLine(process.Report);
        Assert.AreEqual(0, process.ExitCode, process.Output);
        Assert.IsTrue(process.IsFaultless, process.Report);
    }

    /// <summary>In a process with a simulated driver, each mistake that it finds fails the test that has made it.</summary>
    [GlobalTestCleanup]
    public static void FailWhereTheDriverHasFoundAMistake(TestContext testContext)
    {
        if (Simulator.Driver is not { } driver) return;
        IReadOnlyList<Finding> findings = driver.Findings;
        driver.ClearFindings();
        Assert.IsEmpty(findings, $"{testContext.TestName}: {string.Join('\n', findings)}");
    }

    /// <summary>The driver of this process; ends the test as inconclusive where there is none.</summary>
    internal static SimulatedDriver RequireDriver()
    {
        if (Simulator.Driver is { } driver) return driver;
        Assert.Inconclusive($"{nameof(SimulatedCudaTests)} runs this test in a process that has a simulated driver.");
        throw new InvalidOperationException();
    }
}
