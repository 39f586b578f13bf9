using IlgpuResNet.Files;
using Microsoft.Win32.SafeHandles;

namespace IlgpuResNet.Weights;

/// <summary>
/// A file opened for reading by position, into memory of this process. It is never mapped: where another process cuts a mapped file, the
/// next access ends this process, and no handler can catch that. Bytes are read through a <see cref="Lease"/>, which keeps the file open: a
/// disposal on another thread takes effect when the last lease ends.
/// </summary>
internal sealed class WeightsFile : IDisposable
{
    private readonly SafeFileHandle handle;
    // A second handle to the file that never closes it: .NET refuses to read through a handle that is disposed, even while a lease still
    // holds it.
    private readonly SafeFileHandle reader;
    private readonly DateTime written;

    private WeightsFile(string path, SafeFileHandle handle)
    {
        Path = path;
        Length = RandomAccess.GetLength(handle);
        written = File.GetLastWriteTimeUtc(handle);
        this.handle = handle;
        reader = new SafeFileHandle(handle.DangerousGetHandle(), ownsHandle: false);
    }

    /// <summary>Path as the caller gave it, for messages.</summary>
    public string Path { get; }

    /// <summary>Length of the file in bytes, when it was opened.</summary>
    public long Length { get; }

    /// <summary>Opens a file.</summary>
    /// <exception cref="WeightsException">The file is missing, empty or cannot be read.</exception>
    public static WeightsFile Open(string path)
    {
        try
        {
            if (Directory.Exists(path)) throw new WeightsException($"{path}: is a folder; a weights file was expected.");
            // The length is checked before opening: pipes and devices have length 0 too, and opening a pipe may wait forever.
            if (File.Exists(path) && InputFile.Length(path) == 0) throw Empty(path);
            // On Windows too, others may replace or delete the file, which then stays as it was for this handle.
            SafeFileHandle handle = File.OpenHandle(path, share: FileShare.Read | FileShare.Delete);
            try
            {
                var file = new WeightsFile(path, handle);
                return file.Length > 0 ? file : throw Empty(path);
            }
            catch
            {
                handle.Dispose();
                throw;
            }
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new WeightsException($"{path}: no such file.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw Unreadable(path, e);
        }
    }

    /// <summary>Returns a lease on the bytes, which lasts until it is disposed.</summary>
    /// <exception cref="ObjectDisposedException">The file was disposed.</exception>
    public Lease Borrow() => new(this);

    /// <summary>Parses the file. A defect that is found while the file changes is reported as the change that it is.</summary>
    /// <param name="parse">Reads and checks the file.</param>
    /// <exception cref="WeightsException">The file was changed meanwhile, or <paramref name="parse"/> threw this.</exception>
    public T Parse<T>(Func<Lease, T> parse)
    {
        using Lease lease = Borrow();
        try
        {
            T parsed = parse(lease);
            lease.CheckUnchanged();
            return parsed;
        }
        catch (WeightsException)
        {
            lease.CheckUnchanged();
            throw;
        }
    }

    /// <summary>The error of a file that was found in two states.</summary>
    public static WeightsException Changed(string path) => new(
        $"{path}: was changed while it was in use; load it again when it is complete. A program that updates it should write a new file "
        + "and rename it.");

    /// <inheritdoc/>
    public void Dispose() => handle.Dispose();

    private static WeightsException Empty(string path) => new($"{path}: the file is empty; a safetensors or .pth file was expected.");

    private static WeightsException Unreadable(string path, Exception e) =>
        new($"{path}: cannot be read: {FileText.Clean(e.Message)}", e);

    /// <summary>Temporary access to the file's bytes.</summary>
    public readonly struct Lease : IDisposable
    {
        internal Lease(WeightsFile file)
        {
            File = file;
            bool added = false;
            file.handle.DangerousAddRef(ref added);
        }

        /// <summary>The file.</summary>
        public WeightsFile File { get; }

        /// <summary>Reads bytes from an offset on, until the destination is full.</summary>
        /// <exception cref="WeightsException">The file was truncated after it was opened, or the disk failed.</exception>
        public void Read(long offset, Span<byte> destination)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(offset);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, File.Length - destination.Length);
            try
            {
                while (!destination.IsEmpty)
                {
                    int count = RandomAccess.Read(File.reader, destination, offset);
                    if (count == 0)
                    {
                        throw new WeightsException(
                            $"{File.Path}: was cut off at byte {offset} after it was opened, when it had {File.Length}; "
                            + "do not change a file while it is in use.");
                    }
                    offset += count;
                    destination = destination[count..];
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw Unreadable(File.Path, e);
            }
        }

        /// <summary>
        /// Throws when the length or the time of the last write is not what it was when the file was opened: then bytes that were read
        /// before may belong to one state of the file, and later ones to another.
        /// </summary>
        /// <exception cref="WeightsException">The file was changed.</exception>
        public void CheckUnchanged()
        {
            try
            {
                if (RandomAccess.GetLength(File.reader) != File.Length || System.IO.File.GetLastWriteTimeUtc(File.reader) != File.written)
                    throw Changed(File.Path);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw Unreadable(File.Path, e);
            }
        }

        /// <inheritdoc/>
        public void Dispose() => File.handle.DangerousRelease();
    }
}
