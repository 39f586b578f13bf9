using System.Text;
using Microsoft.Win32.SafeHandles;

namespace IlgpuResNet.Cli;

/// <summary>
/// Reports that .NET cannot load a part of itself, mostly because the process may open too few files: then it cannot load its console
/// either. The line goes to the error stream's descriptor by code that is always loaded.
/// </summary>
internal static class LastWords
{
    private const int ErrorDescriptor = 2;

    /// <summary>True for a part of .NET or of this tool that cannot be loaded.</summary>
    public static bool IsLoadFailure(Exception e) => e.GetBaseException() is FileNotFoundException or FileLoadException
        or BadImageFormatException or (TypeLoadException and not DllNotFoundException and not EntryPointNotFoundException);

    /// <summary>The error's text.</summary>
    public static string Explain(Exception e)
    {
        string reason = e.GetBaseException().Message.ReplaceLineEndings("\n").Split('\n')[0].TrimEnd('.');
        return $".NET cannot load a part of itself: {reason}; allow the process more open files (ulimit -n), or repair .NET";
    }

    /// <summary>Writes the error where even the console cannot be loaded.</summary>
    public static void Write(Exception e)
    {
        if (OperatingSystem.IsWindows())
        {
            Console.Error.WriteLine($"error: {Explain(e)}");
            return;
        }
        try
        {
            using var handle = new SafeFileHandle(ErrorDescriptor, ownsHandle: false);
            using var stream = new FileStream(handle, FileAccess.Write, bufferSize: 0);
            stream.Write(Encoding.UTF8.GetBytes($"error: {Explain(e)}\n"));
        }
        catch (Exception closed) when (closed is IOException or UnauthorizedAccessException or ArgumentException)
        {
            // The error stream is closed; the exit code still reports the failure.
        }
    }
}
