using System.IO.MemoryMappedFiles;
using IlgpuResNet.Files;
using Microsoft.Win32.SafeHandles;

namespace IlgpuResNet.Weights;

/// <summary>
/// A file mapped for reading. Bytes are reached through a <see cref="Lease"/>, which keeps the file open: disposal on
/// another thread takes effect when the last lease ends. The mapping is for headers and for what is picked here and there;
/// whole tensors are read, because every page touched through a mapping stays part of the process.
/// </summary>
internal sealed class MappedFile : IDisposable
{
    private readonly SafeFileHandle handle;
    // The same file, never closed by itself: .NET refuses to read through a handle whose end is only waiting for a lease.
    private readonly SafeFileHandle reader;
    private readonly MemoryMappedFile file;
    private readonly MemoryMappedViewAccessor view;

    private MappedFile(string path, SafeFileHandle handle, MemoryMappedFile file)
    {
        Path = path;
        Length = RandomAccess.GetLength(handle);
        this.handle = handle;
        reader = new SafeFileHandle(handle.DangerousGetHandle(), ownsHandle: false);
        this.file = file;
        view = file.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
    }

    /// <summary>The path as given, for messages.</summary>
    public string Path { get; }

    /// <summary>Bytes in the file.</summary>
    public long Length { get; }

    /// <summary>Opens and maps a file.</summary>
    /// <exception cref="WeightsException">The file is missing, empty or cannot be read.</exception>
    public static MappedFile Open(string path)
    {
        try
        {
            if (Directory.Exists(path)) throw new WeightsException($"{path}: is a folder; a weights file was expected.");
            // Asked before opening: pipes and devices have length 0 too, and opening a pipe may wait forever.
            if (File.Exists(path) && InputFile.Length(path) == 0) throw new WeightsException($"{path}: the file is empty; a safetensors or .pth file was expected.");
            SafeFileHandle handle = File.OpenHandle(path);
            try
            {
                var file = MemoryMappedFile.CreateFromFile(handle, mapName: null, capacity: 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
                return new MappedFile(path, handle, file);
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

    /// <summary>Gives access to the bytes until the lease is disposed.</summary>
    /// <exception cref="ObjectDisposedException">The file was closed.</exception>
    public Lease Borrow() => new(this);

    /// <inheritdoc/>
    public void Dispose()
    {
        view.Dispose();
        file.Dispose();
        handle.Dispose();
    }

    /// <summary>A short loan of the file's bytes.</summary>
    public readonly unsafe ref struct Lease : IDisposable
    {
        private readonly MappedFile file;
        private readonly byte* start;

        internal Lease(MappedFile file)
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
                // Closed in between.
                file.view.SafeMemoryMappedViewHandle.ReleasePointer();
                throw;
            }
        }

        /// <summary>Some bytes of the file; the range is checked.</summary>
        public ReadOnlySpan<byte> Span(long offset, int length)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(offset);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, file.Length - length);
            return new ReadOnlySpan<byte>(start + offset, length);
        }

        /// <summary>The bytes from an offset on, as many as a span holds.</summary>
        public ReadOnlySpan<byte> From(long offset) => Span(offset, (int)Math.Min(file.Length - offset, int.MaxValue));

        /// <summary>Reads bytes from an offset on, as many as the destination holds.</summary>
        /// <exception cref="WeightsException">The file has become shorter, or the disk failed.</exception>
        public void Read(long offset, Span<byte> destination)
        {
            try
            {
                while (!destination.IsEmpty)
                {
                    int count = RandomAccess.Read(file.reader, destination, offset);
                    if (count == 0)
                        throw new WeightsException($"{file.Path}: was cut off at byte {offset} after it was opened, when it had {file.Length}; do not change a file while it is in use.");
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
