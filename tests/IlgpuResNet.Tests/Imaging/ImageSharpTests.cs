using System.Globalization;
using System.Security.Cryptography;
using SixLabors.ImageSharp;
using SixLabors.ImageSharp.PixelFormats;

namespace IlgpuResNet.Tests;

/// <summary>
/// Decoding by ImageSharp against the pixels of Pillow, which SkiaSharp gives bit for bit; and images of ImageSharp in memory.
/// </summary>
[TestClass]
public sealed class ImageSharpTests
{
    /// <summary>
    /// Largest difference of the luma of a lossy image. Each of the two inverse transforms may be off by 1 (ISO 10918-2), and each of the
    /// two conversions to RGB rounds by up to a half. Chroma differs by more: ImageSharp repeats its samples where libjpeg interpolates.
    /// </summary>
    private const double LumaTolerance = 3;

    private static readonly ImageSharpCodec Codec = new();

    private static string Folder { get; } = Path.Combine(ImagingData.Folder, "files");

    /// <summary>Files whose decoding ImageSharp documents otherwise: 16 bits are rounded, CMYK is converted by another formula.</summary>
    private static readonly string[] Different = ["rgb16.png", "gray16.png", "cmyk.jpg"];

    public static IEnumerable<object[]> Files => ImagingData.ReadCsv("files.csv").Where(row => !Different.Contains(row[0]));

    [TestMethod]
    [DynamicData(nameof(Files))]
    public void Pixels_are_those_of_Pillow_or_near_them(
        string name, string width, string height, string sha256, string uprightWidth, string uprightHeight, string uprightSha256)
    {
        byte[] data = File.ReadAllBytes(Path.Combine(Folder, name));
        foreach (bool upright in new[] { false, true })
        {
            PixelBuffer actual = Codec.Decode(data, name, upright), expected = ImageFile.Load(data, name, upright);
            Assert.AreEqual((upright ? uprightWidth : width, upright ? uprightHeight : height), (Text(actual.Width), Text(actual.Height)));
            if (name.EndsWith(".jpg", StringComparison.Ordinal) || name.StartsWith("lossy", StringComparison.Ordinal)
                || name == "alpha.webp")
            {
                AssertLuma(expected.Pixels.Span, actual.Pixels.Span, name);
                continue;
            }
            Assert.AreEqual(upright ? uprightSha256 : sha256, Convert.ToHexStringLower(SHA256.HashData(actual.Pixels.Span)), name);
        }

        static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>Compares luma (BT.601) where no channel was clipped: there it does not depend on chroma.</summary>
    private static void AssertLuma(ReadOnlySpan<byte> expected, ReadOnlySpan<byte> actual, string name)
    {
        Assert.AreEqual(expected.Length, actual.Length);
        int compared = 0;
        for (int i = 0; i < expected.Length; i += 3)
        {
            ReadOnlySpan<byte> a = expected.Slice(i, 3), b = actual.Slice(i, 3);
            if (a.ContainsAny(byte.MinValue, byte.MaxValue) || b.ContainsAny(byte.MinValue, byte.MaxValue)) continue;
            compared++;
            Assert.AreEqual(Luma(a), Luma(b), LumaTolerance, $"{name}, pixel {i / 3}");
        }
        Assert.IsGreaterThan(expected.Length / 3 / 4, compared, name);

        static double Luma(ReadOnlySpan<byte> rgb) => 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2];
    }

    [TestMethod]
    public void Only_the_five_formats_are_opened()
    {
        using var image = new Image<Rgb24>(3, 2);
        using var tga = new MemoryStream();
        using var pbm = new MemoryStream();
        image.SaveAsTga(tga);
        image.SaveAsPbm(pbm);
        foreach (byte[] data in new[] { tga.ToArray(), pbm.ToArray() })
        {
            ImageException e = Assert.ThrowsExactly<ImageException>(() => Codec.Decode(data, "a.tga", applyOrientation: true));
            StringAssert.StartsWith(e.Message, "a.tga: is not an image of a known format");
        }
    }

