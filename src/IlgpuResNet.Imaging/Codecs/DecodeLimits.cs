using System.Globalization;

namespace IlgpuResNet.Imaging;

/// <summary>What a header may claim before memory is allocated for it.</summary>
internal static class DecodeLimits
{
    /// <summary>The most bytes of a file that are read.</summary>
    public const int MaxFileBytes = 1 << 30;

    /// <summary>The most pixels of an image; preprocessing takes no more.</summary>
    private const long MaxPixels = 1 << 28;

    /// <summary>
    /// Images up to this are decoded whatever their file's size: a few bytes of PNG, GIF or WebP are a large plain area,
    /// such as an empty page of a scanner at 600 dots per inch (35 million pixels).
    /// </summary>
    private const long PlainPixels = 1 << 26;

    /// <summary>Beyond, a byte of the file must stand for no more pixels than this: twice what a gray JPEG of one colour reaches.</summary>
    private const long MaxPixelsPerByte = 1 << 10;

    private const double Mega = 1e6;

    /// <summary>Refuses a size that would take more memory than the file justifies.</summary>
    /// <exception cref="ImageException">Too many pixels, in all or for the length of the file.</exception>
    public static void Check(string name, int width, int height, long fileBytes)
    {
        if (width < 1 || height < 1)
            throw new ImageException($"{name}: the header claims {width}x{height} pixels; an image must be at least 1x1.");
        long pixels = (long)width * height;
        if (pixels > MaxPixels)
            throw new ImageException($"{name}: the header claims {width}x{height} pixels, {Megapixels(pixels)}, but at most {Megapixels(MaxPixels)} are decoded; scale the image down first.");
        long justified = Math.Max(PlainPixels, fileBytes * MaxPixelsPerByte);
        if (pixels > justified)
            throw new ImageException($"{name}: the header claims {width}x{height} pixels, {Megapixels(pixels)}, but of a file of {fileBytes} bytes at most {Megapixels(justified)} are decoded, lest a few bytes take gigabytes of memory; scale the image down first.");
    }

    private static string Megapixels(long pixels) => string.Create(CultureInfo.InvariantCulture, $"{pixels / Mega:F1} megapixels");
}
