namespace IlgpuResNet.Imaging;

/// <summary>Decodes image files: the one seam between this library and an image library. Implementations are thread-safe.</summary>
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
}
