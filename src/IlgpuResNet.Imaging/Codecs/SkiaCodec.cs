using System.Buffers;
using System.Runtime.CompilerServices;
using IlgpuResNet.Imaging;
using IlgpuResNet.Pixels;
using SkiaSharp;

namespace IlgpuResNet;

/// <summary>
/// Decoding by SkiaSharp without a colour transform, which gives the bytes that Pillow gives. Of 16-bit PNG files the high
/// byte is taken (Pillow does so for colour; its clipping of 16-bit gray at 255 is not copied). Fully transparent pixels
/// of GIF files are black.
/// </summary>
internal sealed unsafe class SkiaCodec : IImageCodec
{
    private const int BytesPerPixel = 4;
    private const int Channels = 3;

    /// <summary>What is wrong, and what to do, where nothing of SkiaSharp works.</summary>
    public const string NoLibrary = "SkiaSharp's native library cannot be loaded; add the SkiaSharp.NativeAssets package of this platform.";

    /// <inheritdoc/>
    public string Name => "SkiaSharp";

    /// <inheritdoc/>
    public PixelBuffer Decode(ReadOnlyMemory<byte> data, string name, bool applyOrientation)
    {
        try
        {
            return DecodeCore(data, name, applyOrientation);
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
                // Of opaque pixels Skia writes three channels.
                using var pixmap = new SKPixmap(new SKImageInfo(image.Width, image.Height, SKColorType.Rgba8888, SKAlphaType.Opaque), (nint)p);
                using SKData png = pixmap.Encode(SKPngEncoderOptions.Default)
                    ?? throw new ImageException($"A picture of {image.Width}x{image.Height} pixels cannot be encoded as PNG; use a smaller one.");
                png.SaveTo(stream);
            }
        }
        catch (Exception e) when (e is DllNotFoundException or TypeInitializationException)
        {
            throw new ImageException(NoLibrary, e);
        }
    }

    private static PixelBuffer DecodeCore(ReadOnlyMemory<byte> data, string name, bool applyOrientation)
    {
        using MemoryHandle pinned = data.Pin();
        using SKData source = SKData.Create((nint)pinned.Pointer, data.Length);
        using SKCodec codec = SKCodec.Create(source)
            ?? throw new ImageException($"{name}: is not an image of a known format, or its header is damaged; use JPEG, PNG, WebP, BMP or GIF.");
        SKImageInfo info = codec.Info;
        int width = info.Width;
        int height = info.Height;
        DecodeLimits.Check(name, width, height, data.Length);

        // Without a colour space in the target Skia converts none; unpremultiplied keeps the colours under alpha.
        var target = new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Unpremul);
        byte[] pixels = GC.AllocateUninitializedArray<byte>(width * height * BytesPerPixel);
        SKCodecResult result;
        fixed (byte* p = pixels) result = codec.GetPixels(target, (nint)p);
        if (result is not SKCodecResult.Success)
            throw new ImageException(Failure(name, codec, result));

        DropAlpha(pixels);
        int length = width * height * Channels;
        int orientation = applyOrientation ? (int)codec.EncodedOrigin : Orientation.Upright;
        return orientation == Orientation.Upright
            ? new PixelBuffer(pixels.AsMemory(0, length), width, height)
            : Orientation.Apply(pixels.AsSpan(0, length), width, height, orientation);
    }

    /// <summary>Closes the gaps in place: a second copy of a large image would cost more than the quarter left over.</summary>
    private static void DropAlpha(byte[] pixels)
    {
        fixed (byte* start = pixels)
        {
            byte* target = start;
            // Each write of four bytes ends before the next pixel that is still to be read.
            for (byte* p = start, end = start + pixels.Length; p < end; p += BytesPerPixel, target += Channels)
                Unsafe.WriteUnaligned(target, Unsafe.ReadUnaligned<uint>(p));
        }
    }

    private static string Failure(string name, SKCodec codec, SKCodecResult result) => result switch
    {
        SKCodecResult.IncompleteInput => $"{name}: the {codec.EncodedFormat} data ends before the image is complete; the file is cut short.",
        SKCodecResult.ErrorInInput or SKCodecResult.InvalidInput => $"{name}: the {codec.EncodedFormat} data is damaged.",
        _ => $"{name}: the {codec.EncodedFormat} data cannot be decoded ({result}).",
    };
}

/// <content>The codec this build was made with.</content>
public static partial class ImageFile
{
    /// <summary>The image library in use.</summary>
    public static IImageCodec Codec { get; } = new SkiaCodec();
}
