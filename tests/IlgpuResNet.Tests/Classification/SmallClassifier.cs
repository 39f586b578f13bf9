namespace IlgpuResNet.Tests;

/// <summary>A thin network for images of 32 pixels, and image files.</summary>
internal static class SmallClassifier
{
    public const int Classes = 10;

    private const int Seed = 7_101;
    private const int Side = 32;

    private static readonly ResNetConfig Thin = ResNetConfig.ResNet18 with { StemWidth = 8, BaseWidth = 4, NumClasses = Classes };

    /// <summary>JPEG files that decode.</summary>
    public static string[] Photos { get; } = [.. Directory.GetFiles(Path.Combine(ImagingData.Folder, "files"), "orientation-*.jpg").Order(
        StringComparer.Ordinal)];

    public static ResNet Model() =>
        ResNet.FromWeights(ResNet.Create(Thin, Seed).Weights, preset: new ImagePreset { ResizeSize = Side, CropSize = Side });

    /// <summary>RGB24 pixels from a seed.</summary>
    public static PixelBuffer Image(int seed, int width = 40, int height = 36)
    {
        byte[] pixels = new byte[3 * width * height];
        new Random(seed).NextBytes(pixels);
        return new PixelBuffer(pixels, width, height);
    }

    /// <summary>
    /// An image that is decoded or wrapped without an error and then cannot be prepared: its longer side would have more pixels than an
    /// int.
    /// </summary>
    public static PixelBuffer TooNarrow() => new(new byte[int.MaxValue / Side + 1], 1, int.MaxValue / Side + 1, PixelFormat.Gray8);
}
