using System.Diagnostics;
using System.Globalization;

namespace IlgpuResNet.Bench;

/// <summary>This process's memory as the system reports it, pages of mapped files included.</summary>
internal static class ProcessMemory
{
    private const string Status = "/proc/self/status";

    /// <summary>
    /// Bytes of the resident set: <c>VmRSS</c> from Linux's /proc, else null, because nothing else is exact enough to show growth.
    /// </summary>
    public static long? Resident() => Field("VmRSS:");

    /// <summary>Bytes of the resident set after a collection that gives free managed memory back, so that all of it is in use.</summary>
    public static long? ResidentInUse()
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        return Resident();
    }

    /// <summary>
    /// Bytes of the largest resident set so far: <c>VmHWM</c> from Linux's /proc, else the figure that .NET gets from the system.
    /// </summary>
    public static long Peak() => Field("VmHWM:") ?? Process.GetCurrentProcess().PeakWorkingSet64;

    private static long? Field(string name)
    {
        if (!File.Exists(Status)) return null;
        string line = File.ReadLines(Status).First(line => line.StartsWith(name, StringComparison.Ordinal));
        return 1024 * long.Parse(line[name.Length..].Replace("kB", "", StringComparison.Ordinal), CultureInfo.InvariantCulture);
    }
}
