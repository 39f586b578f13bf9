namespace IlgpuResNet.Files;

/// <summary>
/// Writes a file under a temporary name and renames it when it is complete: an existing file is replaced whole or left unchanged.
/// </summary>
internal static class AtomicFile
{
    /// <summary>Folder of Linux's open descriptors. <c>/dev/stdout</c> leads there, and a pipe has no path of its own.</summary>
    private const string DescriptorFolder = "/proc/";

    /// <summary>Beginnings of paths that name an open descriptor, whose file belongs to another program.</summary>
    private static readonly string[] Descriptors = [DescriptorFolder, "/dev/fd/", "/dev/std"];

    /// <summary>Beginnings of paths of devices, for systems that do not tell a device from an empty file.</summary>
    private static readonly string[] DeviceFolders = ["/dev/", @"\\.\"];

    /// <summary>
    /// Calls <paramref name="write"/> with the stream to fill. The file that is replaced keeps its mode and, where the system allows, its
    /// owner and access list (<see cref="FileRights"/>). A symbolic link is followed and stays a link; of several hard links to one file
    /// only the named one is replaced. A device or a pipe is written in place and stays one, and so does an empty file in a folder that
    /// takes no new file.
    /// </summary>
    /// <exception cref="IOException">The file cannot be written. The message is the reason alone, without a path.</exception>
    public static void Write(string path, Action<FileStream> write)
    {
        try
        {
            if (path.Length == 0) throw new IOException("the path is empty");
            if (Directory.Exists(path)) throw new IOException("it is a folder");
            string target = InputFile.Resolve(path);
            FileRights? rights = FileRights.Of(target);
            using FileStream? device = OpenDevice(path, target, rights);
            if (device is not null)
            {
                WriteInPlace(device, target, write);
                return;
            }
            using PartFile? part = MakePart(target, rights);
            if (part is not null)
            {
                write(part.Stream);
                rights?.Apply(part.Stream.SafeFileHandle);
                part.Stream.Flush(flushToDisk: true);
                part.MoveTo(target);
                return;
            }
            using FileStream empty = OpenInPlace(path);
            WriteInPlace(empty, target, write);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new IOException(Reason(e), e);
        }
    }

    /// <summary>Opens what is written in place because nothing could be renamed to it; null for a file.</summary>
    private static FileStream? OpenDevice(string path, string target, FileRights? rights)
    {
        bool isThere = File.Exists(target);
        if (isThere ? new FileInfo(target).Length > 0 : !target.StartsWith(DescriptorFolder, StringComparison.Ordinal)) return null;
        bool isDescriptor = Descriptors.Any(start => path.StartsWith(start, StringComparison.Ordinal));
        if (rights?.IsRegular == true && !isDescriptor) return null;
        FileStream stream = OpenInPlace(path);
        bool isDevice = rights?.IsRegular == false || isDescriptor || !stream.CanSeek
            || DeviceFolders.Any(start => target.StartsWith(start, StringComparison.Ordinal));
        if (isDevice) return stream;
        stream.Dispose();
        return null;
    }

    /// <summary>Makes the file to rename; null where the folder takes none and the empty file that is there may be filled.</summary>
    private static PartFile? MakePart(string target, FileRights? rights)
    {
        try
        {
            return PartFile.Create(Path.GetDirectoryName(target)!, isPrivate: rights is not null);
        }
        catch (UnauthorizedAccessException) when (new FileInfo(target) is { Exists: true, Length: 0 })
        {
            return null;
        }
    }

    private static FileStream OpenInPlace(string path) =>
        new(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);

    /// <summary>Writes in place; an empty file stays empty when the writing fails.</summary>
    private static void WriteInPlace(FileStream stream, string target, Action<FileStream> write)
    {
        try
        {
            write(stream);
        }
        catch
        {
            if (new FileInfo(target) is { Exists: true, Length: > 0 }) stream.SetLength(0);
            throw;
        }
    }

    /// <summary>Returns the system's reason without the path that .NET appends, which may be the temporary one.</summary>
    private static string Reason(Exception e) => e switch
    {
        DirectoryNotFoundException => "its folder does not exist",
        UnauthorizedAccessException => "permission is denied",
        _ => e.Message.Split(" : '")[0],
    };
}
