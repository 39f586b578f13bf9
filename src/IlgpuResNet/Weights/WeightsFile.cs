using System.IO.MemoryMappedFiles;
using IlgpuResNet.Files;
using Microsoft.Win32.SafeHandles;

namespace IlgpuResNet.Weights;

/// <summary>
/// A file mapped into memory for reading. Its bytes are reached through a <see cref="Lease"/>, which keeps the file open: a disposal on
/// another thread takes effect when the last lease ends. The mapping serves headers and scattered elements. Whole tensors are read into
/// buffers instead, because every page touched through a mapping counts as memory of the process.
/// </summary>
internal sealed class WeightsFile : IDisposable
{
    private readonly SafeFileHandle handle;
    // A second handle to the file that never closes it: .NET refuses to read through a handle that is disposed, even while a lease still
    // holds it.
    private readonly SafeFileHandle reader;
    private readonly MemoryMappedFile file;
    private readonly MemoryMappedViewAccessor view;

    private WeightsFile(string path, SafeFileHandle handle, MemoryMappedFile file)
    {
        Path = path;
        Length = RandomAccess.GetLength(handle);
        this.handle = handle;
        reader = new SafeFileHandle(handle.DangerousGetHandle(), ownsHandle: false);
        this.file = file;
        view = file.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
    }

    /// <summary>Path as the caller gave it, for messages.</summary>
    public string Path { get; }

    /// <summary>Length of the file in bytes.</summary>
    public long Length { get; }

    /// <summary>Opens a file and maps it.</summary>
    /// <exception cref="WeightsException">The file is missing, empty or cannot be read.</exception>
    public static WeightsFile Open(string path)
    {
        try
        {
            if (Directory.Exists(path)) throw new WeightsException($"{path}: is a folder; a weights file was expected.");
            // The length is checked before opening: pipes and devices have length 0 too, and opening a pipe may wait forever.
            if (File.Exists(path) && InputFile.Length(path) == 0)
                throw new WeightsException($"{path}: the file is empty; a safetensors or .pth file was expected.");
            SafeFileHandle handle = File.OpenHandle(path);
            try
            {
                var file = MemoryMappedFile.CreateFromFile(
                    handle, mapName: null, capacity: 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
                return new WeightsFile(path, handle, file);
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
            throw new WeightsException($"{path}: cannot be read: {FileText.Clean(e.Message)}", e);
        }
    }

    /// <summary>Returns a lease on the bytes, which lasts until it is disposed.</summary>
    /// <exception cref="ObjectDisposedException">The file was disposed.</exception>
    public Lease Borrow() => new(this);

    /// <inheritdoc/>
    public void Dispose()
    {
        view.Dispose();
        file.Dispose();
        handle.Dispose();
    }

    /// <summary>Temporary access to the file's bytes.</summary>
    public readonly unsafe ref struct Lease : IDisposable
    {
        private readonly WeightsFile file;
        private readonly byte* start;

        internal Lease(WeightsFile file)
        {
            this.file = file;
            file.view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
            bool added = false;
            try
            {
                file.handle.DangerousAddRef(ref added);
            }
            catch
            {
                // Another thread disposed the file in between.
                file.view.SafeMemoryMappedViewHandle.ReleasePointer();
                throw;
            }
        }

        /// <summary>Returns a range of the file's bytes; the range is checked.</summary>
        public ReadOnlySpan<byte> Span(long offset, int length)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(offset);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, file.Length - length);
            return new ReadOnlySpan<byte>(start + offset, length);
        }

        /// <summary>Returns the bytes from an offset on, at most as many as a span can hold.</summary>
        public ReadOnlySpan<byte> From(long offset) => Span(offset, (int)Math.Min(file.Length - offset, int.MaxValue));

        /// <summary>Reads bytes from an offset on, until the destination is full.</summary>
        /// <exception cref="WeightsException">The file was truncated after it was opened, or the disk failed.</exception>
        public void Read(long offset, Span<byte> destination)
        {
            try
            {
                while (!destination.IsEmpty)
                {
                    int count = RandomAccess.Read(file.reader, destination, offset);
                    if (count == 0)
                    {
                        throw new WeightsException(
                            $"{file.Path}: was cut off at byte {offset} after it was opened, when it had {file.Length}; "
                            + "do not change a file while it is in use.");
                    }
                    offset += count;
                    destination = destination[count..];
                }
            }
            catch (IOException e)
            {
                throw new WeightsException($"{file.Path}: cannot be read: {FileText.Clean(e.Message)}", e);
            }
        }

        /// <inheritdoc/>
        public void Dispose()
        {
            file.handle.DangerousRelease();
            file.view.SafeMemoryMappedViewHandle.ReleasePointer();
        }
    }
}
