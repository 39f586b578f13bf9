using System.Runtime.InteropServices;

namespace IlgpuResNet.Devices;

/// <summary>
/// Moves memory that is read again and again into pages of 2 MB instead of 4 KB, where Linux can (6.1 and later). A network's weights are
/// read from front to back in every run, so neither caches nor tables of addresses hold them. Only memory already in use is moved: asking
/// for large pages at once would delay the first answer, since a virtual machine's host may have to find them.
/// </summary>
internal static partial class LargePages
{
    private const int MadviseCollapse = 25;
    private const nint LargePage = 2 << 20;

    /// <summary>
    /// Moves the large pages that lie in the memory as a whole; its contents stay, and other threads may read them meanwhile.
    /// </summary>
    public static void Collapse(nint address, long bytes)
    {
        if (!OperatingSystem.IsLinux()) return;
        nint end = (nint)(address + bytes) & -LargePage;
        // One by one, so that no thread waits long for the lock on the process's memory.
        for (nint page = (address + LargePage - 1) & -LargePage; page < end; page += LargePage)
        {
            // An older system, or one without free large pages, refuses and leaves everything as it was.
            if (Advise(page, LargePage, MadviseCollapse) != 0) return;
        }
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Advise(nint address, nint length, int advice);
}
