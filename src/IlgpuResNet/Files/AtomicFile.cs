namespace IlgpuResNet.Files;

/// <summary>Writes a file beside its place and renames it when complete: an old file is replaced whole or left as it was.</summary>
internal static class AtomicFile
{
    /// <summary>Where Linux keeps open descriptors; <c>/dev/stdout</c> leads there, and a pipe has no path of its own.</summary>
    private const string DescriptorFolder = "/proc/";

    /// <summary>
    /// Calls <paramref name="write"/> with the stream to fill. A link is followed and stays a link. What is there and has no length
    /// (a device, a pipe, an empty file) is written in place: it holds nothing that could be lost, and a device must stay one.
    /// </summary>
    /// <exception cref="IOException">The file cannot be written; the message gives the reason alone, without a path.</exception>
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

    /// <summary>An empty file stays empty when the writing fails.</summary>
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

    /// <summary>The system's reason without the path that .NET adds, which may be the one aside.</summary>
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
            // Whatever stopped the write stops the clean-up too, and is already on its way to the caller.
        }
    }
}
