using IlgpuResNet.SimulatedCuda;

/// <summary>
/// <c>DOTNET_STARTUP_HOOKS=IlgpuResNet.SimulatedCuda.dll</c> puts a simulated driver under any .NET process that uses ILGPU, with the
/// settings of <see cref="DriverSettings.Variable"/>. When the process ends, the report is written.
/// </summary>
internal static class StartupHook
{
    private const string Ilgpu = "ILGPU";

    public static void Initialize()
    {
        var driver = new SimulatedDriver(DriverSettings.Parse(Environment.GetEnvironmentVariable(DriverSettings.Variable) ?? ""));
        AppDomain.CurrentDomain.AssemblyLoad += (_, loaded) =>
        {
            if (loaded.LoadedAssembly.GetName().Name == Ilgpu) Simulator.Install(loaded.LoadedAssembly, driver);
        };
        if (driver.Settings.Report is { } report)
            AppDomain.CurrentDomain.ProcessExit += (_, _) => File.WriteAllText(report, driver.Describe());
    }
}
