using System.Runtime.InteropServices;
using IlgpuResNet.Files;
using IlgpuResNet.Imaging;
using IlgpuResNet.Pixels;
using SixLabors.ImageSharp;
using SixLabors.ImageSharp.Formats.Bmp;
using SixLabors.ImageSharp.Formats.Gif;
using SixLabors.ImageSharp.Formats.Jpeg;
using SixLabors.ImageSharp.Formats.Png;
using SixLabors.ImageSharp.Formats.Webp;
using SixLabors.ImageSharp.Memory;
using SixLabors.ImageSharp.Metadata;
using SixLabors.ImageSharp.PixelFormats;
using SixLabors.ImageSharp.Processing;

namespace IlgpuResNet;

/// <summary>
/// Decodes by SixLabors.ImageSharp 2, in managed code and without a colour transform. Its JPEG decoder repeats samples of chroma where
/// Pillow's interpolates, so that pixels differ at edges of colour; 16-bit channels are rounded where Pillow takes the high byte. Only
/// JPEG, PNG, WebP, BMP and GIF are opened, and an image's size is checked before it is decoded. Thread-safe.
/// </summary>
public sealed class ImageSharpCodec : IImageCodec
{
    private const int Channels = 3;

    /// <summary>The five formats that are read; any other decoder of the library stays closed to input.</summary>
    private static readonly Configuration Formats = CreateFormats();

    /// <inheritdoc/>
    public string Name => "ImageSharp";

    /// <inheritdoc/>
    public PixelBuffer Decode(ReadOnlyMemory<byte> data, string name, bool applyOrientation, bool acceptTruncated = false)
    {
        try
        {
            if (!acceptTruncated && IsCutShort(data.Span))
                throw new ImageException($"{name}: the PNG data ends before the image is complete; the file is cut short.");
            using (MemoryStream header = Open(data))
            {
                IImageInfo info = Image.Identify(Formats, header) ?? throw Unknown(name, null);
                DecodeLimits.Check(name, info.Width, info.Height, data.Length);
            }
            using MemoryStream whole = Open(data);
            using Image<Rgb24> image = Image.Load<Rgb24>(Formats, whole);
            if (applyOrientation) image.Mutate(context => context.AutoOrient());
            byte[] pixels = GC.AllocateUninitializedArray<byte>(image.Width * image.Height * Channels);
            image.CopyPixelDataTo(pixels);
            return new PixelBuffer(pixels, image.Width, image.Height);
        }
        catch (UnknownImageFormatException e)
        {
            throw Unknown(name, e);
        }
        catch (Exception e) when (e is OutOfMemoryException or InvalidMemoryOperationException)
        {
            throw new ImageException($"{name}: there is not enough memory to decode the image; scale it down first.", e);
        }
        catch (Exception e) when (e is not ImageException)
        {
            // Damaged files make the library's decoders throw exceptions of many kinds.
            throw new ImageException($"{name}: the data is damaged or of an unsupported kind: {FileText.OneLine(e.Message)}", e);
        }
    }

    /// <inheritdoc/>
    public void EncodePng(PixelSpan image, Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        using Image<Rgba32> rgba = Image.LoadPixelData<Rgba32>(RgbaPixels.Of(image), image.Width, image.Height);
        rgba.SaveAsPng(stream, new PngEncoder { ColorType = PngColorType.Rgb });
    }

    private static Configuration CreateFormats()
    {
        var formats = new Configuration(
            new JpegConfigurationModule(), new PngConfigurationModule(), new WebpConfigurationModule(), new BmpConfigurationModule(),
            new GifConfigurationModule());
        formats.ImageFormatsManager.SetDecoder(GifFormat.Instance, new GifDecoder { DecodingMode = FrameDecodingMode.First });
        return formats;
    }

    private static MemoryStream Open(ReadOnlyMemory<byte> data) => MemoryMarshal.TryGetArray(data, out ArraySegment<byte> array)
        ? new MemoryStream(array.Array!, array.Offset, array.Count, writable: false)
        : new MemoryStream(data.ToArray(), writable: false);

    /// <summary>True for a PNG file without its end: the library decodes what is there and says nothing.</summary>
    private static bool IsCutShort(ReadOnlySpan<byte> data) =>
        data.StartsWith((ReadOnlySpan<byte>)[0x89, (byte)'P', (byte)'N', (byte)'G']) && data.LastIndexOf("IEND"u8) < 0;

    private static ImageException Unknown(string name, Exception? inner) => new(
        $"{name}: is not an image of a known format, or its header is damaged; use JPEG, PNG, WebP, BMP or GIF.", inner!);
}
