using IlgpuResNet.Files;
using IlgpuResNet.Imaging;

namespace IlgpuResNet;

/// <summary>Reads image files: JPEG, PNG, WebP, BMP and the first frame of GIF. Writes PNG. Thread-safe.</summary>
public static partial class ImageFile
{
    private const string Empty = "the file is empty, or a pipe or device, which only a stream reads.";

    /// <summary>Reads an image file into memory, as RGB24.</summary>
    /// <param name="path">Path of the file.</param>
    /// <param name="applyOrientation">
    /// True to rotate the image upright by its EXIF orientation, as image viewers do; false for the pixels as stored.
    /// </param>
    /// <param name="acceptTruncated">
    /// True to take an image whose data ends early, its missing part black or gray, as Pillow does with <c>LOAD_TRUNCATED_IMAGES</c>.
    /// </param>
    /// <exception cref="ImageException">The file is missing, unreadable, not an image, damaged or too large.</exception>
    public static PixelBuffer Load(string path, bool applyOrientation = true, bool acceptTruncated = false)
    {
        ArgumentNullException.ThrowIfNull(path);
        byte[] data;
        try
        {
            // Pipes and devices have length 0 too, so that reading never waits for them.
            long length = InputFile.Length(path);
            if (length == 0) throw new ImageException($"{path}: {WhyNoFile(path) ?? Empty}");
            if (length > DecodeLimits.MaxFileBytes) throw TooLong(path);
            data = File.ReadAllBytes(path);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new ImageException($"{path}: permission to read the file is denied.", e);
        }
        catch (IOException e) when (WhyNoFile(path) is { } reason)
        {
            throw new ImageException($"{path}: {reason}", e);
        }
        catch (Exception e) when (e is IOException or ArgumentException or NotSupportedException)
        {
            throw new ImageException($"{path}: cannot be read: {e.Message.ReplaceLineEndings(" ")}", e);
        }
        return Load(data, path, applyOrientation, acceptTruncated);
    }

    /// <summary>Reads an image from a stream, from its position to its end, as RGB24.</summary>
    /// <param name="stream">Content of an image file. The stream stays open.</param>
    /// <param name="name">Name of the image in messages.</param>
    /// <param name="applyOrientation">True to rotate the image upright by its EXIF orientation; false for the pixels as stored.</param>
    /// <param name="acceptTruncated">
    /// True to take an image whose data ends early, its missing part black or gray, as Pillow does with <c>LOAD_TRUNCATED_IMAGES</c>.
    /// </param>
    /// <exception cref="ImageException">The stream cannot be read, or its content is not an image, damaged or too large.</exception>
    public static PixelBuffer Load(
        Stream stream, string name = "image stream", bool applyOrientation = true, bool acceptTruncated = false)
    {
        ArgumentNullException.ThrowIfNull(stream);
        using var data = new MemoryStream();
        try
        {
            byte[] block = new byte[1 << 16];
            for (int read; (read = stream.Read(block)) > 0;)
            {
                if (data.Length + read > DecodeLimits.MaxFileBytes) throw TooLong(name);
                data.Write(block, 0, read);
            }
        }
        catch (Exception e) when (e is IOException or InvalidDataException or NotSupportedException)
        {
            throw new ImageException($"{name}: cannot be read: {e.Message.ReplaceLineEndings(" ")}", e);
        }
        return Load(data.GetBuffer().AsMemory(0, (int)data.Length), name, applyOrientation, acceptTruncated);
    }

    /// <summary>Reads an image from the bytes of an image file, as RGB24.</summary>
    /// <param name="data">Content of an image file.</param>
    /// <param name="name">Name of the image in messages.</param>
    /// <param name="applyOrientation">True to rotate the image upright by its EXIF orientation; false for the pixels as stored.</param>
    /// <param name="acceptTruncated">
    /// True to take an image whose data ends early, its missing part black or gray, as Pillow does with <c>LOAD_TRUNCATED_IMAGES</c>.
    /// </param>
    /// <exception cref="ImageException">The bytes are not an image, are damaged or too large.</exception>
    public static PixelBuffer Load(
        ReadOnlyMemory<byte> data, string name = "image data", bool applyOrientation = true, bool acceptTruncated = false)
    {
        if (data.IsEmpty) throw new ImageException($"{name}: there are no bytes to decode.");
        if (ImageFormats.Obstacle(data.Span) is { } obstacle) throw new ImageException($"{name}: {obstacle}");
        if (!acceptTruncated && JpegStructure.IsCutShort(data.Span))
            throw new ImageException($"{name}: the JPEG data ends before the image is complete; the file is cut short.");
        return Codec.Decode(data, name, applyOrientation, acceptTruncated);
    }

    /// <summary>Writes an image as a PNG file. Alpha is dropped. An existing file is replaced whole or left unchanged.</summary>
    /// <param name="image">Image to write.</param>
    /// <param name="path">Path of the file.</param>
    /// <exception cref="ImageException">The image cannot be encoded, or the file cannot be written.</exception>
    public static void SavePng(PixelBuffer image, string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        Write(path, file => Codec.EncodePng(image, file));
    }

    /// <summary>Writes an image file of any format. An existing file is replaced whole or left unchanged.</summary>
    /// <exception cref="ImageException">The file cannot be written.</exception>
    internal static void Write(string path, Action<Stream> write)
    {
        try
        {
            AtomicFile.Write(path, write);
        }
        catch (IOException e)
        {
            throw new ImageException($"{path}: the image cannot be written: {e.Message}.", e);
        }
    }

    /// <summary>Describes what a path leads to instead of a file; null where it leads to a file, or is empty.</summary>
    private static string? WhyNoFile(string path)
    {
        if (path.Length == 0) return null;
        if (Directory.Exists(path)) return "is a folder; name an image file.";
        var file = new FileInfo(path);
        // A link exists even where its target does not.
        if (file.LinkTarget is { } target && file.ResolveLinkTarget(returnFinalTarget: true) is not { Exists: true })
            return $"is a link to {target}, and there is no such file; check where the link leads.";
        return file.Exists ? null : "no such file.";
    }

    private static ImageException TooLong(string name) =>
        new($"{name}: is longer than {DecodeLimits.MaxFileBytes} bytes, the most that is read of an image file.");
}
