using System.Globalization;

namespace IlgpuResNet.Imaging;

/// <summary>Limits of the size that an image's header may claim before memory is allocated for it.</summary>
internal static class DecodeLimits
{
    /// <summary>Largest file that is read, in bytes.</summary>
    public const int MaxFileBytes = 1 << 30;

    /// <summary>Largest number of pixels of an image, which is also the limit of preprocessing.</summary>
    private const long MaxPixels = 1 << 28;

    /// <summary>
    /// Number of pixels that is decoded for any length of the file: a few bytes of PNG, GIF or WebP can hold a large plain area, such as an
    /// empty page scanned at 600 dots per inch (35 million pixels).
    /// </summary>
    private const long PlainPixels = 1 << 26;

    /// <summary>Largest number of pixels per byte of a file for larger images: twice the ratio of a gray JPEG of one colour.</summary>
    private const long MaxPixelsPerByte = 1 << 10;

    private const double Mega = 1e6;

    /// <summary>Refuses a size that needs more memory than the file justifies.</summary>
    /// <exception cref="ImageException">The image has too many pixels, in total or for the length of its file.</exception>
    public static void Check(string name, int width, int height, long fileBytes)
    {
        if (width < 1 || height < 1)
            throw new ImageException($"{name}: the header claims {width}x{height} pixels; an image must be at least 1x1.");
        long pixels = (long)width * height;
        if (pixels > MaxPixels)
        {
            throw new ImageException(
                $"{name}: the header claims {width}x{height} pixels, {Megapixels(pixels)}, "
                + $"but at most {Megapixels(MaxPixels)} are decoded; scale the image down first.");
        }
        long justified = Math.Max(PlainPixels, fileBytes * MaxPixelsPerByte);
        if (pixels > justified)
        {
            throw new ImageException(
                $"{name}: the header claims {width}x{height} pixels, {Megapixels(pixels)}, "
                + $"but of a file of {fileBytes} bytes at most {Megapixels(justified)} are decoded, "
                + "lest a few bytes take gigabytes of memory; scale the image down first.");
        }
    }

    private static string Megapixels(long pixels) => string.Create(CultureInfo.InvariantCulture, $"{pixels / Mega:F1} megapixels");
}
