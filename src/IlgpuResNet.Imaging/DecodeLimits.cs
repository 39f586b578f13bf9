namespace IlgpuResNet.Imaging;

/// <summary>What a header may claim before memory is allocated for it.</summary>
internal static class DecodeLimits
{
    /// <summary>The most bytes of a file that are read.</summary>
    public const int MaxFileBytes = 1 << 30;

    /// <summary>The most pixels of an image; preprocessing takes no more.</summary>
    private const long MaxPixels = 1 << 28;

    /// <summary>Images up to this are decoded whatever their file's size: a few bytes of WebP or PNG are a large plain area.</summary>
    private const long PlainPixels = 1 << 24;

    /// <summary>Beyond, a byte of the file must stand for no more pixels than this: twice what a gray JPEG of one colour reaches.</summary>
    private const long MaxPixelsPerByte = 1 << 10;

    /// <summary>Refuses a size that the file cannot mean.</summary>
    /// <exception cref="ImageException">Too many pixels, in all or for the length of the file.</exception>
    public static void Check(string name, int width, int height, long fileBytes)
    {
        if (width < 1 || height < 1)
            throw new ImageException($"{name}: the header claims {width}x{height} pixels; an image must be at least 1x1.");
        long pixels = (long)width * height;
        if (pixels > MaxPixels)
            throw new ImageException($"{name}: the header claims {width}x{height} pixels, but at most {MaxPixels} are decoded; scale the image down first.");
        if (pixels > Math.Max(PlainPixels, fileBytes * MaxPixelsPerByte))
            throw new ImageException($"{name}: the header claims {width}x{height} pixels, which a file of {fileBytes} bytes cannot hold; the file is damaged.");
    }
}
