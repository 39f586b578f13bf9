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

    /// <summary>
    /// The variables that switch wider vectors off (clrconfignames.h of the .NET runtime; a processor without such vectors ignores them),
    /// and the number of floats of the widest vectors that are left.
    /// </summary>
    public static IEnumerable<(string Setting, int Lanes)> Settings { get; } =
    [
        ("DOTNET_EnableAVX512", 8),
        ("DOTNET_EnableAVX", 4),
        ("DOTNET_EnableHWIntrinsic", 1),
    ];

    /// <summary>A process for every setting, all started with the first test, so that they fill the processor's cores together.</summary>
    private static readonly Lazy<Dictionary<string, TestProcess>> Processes = new(
        () => Settings.Where(row => row.Lanes <= SimdWidth.Widest).ToDictionary(
            row => row.Setting, row => new TestProcess(row.Setting, row.Lanes)));

    public required TestContext TestContext { get; set; }

    [ClassCleanup]
    public static void EndProcesses()
    {
        if (!Processes.IsValueCreated) return;
        foreach (TestProcess process in Processes.Value.Values) process.Dispose();
    }

    [TestMethod]
    [DynamicData(nameof(Settings))]
    public void Kernels_and_networks_are_right_with_narrower_vectors(string setting, int lanes)
    {
        if (lanes > SimdWidth.Widest) Assert.Inconclusive($"This machine has no vectors of {lanes} floats.");
        (int exitCode, string output) = Processes.Value[setting].WaitForExit();
        TestContext.WriteLine(output);
        Assert.AreEqual(0, exitCode, $"{setting}=0: {output}");
    }

    /// <summary>In such a process it fails unless the setting did what was meant, so that no width passes for another.</summary>
    [TestMethod, TestCategory(Category)]
    public void Sessions_use_the_widest_vectors_there_are()
    {
        int expected = TestContext.Properties.TryGetValue(Lanes, out object? lanes)
            ? int.Parse((string)lanes!, CultureInfo.InvariantCulture) : SimdWidth.Widest;
        Assert.AreEqual(expected, ((SimdKernels)TestDevice.OpenCompute(BackEnd.Cpu, TestContext).Open().Kernels).Lanes);
        Assert.AreEqual(expected, ((SimdKernels)TestDevice.Open(BackEnd.Cpu, TestContext).Kernels).Lanes);
    }

    /// <summary>The tests of <see cref="Category"/> in a process of their own, for which .NET gets a setting.</summary>
    private sealed class TestProcess : IDisposable
    {
        private readonly string setting;
        private readonly Process process;
        private readonly Task<string> output, error;

        public TestProcess(string setting, int lanes)
        {
            this.setting = setting;
            string[] arguments =
            [
                "--filter", $"TestCategory={Category}", "--no-ansi",
                "--test-parameter", string.Create(CultureInfo.InvariantCulture, $"{Lanes}={lanes}"),
                "--minimum-expected-tests", LeastTests.ToString(CultureInfo.InvariantCulture),
            ];
            ProcessStartInfo start = OwnProcess.StartInfo(arguments);
            start.RedirectStandardError = true;
            start.Environment[setting] = "0";
            // Profiling code costs a process that lives for seconds a sixth to a quarter of its time. The tests run with it in the process
            // that starts this one.
            start.Environment["DOTNET_TieredPGO"] = "0";
            process = Process.Start(start)!;
            output = process.StandardOutput.ReadToEndAsync();
            error = process.StandardError.ReadToEndAsync();
        }

        public (int ExitCode, string Output) WaitForExit()
        {
            if (process.WaitForExit(Patience)) return (process.ExitCode, output.Result + error.Result);
            process.Kill(entireProcessTree: true);
            Assert.Fail($"{setting}=0 took longer than {Patience}: {output.Result}");
            return default;
        }

        public void Dispose()
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
            process.Dispose();
        }
    }
}
