namespace IlgpuResNet;

/// <summary>
/// An image file that <see cref="ImagePipeline"/> has read: its decoded image, or the reason why it could not be decoded.
/// </summary>
/// <param name="Path">Path of the file.</param>
/// <param name="Image">Decoded image, or null after an error.</param>
/// <param name="Error">Reason why the file could not be decoded, or null.</param>
public readonly record struct LoadedImage(string Path, PixelBuffer? Image, ImageException? Error)
{
    /// <summary>Number of bytes of the pixels; 0 after an error.</summary>
    internal long Bytes => Image?.Pixels.Length ?? 0;

    /// <summary>Reads and decodes a file.</summary>
    internal static LoadedImage Load(string path, ReadAheadOptions options)
    {
        try
        {
            using Stream? stream = options.Open?.Invoke(path);
            PixelBuffer image = stream is null
                ? ImageFile.Load(path, options.ApplyOrientation, options.AcceptTruncated)
                : ImageFile.Load(stream, path, options.ApplyOrientation, options.AcceptTruncated);
            return new LoadedImage(path, image, null);
        }
        catch (ImageException e)
        {
            return new LoadedImage(path, null, e);
        }
    }
}
