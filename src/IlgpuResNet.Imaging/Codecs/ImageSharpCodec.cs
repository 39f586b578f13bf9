using IlgpuResNet.ActivationMaps;
using IlgpuResNet.Files;
using IlgpuResNet.Imaging;
using IlgpuResNet.Pixels;
using SixLabors.ImageSharp;
using SixLabors.ImageSharp.Formats;
using SixLabors.ImageSharp.Formats.Png;
using SixLabors.ImageSharp.Memory;
using SixLabors.ImageSharp.PixelFormats;
using SixLabors.ImageSharp.Processing;

namespace IlgpuResNet;

/// <summary>
/// Decodes by SixLabors.ImageSharp, in managed code and without a colour transform. Its JPEG decoder is not Pillow's, so that a pixel may
/// differ by a few steps of 255; 16-bit channels are rounded where Pillow takes the high byte. Compiled with
/// <c>-p:ImageCodec=ImageSharp</c>.
/// </summary>
internal sealed class ImageSharpCodec : IImageCodec
{
    private const int Channels = 3;

    private static readonly DecoderOptions Options = new() { MaxFrames = 1 };

    /// <inheritdoc/>
    public string Name => "ImageSharp";

    /// <inheritdoc/>
    public PixelBuffer Decode(ReadOnlyMemory<byte> data, string name, bool applyOrientation)
    {
        try
        {
            ImageInfo info = Image.Identify(Options, data.Span);
            DecodeLimits.Check(name, info.Width, info.Height, data.Length);

            using Image<Rgb24> image = Image.Load<Rgb24>(Options, data.Span);
            if (applyOrientation) image.Mutate(context => context.AutoOrient());
            byte[] pixels = GC.AllocateUninitializedArray<byte>(image.Width * image.Height * Channels);
            image.CopyPixelDataTo(pixels);
            return new PixelBuffer(pixels, image.Width, image.Height);
        }
        catch (UnknownImageFormatException e)
        {
            throw new ImageException(
                $"{name}: is not an image of a known format, or its header is damaged; use JPEG, PNG, WebP, BMP or GIF.", e);
        }
        catch (Exception e) when (e is InvalidImageContentException or NotSupportedException or ImageProcessingException)
        {
            throw new ImageException($"{name}: the data is damaged or of an unsupported kind: {e.Message.ReplaceLineEndings(" ")}", e);
        }
        catch (Exception e) when (e is OutOfMemoryException or InvalidMemoryOperationException)
        {
            throw new ImageException($"{name}: there is not enough memory to decode the image; scale it down first.", e);
        }
    }

    /// <inheritdoc/>
    public void EncodePng(PixelSpan image, Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        using Image<Rgba32> rgba = Image.LoadPixelData<Rgba32>(RgbaPixels.Of(image), image.Width, image.Height);
        rgba.SaveAsPng(stream, new PngEncoder { ColorType = PngColorType.Rgb });
    }
}

/// <content>The codec that this build uses.</content>
public static partial class ImageFile
{
    /// <summary>Codec that decodes and encodes image files.</summary>
    public static IImageCodec Codec { get; } = new ImageSharpCodec();
}
