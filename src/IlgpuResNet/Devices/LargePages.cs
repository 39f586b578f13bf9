using System.Runtime.InteropServices;

namespace IlgpuResNet.Devices;

/// <summary>
/// Puts memory that is read again and again into pages of 2 MB instead of 4 KB, where Linux can (6.1 and later). A network's
/// weights are read from front to back in every run, so that neither caches nor tables of addresses hold them. Made only of
/// memory that is in use already: asking for such pages at once would hold up the first answer, since a virtual machine's host may have to find them.
/// </summary>
internal static partial class LargePages
{
    private const int MadviseCollapse = 25;
    private const nint LargePage = 2 << 20;

    /// <summary>Moves memory to large pages, those of its pages that lie in it whole; its contents stay, and others may read it meanwhile.</summary>
    public static void Collapse(nint address, long bytes)
    {
        if (!OperatingSystem.IsLinux()) return;
        nint end = (nint)(address + bytes) & -LargePage;
        // One by one: nobody waits long for the lock on the process's memory.
        for (nint page = (address + LargePage - 1) & -LargePage; page < end; page += LargePage)
        {
            // It is a wish: an older system, or one without free large pages, leaves all as it was.
            if (Advise(page, LargePage, MadviseCollapse) != 0) return;
        }
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Advise(nint address, nint length, int advice);
}
