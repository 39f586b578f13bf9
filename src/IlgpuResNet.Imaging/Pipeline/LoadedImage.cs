namespace IlgpuResNet;

/// <summary>An image file that <see cref="ImagePipeline"/> has read: its pixels, or the reason why there are none.</summary>
/// <param name="Path">The file.</param>
/// <param name="Image">The decoded image, or null when there is an error.</param>
/// <param name="Error">Why the file could not be decoded, or null.</param>
public readonly record struct LoadedImage(string Path, PixelBuffer? Image, ImageException? Error)
{
    /// <summary>Bytes of its pixels.</summary>
    internal long Bytes => Image?.Pixels.Length ?? 0;

    /// <summary>Reads and decodes a file.</summary>
    internal static LoadedImage Load(string path, bool applyOrientation)
    {
        try
        {
            return new LoadedImage(path, ImageFile.Load(path, applyOrientation), null);
        }
        catch (ImageException e)
        {
            return new LoadedImage(path, null, e);
        }
    }
}
