namespace IlgpuResNet;

/// <summary>An image in memory that a program keeps: a <see cref="PixelSpan"/> that can be stored.</summary>
public readonly struct PixelBuffer
{
    /// <summary>Wraps rows of pixels without copying them; parameters as for <see cref="PixelSpan"/>.</summary>
    /// <exception cref="ImageException">The sizes do not fit the bytes.</exception>
    public PixelBuffer(ReadOnlyMemory<byte> pixels, int width, int height, PixelFormat format = PixelFormat.Rgb24, int stride = 0)
    {
        var span = new PixelSpan(pixels.Span, width, height, format, stride);
        Pixels = pixels;
        Width = width;
        Height = height;
        Format = format;
        Stride = span.Stride;
    }

    /// <summary>The bytes, first row first.</summary>
    public ReadOnlyMemory<byte> Pixels { get; }

    /// <summary>Width in pixels.</summary>
    public int Width { get; }

    /// <summary>Height in pixels.</summary>
    public int Height { get; }

    /// <summary>Order of the bytes of a pixel.</summary>
    public PixelFormat Format { get; }

    /// <summary>Bytes from one row to the next.</summary>
    public int Stride { get; }

    /// <summary>The same image as a span.</summary>
    public PixelSpan Span => new(Pixels.Span, Width, Height, Format, Stride);

    /// <summary>The same image as a span.</summary>
    public static implicit operator PixelSpan(PixelBuffer buffer) => buffer.Span;

    /// <summary>The same image as a span.</summary>
    public PixelSpan ToPixelSpan() => Span;
}
