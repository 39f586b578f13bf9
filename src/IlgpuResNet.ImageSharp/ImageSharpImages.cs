using System.Runtime.InteropServices;
using SixLabors.ImageSharp;
using SixLabors.ImageSharp.PixelFormats;

namespace IlgpuResNet;

/// <summary>Takes images of SixLabors.ImageSharp that a program has in memory.</summary>
public static class ImageSharpImages
{
    /// <summary>Classifies an image; its pixels are copied only where <see cref="ToPixelSpan"/> says so.</summary>
    /// <typeparam name="TPixel">Type of the pixels.</typeparam>
    /// <param name="classifier">Classifier to use.</param>
    /// <param name="image">The image. Its EXIF orientation is not applied.</param>
    /// <param name="topK">Number of classes; all classes when the network has fewer.</param>
    /// <returns>The most probable classes, most probable first.</returns>
    /// <exception cref="ImageException">The image is too large or too narrow.</exception>
    /// <exception cref="DeviceException">The device failed; the next call makes a new session.</exception>
    public static Prediction[] Classify<TPixel>(this ImageClassifier classifier, Image<TPixel> image, int topK = 5)
        where TPixel : unmanaged, IPixel<TPixel>
    {
        ArgumentNullException.ThrowIfNull(classifier);
        return classifier.Classify(image.ToPixelSpan(), topK);
    }

    /// <summary>
    /// Returns the pixels of an image: its own memory where that is one piece and the type is <see cref="Rgb24"/>, <see cref="Bgr24"/>,
    /// <see cref="Rgba32"/>, <see cref="Bgra32"/> or <see cref="L8"/>, and a copy as RGB otherwise. Valid while the image is neither
    /// changed nor disposed.
    /// </summary>
    /// <typeparam name="TPixel">Type of the pixels.</typeparam>
    /// <param name="image">The image.</param>
    public static PixelSpan ToPixelSpan<TPixel>(this Image<TPixel> image)
        where TPixel : unmanaged, IPixel<TPixel>
    {
        ArgumentNullException.ThrowIfNull(image);
        if (FormatOf<TPixel>() is { } format && image.DangerousTryGetSinglePixelMemory(out Memory<TPixel> memory))
            return new PixelSpan(MemoryMarshal.AsBytes(memory.Span), image.Width, image.Height, format);
        using Image<Rgb24> copy = image.CloneAs<Rgb24>();
        byte[] pixels = new byte[checked(image.Width * image.Height * PixelFormat.Rgb24.BytesPerPixel())];
        copy.CopyPixelDataTo(pixels);
        return new PixelSpan(pixels, image.Width, image.Height);
    }

    private static PixelFormat? FormatOf<TPixel>() => default(TPixel) switch
    {
        Rgb24 => PixelFormat.Rgb24,
        Bgr24 => PixelFormat.Bgr24,
        Rgba32 => PixelFormat.Rgba32,
        Bgra32 => PixelFormat.Bgra32,
        L8 => PixelFormat.Gray8,
        _ => null,
    };
}
