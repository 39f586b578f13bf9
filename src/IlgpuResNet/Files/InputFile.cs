namespace IlgpuResNet.Files;

/// <summary>Looks at an input before it is opened: a pipe may wait forever and a device never ends.</summary>
internal static class InputFile
{
    /// <summary>Length of a regular file in bytes; 0 for pipes and devices, which have none.</summary>
    /// <exception cref="IOException">There is no such file; the message gives the reason alone, without a path.</exception>
    public static long Length(string path)
    {
        if (path.Length == 0 || (OperatingSystem.IsWindows() && string.IsNullOrWhiteSpace(path))) throw new IOException("the path is empty");
        if (path.Contains('\0')) throw new IOException("the path has a character that no file name has");
        // The system is asked once about what is no link: a folder may have thousands of small files.
        var file = new FileInfo(path);
        if (file.Exists && !file.Attributes.HasFlag(FileAttributes.ReparsePoint)) return file.Length;
        if (Directory.Exists(path)) throw new IOException("it is a folder; a file was expected");
        if (!File.Exists(path)) throw new IOException("there is no such file");
        file = new FileInfo(Resolve(path));
        return file.Exists ? file.Length : 0;
    }

    /// <summary>Full path of what a path stands for after all links.</summary>
    public static string Resolve(string path) =>
        (File.Exists(path) ? File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName : null) ?? Path.GetFullPath(path);
}
