namespace IlgpuResNet.Files;

/// <summary>Checks an input file before it is opened: a pipe may wait forever, and a device never ends.</summary>
internal static class InputFile
{
    /// <summary>Returns the length of a regular file in bytes; 0 for pipes and devices, which have none.</summary>
    /// <exception cref="IOException">There is no such file. The message is the reason alone, without a path.</exception>
    public static long Length(string path)
    {
        if (path.Length == 0 || (OperatingSystem.IsWindows() && string.IsNullOrWhiteSpace(path)))
            throw new IOException("the path is empty");
        if (path.Contains('\0')) throw new IOException("the path has a character that no file name has");
        // One system call for a file that is no link: a folder may have thousands of small files.
        var file = new FileInfo(path);
        if (file.Exists && !file.Attributes.HasFlag(FileAttributes.ReparsePoint)) return file.Length;
        if (Directory.Exists(path)) throw new IOException("it is a folder; a file was expected");
        if (!File.Exists(path)) throw new IOException("there is no such file");
        file = new FileInfo(Resolve(path));
        return file.Exists ? file.Length : 0;
    }

    /// <summary>Returns the full path of the file that a path leads to after all links.</summary>
    public static string Resolve(string path)
    {
        try
        {
            if (File.Exists(path) && File.ResolveLinkTarget(path, returnFinalTarget: true) is { } target) return target.FullName;
        }
        catch (FileNotFoundException)
        {
            // Another thread or process is replacing the file.
        }
        return Path.GetFullPath(path);
    }
}
