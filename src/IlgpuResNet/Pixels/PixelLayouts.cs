using IlgpuResNet.Kernels;

namespace IlgpuResNet.Pixels;

/// <summary>Places of the colours in a pixel of each <see cref="PixelFormat"/>.</summary>
internal static class PixelLayouts
{
    /// <summary>The places of a network's first, second and third channel.</summary>
    /// <exception cref="ImageException">The format is unknown.</exception>
    public static PixelLayout Layout(this PixelFormat format, ChannelOrder order)
    {
        PixelLayout layout = format.Layout();
        return order is ChannelOrder.Bgr ? layout with { Red = layout.Blue, Blue = layout.Red } : layout;
    }

    /// <summary>The places of red, green and blue.</summary>
    /// <exception cref="ImageException">The format is unknown.</exception>
    public static PixelLayout Layout(this PixelFormat format) => format switch
    {
        PixelFormat.Rgb24 => new PixelLayout(3, 0, 1, 2),
        PixelFormat.Bgr24 => new PixelLayout(3, 2, 1, 0),
        PixelFormat.Rgba32 => new PixelLayout(4, 0, 1, 2),
        PixelFormat.Bgra32 => new PixelLayout(4, 2, 1, 0),
        PixelFormat.Gray8 => new PixelLayout(1, 0, 0, 0),
        _ => throw new ImageException(
            $"Pixel format {(int)format} is unknown; use one of {string.Join(", ", Enum.GetNames<PixelFormat>())}."),
    };
}
