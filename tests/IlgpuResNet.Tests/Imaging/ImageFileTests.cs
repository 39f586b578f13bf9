using System.Globalization;
using System.Security.Cryptography;

namespace IlgpuResNet.Tests;

/// <summary>Image files against what Pillow decodes of them; the expected hashes are in <c>data/imaging/files.csv</c>.</summary>
[TestClass]
public sealed class ImageFileTests
{
    private static string Folder { get; } = Path.Combine(ImagingData.Folder, "files");

    public static IEnumerable<object[]> Files => ImagingData.ReadCsv("files.csv");

    [TestMethod]
    [DynamicData(nameof(Files))]
    public void Pixels_are_the_ones_Pillow_decodes(
        string name, string width, string height, string sha256, string uprightWidth, string uprightHeight, string uprightSha256)
    {
        string path = Path.Combine(Folder, name);
        AssertImage(ImageFile.Load(path, applyOrientation: false), width, height, sha256, $"{name} as stored");
        AssertImage(ImageFile.Load(path), uprightWidth, uprightHeight, uprightSha256, $"{name} upright");
        using FileStream stream = File.OpenRead(path);
        AssertImage(ImageFile.Load(stream), uprightWidth, uprightHeight, uprightSha256, $"{name} from a stream");
    }

    private static void AssertImage(PixelBuffer image, string width, string height, string sha256, string message)
    {
        Assert.AreEqual(int.Parse(width, CultureInfo.InvariantCulture), image.Width, message);
        Assert.AreEqual(int.Parse(height, CultureInfo.InvariantCulture), image.Height, message);
        Assert.AreEqual(image.Width * image.Height * 3, image.Pixels.Length, message);
        Assert.AreEqual(sha256, Convert.ToHexStringLower(SHA256.HashData(image.Pixels.Span)), message);
    }
}
