namespace IlgpuResNet;

/// <summary>Order of the channels in one pixel, in memory.</summary>
public enum PixelFormat
{
    /// <summary>Red, green, blue.</summary>
    Rgb24,

    /// <summary>Blue, green, red.</summary>
    Bgr24,

    /// <summary>Red, green, blue, alpha. Alpha is ignored.</summary>
    Rgba32,

    /// <summary>Blue, green, red, alpha. Alpha is ignored.</summary>
    Bgra32,

    /// <summary>One byte of luminance, used for all three channels.</summary>
    Gray8,
}

/// <summary>
/// An image in memory, such as a bitmap of a desktop app, that a call reads without copying. It is valid during the call only;
/// <see cref="PixelBuffer"/> can be stored.
/// </summary>
public readonly ref struct PixelSpan
{
    /// <summary>Wraps rows of pixels without copying them.</summary>
    /// <param name="pixels">Pixels, top row first; at least <c>(height - 1) * stride + width * bytes per pixel</c> bytes.</param>
    /// <param name="width">Width in pixels, at least 1.</param>
    /// <param name="height">Height in pixels, at least 1.</param>
    /// <param name="format">Order of the channels in a pixel.</param>
    /// <param name="stride">Bytes from the start of one row to the start of the next; 0 when rows have no gap between them.</param>
    /// <exception cref="ImageException">The sizes do not fit the bytes.</exception>
    public PixelSpan(ReadOnlySpan<byte> pixels, int width, int height, PixelFormat format = PixelFormat.Rgb24, int stride = 0)
    {
        if (width < 1 || height < 1)
            throw new ImageException($"An image must be at least 1x1 pixels, but is {width}x{height}.");
        long rowBytes = (long)width * format.BytesPerPixel();
        if (stride == 0 && rowBytes <= int.MaxValue) stride = (int)rowBytes;
        if (stride < rowBytes)
            throw new ImageException($"The stride of a {width}-pixel {format} row must be at least {rowBytes} bytes, but is {stride}.");
        long needed = (height - 1L) * stride + rowBytes;
        if (pixels.Length < needed)
        {
            throw new ImageException(
                $"A {width}x{height} {format} image with stride {stride} needs {needed} bytes, but {pixels.Length} were given.");
        }
        Pixels = pixels;
        Width = width;
        Height = height;
        Format = format;
        Stride = stride;
    }

    /// <summary>Pixels, top row first, <see cref="Stride"/> bytes per row.</summary>
    public ReadOnlySpan<byte> Pixels { get; }

    /// <summary>Width in pixels.</summary>
    public int Width { get; }

    /// <summary>Height in pixels.</summary>
    public int Height { get; }

    /// <summary>Order of the channels in a pixel.</summary>
    public PixelFormat Format { get; }

    /// <summary>Bytes from the start of one row to the start of the next.</summary>
    public int Stride { get; }
}

/// <summary>Properties of each <see cref="PixelFormat"/>.</summary>
public static class PixelFormats
{
    /// <summary>Number of bytes of one pixel.</summary>
    public static int BytesPerPixel(this PixelFormat format) => format switch
    {
        PixelFormat.Gray8 => 1,
        PixelFormat.Rgb24 or PixelFormat.Bgr24 => 3,
        _ => 4,
    };
}
