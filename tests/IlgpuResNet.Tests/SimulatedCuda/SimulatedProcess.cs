using System.Diagnostics;
using IlgpuResNet.SimulatedCuda;

namespace IlgpuResNet.Tests.SimulatedCuda;

/// <summary>A .NET program in a process of its own that finds a simulated NVIDIA driver.</summary>
/// <param name="ExitCode">What it returned.</param>
/// <param name="Output">Its standard output and error.</param>
/// <param name="Report">What the driver wrote when the process ended.</param>
internal sealed record SimulatedProcess(int ExitCode, string Output, string Report)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(4);

    /// <summary>True when the driver has found no mistake.</summary>
    public bool IsFaultless => Report.StartsWith("findings: 0\n", StringComparison.Ordinal);

    /// <param name="settings">The driver's settings, as <see cref="DriverSettings.Variable"/> takes them.</param>
    /// <param name="arguments">An assembly of the tests' folder, and its arguments.</param>
    public static SimulatedProcess Run(string settings, params string[] arguments)
    {
        string report = Path.GetTempFileName();
        try
        {
            var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, arguments[0]), .. arguments[1..]])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };
            start.Environment["DOTNET_STARTUP_HOOKS"] = typeof(SimulatedDriver).Assembly.Location;
            start.Environment[DriverSettings.Variable] = $"report={report};{settings}";
            using Process process = Process.Start(start)!;
            Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
            if (!process.WaitForExit(Patience))
            {
                process.Kill(entireProcessTree: true);
                Assert.Fail($"{settings}: {string.Join(' ', arguments)} took longer than {Patience}: {output.Result}");
            }
            return new SimulatedProcess(process.ExitCode, output.Result + error.Result, File.ReadAllText(report));
        }
        finally
        {
            File.Delete(report);
        }
    }
}
