namespace IlgpuResNet.Files;

/// <summary>
/// Writes a file under a temporary name and renames it when it is complete: an existing file is replaced whole or left unchanged.
/// </summary>
internal static class AtomicFile
{
    /// <summary>Folder of Linux's open descriptors. <c>/dev/stdout</c> leads there, and a pipe has no path of its own.</summary>
    private const string DescriptorFolder = "/proc/";

    /// <summary>
    /// Calls <paramref name="write"/> with the stream to fill. A link is followed and stays a link. An existing file of length 0 (a device,
    /// a pipe, an empty file) is written in place: it holds nothing that could be lost, and a device must stay a device.
    /// </summary>
    /// <exception cref="IOException">The file cannot be written. The message is the reason alone, without a path.</exception>
    public static void Write(string path, Action<FileStream> write)
    {
        string? aside = null;
        try
        {
            if (path.Length == 0) throw new IOException("the path is empty");
            if (Directory.Exists(path)) throw new IOException("it is a folder");
            string target = InputFile.Resolve(path);
            if (IsWrittenInPlace(target))
            {
                using var stream = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
                WriteInPlace(stream, target, write);
                return;
            }
            aside = $"{target}.{Path.GetRandomFileName()}.part";
            using (var stream = new FileStream(aside, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }
            File.Move(aside, target, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new IOException(Reason(e), e);
        }
        finally
        {
            DeleteIfThere(aside);
        }
    }

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

    private static bool IsWrittenInPlace(string target)
    {
        var file = new FileInfo(target);
        return file.Exists ? file.Length == 0 : target.StartsWith(DescriptorFolder, StringComparison.Ordinal);
    }

    /// <summary>Returns the system's reason without the path that .NET appends, which may be the temporary one.</summary>
    private static string Reason(Exception e) => e switch
    {
        DirectoryNotFoundException => "its folder does not exist",
        UnauthorizedAccessException => "permission is denied",
        _ => e.Message.Split(" : '")[0],
    };

    private static void DeleteIfThere(string? path)
    {
        try
        {
            if (path is not null) File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The failure that stopped the write also stops the clean-up, and already travels to the caller.
        }
    }
}
