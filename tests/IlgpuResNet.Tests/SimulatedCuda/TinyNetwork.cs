namespace IlgpuResNet.Tests.SimulatedCuda;

/// <summary>The smallest network whose sessions make every kind of driver call, for tests that make many sessions.</summary>
internal static class TinyNetwork
{
    public const int Side = 8, Classes = 4;

    private const int Seed = 15;

    private static readonly ResNetConfig Config = ResNetConfig.ResNet18 with
    {
        Depths = [1],
        StemWidth = 4,
        BaseWidth = 4,
        NumClasses = Classes,
    };

    /// <summary>Fewer kernels to compile, where a device is opened again and again.</summary>
    public static ClassifierOptions Options { get; } = new() { Numerics = Numerics.Exact };

    /// <inheritdoc cref="Options"/>
    public static SessionOptions SessionOptions { get; } = new() { Numerics = Numerics.Exact };

    public static ResNet Create() =>
        ResNet.FromWeights(ResNet.Create(Config, Seed).Weights, preset: new ImagePreset { ResizeSize = Side, CropSize = Side });

    /// <summary>An image that must be resized.</summary>
    public static PixelBuffer Image(int seed = 1) => SmallClassifier.Image(seed, 12, 10);
}
