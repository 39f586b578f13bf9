namespace IlgpuResNet.Imaging;

/// <summary>A file, decoded or with the reason why not.</summary>
internal readonly record struct DecodedFile(string Path, PixelBuffer? Image, ImageException? Error)
{
    public long Bytes => Image?.Pixels.Length ?? 0;

    public static DecodedFile Load(string path, bool applyOrientation)
    {
        try
        {
            return new DecodedFile(path, ImageFile.Load(path, applyOrientation), null);
        }
        catch (ImageException e)
        {
            return new DecodedFile(path, null, e);
        }
    }
}
