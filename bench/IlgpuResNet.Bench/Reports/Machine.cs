using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;

namespace IlgpuResNet.Bench.Reports;

/// <summary>The machine, its system and the build that was measured.</summary>
/// <param name="Processor">Name of the processor, or its architecture where the system does not say.</param>
/// <param name="Threads">Processor threads that .NET may use.</param>
/// <param name="MemoryGib">Memory that .NET may use.</param>
/// <param name="System">The operating system.</param>
/// <param name="Runtime">The version of .NET.</param>
/// <param name="Build">Version and, when it was built from a repository, commit of this program.</param>
internal sealed record Machine(string Processor, int Threads, double MemoryGib, string System, string Runtime, string Build)
{
    private const string ProcessorInfo = "/proc/cpuinfo";
    private const string ModelName = "model name";
    private const double Gibi = 1 << 30;

    public static Machine Here() => new(
        ProcessorName(), Environment.ProcessorCount, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / Gibi,
        string.Create(CultureInfo.InvariantCulture, $"{RuntimeInformation.OSDescription}, {RuntimeInformation.ProcessArchitecture}"),
        RuntimeInformation.FrameworkDescription,
        typeof(Machine).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion);

    private static string ProcessorName() =>
        (File.Exists(ProcessorInfo)
            ? File.ReadLines(ProcessorInfo).FirstOrDefault(line => line.StartsWith(ModelName, StringComparison.Ordinal))
            : null)?.Split(':', 2)[^1].Trim()
        ?? RuntimeInformation.ProcessArchitecture.ToString();
}
