using System.Diagnostics;
using IlgpuResNet.Cli;
using IlgpuResNet.Devices;

namespace IlgpuResNet.Tests;

/// <summary>A process that may open few files, or whose working folder is gone: .NET fails in odd ways, and one line says so.</summary>
[TestClass]
public sealed class RuntimeFailureTests : CommandLineFixture
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [TestMethod]
    [DataRow(60)]
    [DataRow(70)]
    [DataRow(80)]
    [DataRow(90)]
    [DataRow(95)]
    public async Task Too_few_open_files_are_one_line(int limit)
    {
        (int exitCode, string error) = await InShell($"ulimit -n {limit}; exec \"$@\"");
        if (exitCode == 0) return;
        Assert.AreEqual(Program.Failure, exitCode, error);
        AssertOneLine(error, ".NET ");
        Assert.DoesNotContain("driver", error);
        Assert.DoesNotContain("unexpected", error);
    }

    [TestMethod]
    public async Task A_deleted_working_folder_is_named()
    {
        string gone = Directory.CreateDirectory(InFolder("gone")).FullName;
        (int exitCode, string error) = await InShell($"cd '{gone}'; rmdir '{gone}'; exec \"$@\"");
        if (exitCode == 0) return;
        Assert.AreEqual(Program.Failure, exitCode, error);
        AssertOneLine(error, "working folder was deleted");
        Assert.DoesNotContain("driver", error);
    }

    [TestMethod]
    public void A_driver_that_fails_is_no_failure_of_the_runtime()
    {
        StringAssert.EndsWith(RuntimeFailure.Explain(new DllNotFoundException("libcuda.so"), "Check the driver."), "Check the driver.");
        StringAssert.EndsWith(RuntimeFailure.Explain(new InvalidOperationException("x"), "Check the driver."), "Check the driver.");
        StringAssert.StartsWith(RuntimeFailure.Explain(new BadImageFormatException("x"), "Check the driver."), ".NET itself failed: x.");
        StringAssert.StartsWith(
            RuntimeFailure.Explain(new TypeInitializationException("T", new FileNotFoundException("y")), "Check the driver."),
            ".NET itself failed: y.");
    }

    private async Task<(int ExitCode, string Error)> InShell(string script)
    {
        if (OperatingSystem.IsWindows()) Assert.Inconclusive("The limit of open files is the shell's on Unix.");
        string tool = Path.Combine(AppContext.BaseDirectory, "ilgpu-resnet.dll");
        string[] arguments = ["-c", script, "sh", "dotnet", tool, "classify", Photo, "--weights", Weights, "--device", "cpu"];
        using Process process = Process.Start(new ProcessStartInfo("sh", arguments)
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        })!;
        using var patience = new CancellationTokenSource(Patience);
        Task<string> output = process.StandardOutput.ReadToEndAsync(patience.Token);
        string error = await process.StandardError.ReadToEndAsync(patience.Token);
        await output;
        await process.WaitForExitAsync(patience.Token);
        return (process.ExitCode, error);
    }
}
