namespace IlgpuResNet.Devices;

/// <summary>
/// Tells failures of .NET from failures of a driver. A process that may open too few files cannot load a part of .NET, and .NET reports
/// that as a missing file, a failed type initializer, missing memory or a null reference in its own code.
/// </summary>
internal static class RuntimeFailure
{
    /// <summary>The reason of a failure and what to do about it, as sentences.</summary>
    /// <param name="e">The failure.</param>
    /// <param name="advice">What to do where a device or its driver failed.</param>
    public static string Explain(Exception e, string advice)
    {
        if (!IsRuntime(e)) return $"{DeviceRuntime.FirstLine(e)} {advice}";
        string reason = DeviceRuntime.FirstLine(e.GetBaseException());
        return HasWorkingFolder()
            ? $".NET itself failed: {reason} Allow the process more open files (ulimit -n) and more memory, or repair .NET."
            : $".NET itself failed: {reason} The process's working folder was deleted; start it in another one.";
    }

    /// <summary>True when .NET failed. A missing library of a driver is no such failure, nor is a driver's lack of memory.</summary>
    public static bool IsRuntime(Exception e) => e.GetBaseException() is FileNotFoundException or DirectoryNotFoundException
        or FileLoadException or BadImageFormatException or NullReferenceException or OutOfMemoryException
        or (TypeLoadException and not DllNotFoundException and not EntryPointNotFoundException);

    private static bool HasWorkingFolder()
    {
        try
        {
            return Directory.Exists(Directory.GetCurrentDirectory());
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
