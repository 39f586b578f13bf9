namespace IlgpuResNet;

/// <summary>
/// Decodes image files and encodes PNG. An image library is used through this interface only. Implementations are thread-safe.
/// </summary>
public interface IImageCodec
{
    /// <summary>Name of the image library.</summary>
    string Name { get; }

    /// <summary>
    /// Decodes the first frame to RGB24 in the file's own colour space. Alpha is dropped, as Pillow's <c>convert("RGB")</c> does.
    /// </summary>
    /// <param name="data">Content of the file.</param>
    /// <param name="name">Name of the file in messages.</param>
    /// <param name="applyOrientation">True to rotate the image upright by its EXIF orientation.</param>
    /// <param name="acceptTruncated">True for an image whose data ends early: its missing part is black or gray.</param>
    /// <exception cref="ImageException">
    /// The bytes are not an image, are damaged or truncated, or claim more pixels than they justify.
    /// </exception>
    PixelBuffer Decode(ReadOnlyMemory<byte> data, string name, bool applyOrientation, bool acceptTruncated = false);

    /// <summary>Encodes an image as PNG with three channels, without loss. Alpha is dropped.</summary>
    /// <param name="image">Image to encode.</param>
    /// <param name="stream">Receives the bytes; it stays open.</param>
    /// <exception cref="ImageException">The image cannot be encoded.</exception>
    /// <exception cref="IOException">The stream cannot be written.</exception>
    void EncodePng(PixelSpan image, Stream stream);
}