    [TestMethod]
    public void A_size_that_the_file_does_not_justify_is_refused_before_it_is_decoded()
    {
        byte[] bmp = File.ReadAllBytes(Path.Combine(Folder, "rgb.bmp"));
        const int widthInHeader = 18;
        BitConverter.TryWriteBytes(bmp.AsSpan(widthInHeader), 40_000);
        BitConverter.TryWriteBytes(bmp.AsSpan(widthInHeader + 4), 40_000);
        long before = GC.GetAllocatedBytesForCurrentThread();
        StringAssert.Contains(
            Assert.ThrowsExactly<ImageException>(() => Codec.Decode(bmp, "a.bmp", applyOrientation: true)).Message, "megapixels");
        Assert.IsLessThan(1 << 20, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [TestMethod]
    public void Damaged_bytes_never_crash()
    {
        const int seed = 21;
        var random = new Random(seed);
        foreach (string file in Directory.GetFiles(Folder))
        {
            byte[] whole = File.ReadAllBytes(file);
            for (int i = 0; i < 10; i++)
            {
                byte[] damaged = i % 2 == 0 ? [.. whole] : whole[..random.Next(1, whole.Length)];
                for (int k = 0; k < 8; k++) damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
                try
                {
                    PixelBuffer image = Codec.Decode(damaged, file, applyOrientation: true, acceptTruncated: i % 3 == 0);
                    Assert.AreEqual(image.Width * image.Height * 3, image.Pixels.Length, $"seed {seed}, {file}");
                }
                catch (ImageException e)
                {
                    StringAssert.StartsWith(e.Message, file);
                    Assert.DoesNotContain('\n', e.Message);
                }
            }
        }
    }

    [TestMethod]
    public void PNG_that_it_writes_is_the_image()
    {
        byte[] pixels = ImagingData.SeededImage(7, 13, 9);
        using var stream = new MemoryStream();
        Codec.EncodePng(new PixelSpan(pixels, 13, 9), stream);
        CollectionAssert.AreEqual(pixels, ImageFile.Load(stream.ToArray()).Pixels.ToArray());
    }

    [TestMethod]
    public void Images_in_memory_are_classified_without_a_copy_of_their_pixels()
    {
        AssertSpan<Rgb24>(PixelFormat.Rgb24, shared: true);
        AssertSpan<Bgr24>(PixelFormat.Bgr24, shared: true);
        AssertSpan<Rgba32>(PixelFormat.Rgba32, shared: true);
        AssertSpan<Bgra32>(PixelFormat.Bgra32, shared: true);
        AssertSpan<Argb32>(PixelFormat.Rgb24, shared: false);
        using ResNet model = SmallClassifier.Model();
        using var classifier = new ImageClassifier(model, ComputeDevice.Get("cpu"));
        byte[] pixels = ImagingData.SeededImage(3, 40, 30);
        using Image<Rgb24> image = Image.LoadPixelData<Rgb24>(pixels, 40, 30);
        using Image<Argb32> other = image.CloneAs<Argb32>();
        Prediction[] expected = classifier.Classify(new PixelSpan(pixels, 40, 30));
        CollectionAssert.AreEqual(expected, classifier.Classify(image));
        CollectionAssert.AreEqual(expected, classifier.Classify(other));

        static void AssertSpan<TPixel>(PixelFormat format, bool shared)
            where TPixel : unmanaged, IPixel<TPixel>
        {
            using var image = new Image<TPixel>(5, 4);
            PixelSpan span = image.ToPixelSpan();
            Assert.AreEqual((format, 5, 4), (span.Format, span.Width, span.Height));
            var white = default(TPixel);
            white.FromRgba32(new Rgba32(255, 255, 255, 255));
            image[0, 0] = white;
            Assert.AreEqual(shared ? 255 : 0, span.Pixels[0], format.ToString());
        }
    }
}
