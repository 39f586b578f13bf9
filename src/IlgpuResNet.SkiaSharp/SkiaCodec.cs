using System.Buffers;
using System.Runtime.CompilerServices;
using IlgpuResNet.ActivationMaps;
using IlgpuResNet.Imaging;
using IlgpuResNet.Pixels;
using SkiaSharp;

namespace IlgpuResNet;

/// <summary>
/// Decodes by SkiaSharp without a colour transform, to the bytes that Pillow decodes. Of 16-bit PNG files the high byte is taken, as Pillow
/// does for colour; Pillow's clipping of 16-bit gray at 255 is not copied. Fully transparent pixels of GIF files are black.
/// Thread-safe.
/// </summary>
public sealed unsafe class SkiaCodec : IImageCodec, IDrawingCodec
{
    private const int BytesPerPixel = 4;
    private const int Channels = 3;

    /// <summary>Message for a platform on which SkiaSharp's native library is missing.</summary>
    internal const string NoLibrary =
        "SkiaSharp's native library cannot be loaded; add the SkiaSharp.NativeAssets package of this platform.";

    /// <inheritdoc/>
    public string Name => "SkiaSharp";

    /// <inheritdoc/>
    public PixelBuffer Decode(ReadOnlyMemory<byte> data, string name, bool applyOrientation, bool acceptTruncated = false)
    {
        try
        {
            return DecodeCore(data, name, applyOrientation, acceptTruncated);
        }
        catch (Exception e) when (e is DllNotFoundException or TypeInitializationException)
        {
            throw new ImageException($"{name}: {NoLibrary}", e);
        }
        catch (OutOfMemoryException e)
        {
            throw new ImageException($"{name}: there is not enough memory to decode the image; scale it down first.", e);
        }
    }

    /// <inheritdoc/>
    public void EncodePng(PixelSpan image, Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        byte[] pixels = RgbaPixels.Of(image);
        try
        {
            fixed (byte* p = pixels)
            {
                // Skia writes three channels for opaque pixels.
                var info = new SKImageInfo(image.Width, image.Height, SKColorType.Rgba8888, SKAlphaType.Opaque);
                using var pixmap = new SKPixmap(info, (nint)p);
                using SKData png = pixmap.Encode(SKPngEncoderOptions.Default)
                    ?? throw new ImageException(
                        $"An image of {image.Width}x{image.Height} pixels cannot be encoded as PNG; use a smaller one.");
                png.SaveTo(stream);
            }
        }
        catch (Exception e) when (e is DllNotFoundException or TypeInitializationException)
        {
            throw new ImageException(NoLibrary, e);
        }
    }

    /// <inheritdoc/>
    void IDrawingCodec.DrawText(Span<byte> canvas, int width, int height, Rgb ink, IEnumerable<TextLine> lines) =>
        SkiaFigureText.Draw(canvas, width, height, ink, lines);

    /// <inheritdoc/>
    void IDrawingCodec.WritePng(Drawing drawing, Stream stream) => SkiaPngDrawing.Write(drawing, stream);

    private static PixelBuffer DecodeCore(
        ReadOnlyMemory<byte> data, string name, bool applyOrientation, bool acceptTruncated)
    {
        using MemoryHandle pinned = data.Pin();
        using SKData source = SKData.Create((nint)pinned.Pointer, data.Length);
        using SKCodec codec = SKCodec.Create(source)
            ?? throw new ImageException(
                $"{name}: is not an image of a known format, or its header is damaged; use JPEG, PNG, WebP, BMP or GIF.");
        SKImageInfo info = codec.Info;
        int width = info.Width;
        int height = info.Height;
        DecodeLimits.Check(name, width, height, data.Length);

        // Without a colour space in the target Skia converts no colours; Unpremul keeps the colours of transparent pixels.
        var target = new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Unpremul);
        // Skia may leave what it does not decode as it is.
        byte[] pixels = acceptTruncated
            ? new byte[width * height * BytesPerPixel]
            : GC.AllocateUninitializedArray<byte>(width * height * BytesPerPixel);
        SKCodecResult result;
        fixed (byte* p = pixels) result = codec.GetPixels(target, (nint)p);
        bool partial = result is SKCodecResult.IncompleteInput or SKCodecResult.ErrorInInput;
        if (result is not SKCodecResult.Success && !(acceptTruncated && partial))
            throw new ImageException(Failure(name, codec, result));

        DropAlpha(pixels);
        int length = width * height * Channels;
        int orientation = applyOrientation ? StoredOrientation(codec, data.Span) : Orientation.Upright;
        return orientation == Orientation.Upright
            ? new PixelBuffer(pixels.AsMemory(0, length), width, height)
            : Orientation.Apply(pixels.AsSpan(0, length), width, height, orientation);
    }

    /// <summary>The EXIF orientation; Skia does not read that of PNG files.</summary>
    private static int StoredOrientation(SKCodec codec, ReadOnlySpan<byte> data) =>
        codec.EncodedFormat is SKEncodedImageFormat.Png ? ExifOrientation.OfPng(data) : (int)codec.EncodedOrigin;

    /// <summary>
    /// Removes the alpha bytes in place: a second copy of a large image would cost more than the unused quarter of the array.
    /// </summary>
    private static void DropAlpha(byte[] pixels)
    {
        fixed (byte* start = pixels)
        {
            byte* target = start;
            // Each write of four bytes ends before the next pixel to be read.
            for (byte* p = start, end = start + pixels.Length; p < end; p += BytesPerPixel, target += Channels)
                Unsafe.WriteUnaligned(target, Unsafe.ReadUnaligned<uint>(p));
        }
    }

    private static string Failure(string name, SKCodec codec, SKCodecResult result) => result switch
    {
        SKCodecResult.IncompleteInput =>
            $"{name}: the {codec.EncodedFormat} data ends before the image is complete; the file is cut short.",
        SKCodecResult.ErrorInInput or SKCodecResult.InvalidInput => $"{name}: the {codec.EncodedFormat} data is damaged.",
        _ => $"{name}: the {codec.EncodedFormat} data cannot be decoded ({result}).",
    };
}
