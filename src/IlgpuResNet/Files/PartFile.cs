using System.Collections.Concurrent;
using System.Security.Cryptography;

namespace IlgpuResNet.Files;

/// <summary>
/// A file that is being written, beside the file that it will be. Its name is <c>ilgpu-resnet-</c>, 16 hexadecimal digits and <c>.part</c>;
/// it is locked until it has its final name. A process that is killed leaves it unlocked, and the first write of a later process to the
/// same folder deletes it.
/// </summary>
internal sealed class PartFile : IDisposable
{
    private const string Prefix = "ilgpu-resnet-";
    private const string Extension = ".part";
    private const int RandomBytes = 8;
    private const int MostAttempts = 5;

    /// <summary>Attempts to rename on Windows, a millisecond longer apart each time.</summary>
    private const int MostRenames = 20;

    /// <summary>Number of folders after which all are looked through again, so that the list does not grow.</summary>
    private const int MostFolders = 1000;

    /// <summary>Windows renames only a closed file: for a moment it is not locked and not abandoned either.</summary>
    private static readonly TimeSpan LongestRename = TimeSpan.FromMinutes(1);

    private static readonly ConcurrentDictionary<string, bool> CleanedFolders = new(StringComparer.Ordinal);

    private readonly string path;

    private PartFile(string path, FileStream stream)
    {
        this.path = path;
        Stream = stream;
    }

    /// <summary>The content.</summary>
    public FileStream Stream { get; }

    /// <summary>Makes an empty file and deletes what killed processes left in the folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="isPrivate">True to let only the user read it.</param>
    /// <exception cref="IOException">The file cannot be made.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder takes no new file.</exception>
    public static PartFile Create(string folder, bool isPrivate)
    {
        PartFile file = Create(folder, isPrivate, MostAttempts);
        file.DeleteAbandoned(folder);
        return file;
    }

    /// <summary>Gives the complete file its name, in place of a file of that name.</summary>
    public void MoveTo(string target)
    {
        if (!OperatingSystem.IsWindows())
        {
            File.Move(path, target, overwrite: true);
            return;
        }
        Stream.Dispose();
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                if (File.Exists(target)) Replace(target);
                else File.Move(path, target);
                return;
            }
            catch (Exception e) when ((e is IOException or UnauthorizedAccessException) && attempt < MostRenames && File.Exists(path))
            {
                // Another thread or process has just made the target, or is replacing it.
                Thread.Sleep(attempt);
            }
        }
    }

    /// <summary>Deletes the file unless it has its name.</summary>
    public void Dispose()
    {
        Stream.Dispose();
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The failure that stopped the write also stops the clean-up, and already travels to the caller.
        }
    }

    private static PartFile Create(string folder, bool isPrivate, int attempts)
    {
        string path = Path.Combine(folder, Prefix + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(RandomBytes)) + Extension);
        var options = new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            Share = FileShare.None,
            BufferSize = 0,
        };
        if (isPrivate && !OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        FileStream stream;
        try
        {
            stream = new FileStream(path, options);
        }
        catch (IOException) when (attempts > 1 && File.Exists(path))
        {
            // Another process takes the file, which is not locked yet, for an abandoned one.
            return Create(folder, isPrivate, attempts - 1);
        }
        if (File.Exists(path) || attempts == 1) return new PartFile(path, stream);
        stream.Dispose();
        return Create(folder, isPrivate, attempts - 1);
    }

    /// <summary>Keeps the access list and the attributes of the file that is replaced.</summary>
    private void Replace(string target)
    {
        try
        {
            File.Replace(path, target, destinationBackupFileName: null, ignoreMetadataErrors: true);
        }
        catch (IOException) when (File.Exists(path))
        {
            // Not every file system can.
            File.Move(path, target, overwrite: true);
        }
    }

    private void DeleteAbandoned(string folder)
    {
        if (!CleanedFolders.TryAdd(folder, true)) return;
        if (CleanedFolders.Count > MostFolders) CleanedFolders.Clear();
        // Where this file, which is locked, can be opened, the file system has no locks, and nothing tells which files are abandoned.
        if (TryTake(path, FileOptions.None)) return;
        try
        {
            foreach (string other in Directory.EnumerateFiles(folder, $"{Prefix}*{Extension}"))
                if (other != path && IsAbandoned(other)) TryTake(other, FileOptions.DeleteOnClose);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A folder that may be written to and not listed.
        }
    }

    private static bool IsAbandoned(string other)
    {
        string name = Path.GetFileName(other);
        string digits = name[Prefix.Length..^Extension.Length];
        var file = new FileInfo(other);
        return digits.Length == 2 * RandomBytes
            && digits.All(char.IsAsciiHexDigitLower)
            && file.Exists && !file.Attributes.HasFlag(FileAttributes.ReparsePoint)
            && (!OperatingSystem.IsWindows() || DateTime.UtcNow - file.LastWriteTimeUtc > LongestRename);
    }

    /// <summary>Opens and closes a file; false when a process holds it.</summary>
    private static bool TryTake(string path, FileOptions options)
    {
        try
        {
            using var taken = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.None, bufferSize: 0, options);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
