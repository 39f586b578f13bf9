using System.Runtime.InteropServices;

namespace IlgpuResNet.Devices;

/// <summary>
/// Asks Linux for pages of 2 MB instead of 4 KB. Weights are read from front to back once in every run, so they are in no cache
/// and in no table of addresses either; and memory that is fresh costs one interruption a page.
/// </summary>
internal static partial class LargePages
{
    private const int MadviseHugePage = 14;

    /// <summary>The least that is worth asking for: some large pages lie in it whole.</summary>
    private const int LeastBytes = 8 << 20;

    /// <summary>Asks for memory that nobody has touched yet. It is a wish: nothing depends on its being granted.</summary>
    public static void Request(nint address, long bytes)
    {
        if (!OperatingSystem.IsLinux() || bytes < LeastBytes) return;
        nint mask = Environment.SystemPageSize - 1;
        nint start = (address + mask) & ~mask, end = (nint)(address + bytes) & ~mask;
        _ = Advise(start, (nuint)(end - start), MadviseHugePage);
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Advise(nint address, nuint length, int advice);
}
