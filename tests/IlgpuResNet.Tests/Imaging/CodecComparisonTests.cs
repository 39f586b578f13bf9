using System.Diagnostics;
using System.Globalization;

namespace IlgpuResNet.Tests;

/// <summary>
/// SkiaSharp and ImageSharp side by side. The environment variable ILGPURESNET_PHOTOS names a folder of larger images; then a table for
/// <c>docs/accuracy.md</c> is written. Without it the small JPEG files of the tests are compared.
/// </summary>
[TestClass]
public sealed class CodecComparisonTests
{
    private const string Variable = "ILGPURESNET_PHOTOS";
    private const int Repeats = 3;
    private const double Mega = 1e6;

    private static readonly string Model = Path.Combine(AppContext.BaseDirectory, "FashionMnist", "fashion-resnet.safetensors");

    public TestContext TestContext { get; set; } = null!;

    [TestMethod]
    public void Both_decoders_lead_to_nearly_the_same_input()
    {
        string place = Environment.GetEnvironmentVariable(Variable) ?? Path.Combine(ImagingData.Folder, "files");
        string[] files = [.. ImageFiles.List([place], recursive: true).Files.Where(file => file.EndsWith(".jpg", StringComparison.Ordinal)
            && !file.EndsWith("cmyk.jpg", StringComparison.Ordinal))];
        using ResNet preset = ResNet.Create(ResNetConfig.ResNet18 with { StemWidth = 4, BaseWidth = 4, NumClasses = 2 });
        using var session = new InferenceSession(preset, ComputeDevice.Get("cpu"));
        using ImageClassifier boxed = ImageClassifier.Load(Model, ComputeDevice.Get("cpu"));
        IImageCodec skia = new SkiaCodec(), sharp = new ImageSharpCodec();
        int labels = 0;
        double pixels = 0, worstInput = 0;
        (double Time, double Bytes) skiaSum = default, sharpSum = default;
        foreach (string file in files)
        {
            byte[] data = File.ReadAllBytes(file);
            (PixelBuffer expected, double skiaTime, long skiaBytes) = Decode(skia, data, file);
            (PixelBuffer actual, double sharpTime, long sharpBytes) = Decode(sharp, data, file);
            double size = expected.Width * (double)expected.Height;
            (int worst, double mean, double share) = Difference(expected, actual);
            double input = InputDifference(session, expected, actual);
            if (boxed.Classify(expected, 1)[0].Index != boxed.Classify(actual, 1)[0].Index) labels++;
            pixels += size;
            skiaSum = (skiaSum.Time + skiaTime, skiaSum.Bytes + skiaBytes);
            sharpSum = (sharpSum.Time + sharpTime, sharpSum.Bytes + sharpBytes);
            worstInput = Math.Max(worstInput, input);
            TestContext.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"| {Path.GetFileName(file)} | {size / Mega:F2} | {worst} | {mean:F3} | {share:P1} | {input:E1} |"));
        }
        TestContext.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{files.Length} images, {pixels / Mega:F1} megapixels, {labels} labels changed; "
            + $"SkiaSharp {skiaSum.Time / pixels * Mega:F1} ms and {skiaSum.Bytes / pixels:F2} managed bytes a pixel, "
            + $"ImageSharp {sharpSum.Time / pixels * Mega:F1} ms and {sharpSum.Bytes / pixels:F2}"));
        // A resize by an antialiased filter averages the differences at edges of colour; a wrong colour space would be off by far more.
        Assert.IsLessThan(0.1, worstInput);
    }

    private static (PixelBuffer Image, double Milliseconds, long Bytes) Decode(IImageCodec codec, byte[] data, string name)
    {
        PixelBuffer image = codec.Decode(data, name, applyOrientation: true);
        double best = double.PositiveInfinity;
        long before = GC.GetTotalAllocatedBytes(precise: true);
        for (int i = 0; i < Repeats; i++)
        {
            long start = Stopwatch.GetTimestamp();
            codec.Decode(data, name, applyOrientation: true);
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }
        return (image, best, (GC.GetTotalAllocatedBytes(precise: true) - before) / Repeats);
    }

    private static (int Worst, double Mean, double Share) Difference(PixelBuffer a, PixelBuffer b)
    {
        ReadOnlySpan<byte> x = a.Pixels.Span, y = b.Pixels.Span;
        Assert.AreEqual(x.Length, y.Length);
        int worst = 0;
        long sum = 0, different = 0;
        for (int i = 0; i < x.Length; i++)
        {
            int difference = Math.Abs(x[i] - y[i]);
            worst = Math.Max(worst, difference);
            sum += difference;
            if (difference > 0) different++;
        }
        return (worst, sum / (double)x.Length, different / (double)x.Length);
    }

    /// <summary>Relative L2 difference of the network's input.</summary>
    private static double InputDifference(InferenceSession session, PixelBuffer a, PixelBuffer b)
    {
        float[] x = new float[session.Input.Length], y = new float[session.Input.Length];
        session.Prepare(a, x);
        session.Prepare(b, y);
        return Math.Sqrt(x.Zip(y, (p, q) => (double)(p - q) * (p - q)).Sum() / x.Sum(p => (double)p * p));
    }
}
