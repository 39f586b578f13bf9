using System.Diagnostics;
using System.Globalization;
using IlgpuResNet.Kernels.Simd;

namespace IlgpuResNet.Tests;

/// <summary>
/// The processor's kernels with narrower vectors than this machine's widest, and with none. A width forced on wider hardware would
/// not do: .NET compiles the same vector to other instructions there. So the tests of <see cref="Category"/> run once more in
/// processes in which .NET is told not to use the wider instructions.
/// </summary>
[TestClass]
public sealed class VectorWidthTests
{
    /// <summary>The tests that are run with every width: those of the kernels, and whole networks.</summary>
    public const string Category = "Vectors";

    /// <summary>Test parameter: floats of the widest vector that the process is to have.</summary>
    private const string Lanes = nameof(Lanes);

    /// <summary>Fewer tests than are in the category, but more than without whole networks or without operators.</summary>
    private const int LeastTests = 200;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    public required TestContext TestContext { get; set; }

    /// <param name="setting">What switches wider vectors off (clrconfignames.h of the .NET runtime); the processors it does not concern ignore it.</param>
    /// <param name="lanes">Floats of the widest vectors that are left.</param>
    [TestMethod]
    [DataRow("DOTNET_EnableAVX512", 8)]
    [DataRow("DOTNET_EnableAVX", 4)]
    [DataRow("DOTNET_EnableHWIntrinsic", 1)]
    public void Kernels_and_networks_are_right_with_narrower_vectors(string setting, int lanes)
    {
        if (lanes > SimdWidth.Widest) Assert.Inconclusive($"This machine has no vectors of {lanes} floats.");
        string[] arguments =
        [
            Path.Combine(AppContext.BaseDirectory, "IlgpuResNet.Tests.dll"), "--filter", $"TestCategory={Category}", "--no-ansi",
            "--test-parameter", string.Create(CultureInfo.InvariantCulture, $"{Lanes}={lanes}"),
            "--minimum-expected-tests", LeastTests.ToString(CultureInfo.InvariantCulture),
        ];
        var start = new ProcessStartInfo("dotnet", arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment[setting] = "0";
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(Patience))
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"{setting}=0 took longer than {Patience}: {output.Result}");
        }
        TestContext.WriteLine(output.Result);
        Assert.AreEqual(0, process.ExitCode, $"{setting}=0: {output.Result}{error.Result}");
    }

    /// <summary>In such a process it fails unless the setting did what was meant, so that no width passes for another.</summary>
    [TestMethod, TestCategory(Category)]
    public void Sessions_use_the_widest_vectors_there_are()
    {
        int expected = TestContext.Properties.TryGetValue(Lanes, out object? lanes) ? int.Parse((string)lanes!, CultureInfo.InvariantCulture) : SimdWidth.Widest;
        Assert.AreEqual(expected, ((SimdKernels)TestDevice.OpenCompute(BackEnd.Cpu, TestContext).Open().Kernels).Lanes);
        Assert.AreEqual(expected, ((SimdKernels)TestDevice.Open(BackEnd.Cpu, TestContext).Kernels).Lanes);
    }
}
