using IlgpuResNet.Kernels;

namespace IlgpuResNet.Pixels;

/// <summary>
/// Turns images of one size into network input, as arithmetic: the crop's place, the resampling weights of both axes, and the pixels under
/// the crop, the only ones that a device needs. Pure.
/// </summary>
internal sealed class ImageResampling
{
    /// <summary>Channels of the network's input: red, green, blue.</summary>
    public const int Channels = FixedPoint.Channels;

    /// <summary>Most pixels of an image: kernels index its bytes with ints.</summary>
    public const int MaxPixels = 1 << 28;

    private readonly int width;
    private readonly int height;

    private ImageResampling(int width, int height, PreprocessGeometry geometry, Interpolation interpolation)
    {
        this.width = width;
        this.height = height;
        (X, Y) = geometry;
        Horizontal = ResampleCoefficients.Create(X.Size, X.Resized, X.Offset, X.Count, interpolation);
        Vertical = ResampleCoefficients.Create(Y.Size, Y.Resized, Y.Offset, Y.Count, interpolation);
    }

    /// <summary>Resized columns that the crop takes.</summary>
    public PreprocessAxis X { get; }

    /// <summary>Resized rows that the crop takes.</summary>
    public PreprocessAxis Y { get; }

    /// <summary>Weights of the columns.</summary>
    public ResampleCoefficients Horizontal { get; }

    /// <summary>Weights of the rows.</summary>
    public ResampleCoefficients Vertical { get; }

    /// <summary>Rows of the image under the crop.</summary>
    public int Rows => Vertical.InputEnd - Vertical.InputStart;

    /// <summary>Computes the weights for one image size.</summary>
    /// <exception cref="ImageException">The image is empty, too large or too narrow.</exception>
    public static ImageResampling Create(int width, int height, ImagePreset preset)
    {
        if (width < 1 || height < 1)
            throw new ImageException("The image has no pixels; an image must be at least 1x1.");
        if ((long)width * height > MaxPixels)
            throw new ImageException($"A {width}x{height} image is too large: at most {MaxPixels} pixels are taken; scale it down first.");
        return new ImageResampling(width, height, PreprocessGeometry.Create(width, height, preset), preset.Interpolation);
    }

    /// <summary>True for an image of this size.</summary>
    public bool IsFor(PixelSpan image) => image.Width == width && image.Height == height;

    /// <summary>Bytes of one image row under the crop.</summary>
    public int RowBytes(PixelFormat format) => (Horizontal.InputEnd - Horizontal.InputStart) * format.BytesPerPixel();

    /// <summary>Bytes of the pixels under the crop, rows end to end.</summary>
    public long PackedLength(PixelFormat format) => (long)Rows * RowBytes(format);

    /// <summary>Copies the pixels under the crop, rows end to end.</summary>
    /// <param name="image">An image of this size.</param>
    /// <param name="packed">Receives <see cref="PackedLength"/> bytes.</param>
    public void Pack(PixelSpan image, Span<byte> packed)
    {
        int rowBytes = RowBytes(image.Format), firstByte = Horizontal.InputStart * image.Format.BytesPerPixel();
        for (int y = 0; y < Rows; y++)
        {
            long address = (long)(Vertical.InputStart + y) * image.Stride + firstByte;
            image.Pixels.Slice((int)address, rowBytes).CopyTo(packed.Slice(y * rowBytes, rowBytes));
        }
    }
}
