namespace IlgpuResNet;

/// <summary>An image in memory that can be stored and passed to other threads; a <see cref="PixelSpan"/> cannot.</summary>
public readonly struct PixelBuffer
{
    /// <summary>Wraps rows of pixels without copying them; parameters are those of <see cref="PixelSpan"/>.</summary>
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

    /// <summary>Pixels, top row first, <see cref="Stride"/> bytes per row.</summary>
    public ReadOnlyMemory<byte> Pixels { get; }

    /// <summary>Width in pixels.</summary>
    public int Width { get; }

    /// <summary>Height in pixels.</summary>
    public int Height { get; }

    /// <summary>Order of the channels in a pixel.</summary>
    public PixelFormat Format { get; }

    /// <summary>Bytes from the start of one row to the start of the next.</summary>
    public int Stride { get; }

    /// <summary>View of this image as a span.</summary>
    public PixelSpan Span => new(Pixels.Span, Width, Height, Format, Stride);

    /// <summary>Converts to a span without copying pixels.</summary>
    public static implicit operator PixelSpan(PixelBuffer buffer) => buffer.Span;

    /// <summary>Returns <see cref="Span"/>, for languages without implicit conversions.</summary>
    public PixelSpan ToPixelSpan() => Span;
}
