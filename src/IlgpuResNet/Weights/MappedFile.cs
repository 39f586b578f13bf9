using System.IO.MemoryMappedFiles;
using Microsoft.Win32.SafeHandles;

namespace IlgpuResNet.Weights;

/// <summary>
/// A file mapped for reading. Bytes are reached through a <see cref="Lease"/>, which keeps the mapping alive: disposal on
/// another thread takes effect when the last lease ends.
/// </summary>
internal sealed class MappedFile : IDisposable
{
    private readonly MemoryMappedFile file;
    private readonly MemoryMappedViewAccessor view;

    private MappedFile(string path, long length, MemoryMappedFile file)
    {
        Path = path;
        Length = length;
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
                var file = MemoryMappedFile.CreateFromFile(handle, mapName: null, capacity: 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: false);
                return new MappedFile(path, RandomAccess.GetLength(handle), file);
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
            throw new WeightsException($"{path}: cannot be read: {Message.Clean(e.Message)}", e);
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
    }

    /// <summary>A short loan of the mapped bytes.</summary>
    public readonly unsafe ref struct Lease : IDisposable
    {
        private readonly MappedFile file;
        private readonly byte* start;

        internal Lease(MappedFile file)
        {
            this.file = file;
            file.view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
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

        /// <inheritdoc/>
        public void Dispose() => file.view.SafeMemoryMappedViewHandle.ReleasePointer();
    }
}
