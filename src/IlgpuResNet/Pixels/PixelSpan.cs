namespace IlgpuResNet;

/// <summary>How the bytes of one pixel lie in memory.</summary>
public enum PixelFormat
{
    /// <summary>Red, green, blue.</summary>
    Rgb24,

    /// <summary>Blue, green, red.</summary>
    Bgr24,

    /// <summary>Red, green, blue, alpha; alpha is dropped.</summary>
    Rgba32,

    /// <summary>Blue, green, red, alpha; alpha is dropped.</summary>
    Bgra32,

    /// <summary>One byte of luminance, used for all three channels.</summary>
    Gray8,
}

/// <summary>An image in memory, borrowed for the length of a call: what a desktop app has in hand.</summary>
public readonly ref struct PixelSpan
{
    /// <summary>Wraps rows of pixels.</summary>
    /// <param name="pixels">At least <c>(height - 1) * stride + width * bytes per pixel</c> bytes.</param>
    /// <param name="width">Width in pixels, at least 1.</param>
    /// <param name="height">Height in pixels, at least 1.</param>
    /// <param name="format">Order of the bytes of a pixel.</param>
    /// <param name="stride">Bytes from one row to the next, or 0 when rows lie end to end.</param>
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
            throw new ImageException($"A {width}x{height} {format} image with stride {stride} needs {needed} bytes, but {pixels.Length} were given.");
        Pixels = pixels;
        Width = width;
        Height = height;
        Format = format;
        Stride = stride;
    }

    /// <summary>The bytes, first row first.</summary>
    public ReadOnlySpan<byte> Pixels { get; }

    /// <summary>Width in pixels.</summary>
    public int Width { get; }

    /// <summary>Height in pixels.</summary>
    public int Height { get; }

    /// <summary>Order of the bytes of a pixel.</summary>
    public PixelFormat Format { get; }

    /// <summary>Bytes from one row to the next.</summary>
    public int Stride { get; }
}

/// <summary>Facts about <see cref="PixelFormat"/>.</summary>
public static class PixelFormats
{
    /// <summary>Bytes of one pixel.</summary>
    public static int BytesPerPixel(this PixelFormat format) => format switch
    {
        PixelFormat.Gray8 => 1,
        PixelFormat.Rgb24 or PixelFormat.Bgr24 => 3,
        _ => 4,
    };
}
