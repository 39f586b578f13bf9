using IlgpuResNet.Kernels;

namespace IlgpuResNet.Pixels;

/// <summary>Converts pixels of any format to opaque RGBA, <c>[height, width, 4]</c>, which image libraries take.</summary>
internal static class RgbaPixels
{
    public const int BytesPerPixel = 4;

    /// <summary>Copies an image, each pixel as a square of <paramref name="factor"/> times <paramref name="factor"/> pixels.</summary>
    /// <exception cref="ImageException">The result is too large for one array.</exception>
    public static byte[] Of(PixelSpan image, int factor = 1)
    {
        PixelLayout layout = image.Format.Layout();
        int width = image.Width * factor;
        byte[] pixels = Allocate(width, (long)image.Height * factor);
        int rowBytes = width * BytesPerPixel;
        for (int y = 0; y < image.Height; y++)
        {
            ReadOnlySpan<byte> source = image.Pixels[(int)((long)y * image.Stride)..];
            Span<byte> row = pixels.AsSpan(y * factor * rowBytes, rowBytes);
            for (int x = 0; x < width; x++)
            {
                ReadOnlySpan<byte> pixel = source[(x / factor * layout.BytesPerPixel)..];
                Span<byte> target = row.Slice(x * BytesPerPixel, BytesPerPixel);
                (target[0], target[1], target[2]) = (pixel[layout.Red], pixel[layout.Green], pixel[layout.Blue]);
                target[3] = byte.MaxValue;
            }
            for (int copy = 1; copy < factor; copy++) row.CopyTo(pixels.AsSpan((y * factor + copy) * rowBytes, rowBytes));
        }
        return pixels;
    }

    /// <summary>Allocates memory for an image.</summary>
    /// <exception cref="ImageException">The image is too large for one array.</exception>
    public static byte[] Allocate(long width, long height) => width * height * BytesPerPixel <= Array.MaxLength
        ? new byte[width * height * BytesPerPixel]
        : throw new ImageException($"An image of {width}x{height} pixels is too large; scale the image down first.");
}
