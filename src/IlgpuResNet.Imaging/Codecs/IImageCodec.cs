namespace IlgpuResNet;

/// <summary>Decodes image files, and encodes PNG: the one seam between this library and an image library. Implementations are thread-safe.</summary>
public interface IImageCodec
{
    /// <summary>Name of the image library.</summary>
    string Name { get; }

    /// <summary>
    /// Decodes the first frame to RGB24, in the file's own colour space and with alpha dropped, as Pillow's
    /// <c>convert("RGB")</c> does.
    /// </summary>
    /// <param name="data">The file's bytes.</param>
    /// <param name="name">The file's name, for messages.</param>
    /// <param name="applyOrientation">True to turn the image upright as its EXIF orientation says.</param>
    /// <exception cref="ImageException">The bytes are not an image, are damaged or cut short, or claim more pixels than they justify.</exception>
    PixelBuffer Decode(ReadOnlyMemory<byte> data, string name, bool applyOrientation);

    /// <summary>Encodes an image as PNG with three channels, without loss and without its alpha.</summary>
    /// <param name="image">The image.</param>
    /// <param name="stream">Receives the bytes; stays open.</param>
    /// <exception cref="ImageException">The image cannot be encoded.</exception>
    /// <exception cref="IOException">The stream cannot be written.</exception>
    void EncodePng(PixelSpan image, Stream stream);
}
