namespace IlgpuResNet;

/// <summary>
/// Preprocessing that a network's weights were trained with. By default it is <c>torchvision.transforms._presets.ImageClassification</c>:
/// the shorter side is resized to <see cref="ResizeSize"/>, a square of side <see cref="CropSize"/> is cut from the centre, and every
/// channel becomes <c>(x * scale - mean) / std</c> in float32, with a scale of 1 / 255.
/// </summary>
public sealed record ImagePreset
{
    /// <summary>Scale of torchvision's <c>ToTensor</c>.</summary>
    private const double UsualScale = 1 / 255.0;

    /// <summary>
    /// Length of the shorter side after the resize, in pixels. For a crop that is not square, the height of the crop's shape that the
    /// resized image covers; with <see cref="ResizeWidth"/>, the height after the resize.
    /// </summary>
    public int ResizeSize { get; init; } = 256;

    /// <summary>
    /// Width after the resize, in pixels, for weights whose images were stretched to one size; null, the default, to keep an image's
    /// proportions.
    /// </summary>
    public int? ResizeWidth { get; init; }

    /// <summary>Height of the centre crop, in pixels, and its width unless <see cref="CropWidth"/> differs: the network's input.</summary>
    public int CropSize { get; init; } = 224;

    /// <summary>Width of a crop that is not square, in pixels; null, the default, for a square.</summary>
    public int? CropWidth { get; init; }

    /// <summary>Filter of the resize.</summary>
    public Interpolation Interpolation { get; init; } = Interpolation.Bilinear;

    /// <summary>Order of the colours in the network's input; <see cref="Mean"/> and <see cref="Std"/> name colours, not places.</summary>
    public ChannelOrder Channels { get; init; } = ChannelOrder.Rgb;

    /// <summary>Factor of every byte before the mean is subtracted: 1 / 255, or 1 for networks that take bytes' own values.</summary>
    public double Scale { get; init; } = UsualScale;

    /// <summary>Mean of each colour; with the usual scale, 1 is the full range of a channel.</summary>
    public (float R, float G, float B) Mean { get; init; } = (0.485f, 0.456f, 0.406f);

    /// <summary>Standard deviation of each colour; with the usual scale, 1 is the full range of a channel.</summary>
    public (float R, float G, float B) Std { get; init; } = (0.229f, 0.224f, 0.225f);

    /// <summary>Preset of torchvision's IMAGENET1K_V1 weights: resize 256, crop 224.</summary>
    public static ImagePreset ImageNet1KV1 { get; } = new();

    /// <summary>Preset of torchvision's IMAGENET1K_V2 weights: resize 232, crop 224.</summary>
    public static ImagePreset ImageNet1KV2 { get; } = new() { ResizeSize = 232 };

    /// <summary>
    /// Preset of <c>keras.applications.imagenet_utils.preprocess_input</c> in mode <c>caffe</c>, for Keras' ResNet50, 101 and 152: blue
    /// first, means of ImageNet subtracted from the bytes. Images are stretched to 224x224.
    /// </summary>
    public static ImagePreset KerasCaffe { get; } = new()
    {
        ResizeSize = 224,
        ResizeWidth = 224,
        Channels = ChannelOrder.Bgr,
        Scale = 1,
        Mean = (123.68f, 116.779f, 103.939f),
        Std = (1, 1, 1),
    };

    /// <summary>
    /// Preset of <c>preprocess_input</c> in mode <c>tf</c>, for Keras' ResNet50V2, 101V2 and 152V2: bytes become -1 to 1. Images are
    /// stretched to 224x224.
    /// </summary>
    public static ImagePreset KerasTf { get; } = new()
    {
        ResizeSize = 224,
        ResizeWidth = 224,
        Scale = 1 / 127.5,
        Mean = (1, 1, 1),
        Std = (1, 1, 1),
    };

    /// <summary>Preset of <c>preprocess_input</c> in mode <c>torch</c>: ImageNet's means and deviations. Images are stretched.</summary>
    public static ImagePreset KerasTorch { get; } = new() { ResizeSize = 224, ResizeWidth = 224 };

    /// <summary>Height of the network's input, in pixels.</summary>
    internal int InputHeight => CropSize;

    /// <summary>Width of the network's input, in pixels.</summary>
    internal int InputWidth => CropWidth ?? CropSize;

    /// <summary>Height and width of the network's input, in pixels.</summary>
    internal (int Height, int Width) InputSize => (InputHeight, InputWidth);

    /// <summary>This preset for a network whose input has a fixed size: that crop, and a resize in proportion.</summary>
    internal ImagePreset ForInput(int height, int width)
    {
        int Scaled(int resize) => Math.Max(1, (int)Math.Round((double)resize * height / CropSize));
        return this with
        {
            CropSize = height,
            CropWidth = width == height ? null : width,
            ResizeSize = Scaled(ResizeSize),
            ResizeWidth = ResizeWidth is { } resized ? Math.Max(1, (int)Math.Round((double)resized * width / InputWidth)) : null,
        };
    }

    /// <summary>Checks that the sizes and constants are usable.</summary>
    /// <exception cref="ImageException">One is not usable; the message names it.</exception>
    internal void Validate()
    {
        if (ResizeSize < 1 || CropSize < 1 || ResizeWidth < 1 || CropWidth < 1)
        {
            throw new ImageException(
                $"The preset's sizes must be at least 1, but resize is {Size(ResizeSize, ResizeWidth)} and crop is "
                + $"{Size(CropSize, CropWidth)}.");
        }
        if (!Enum.IsDefined(Channels))
            throw new ImageException($"The preset's channel order {(int)Channels} is unknown; use Rgb or Bgr.");
        if (!(Scale > 0) || !double.IsFinite(Scale) || !float.IsFinite((float)(byte.MaxValue * Scale)))
            throw new ImageException($"The preset's scale must be a positive number, but is {Scale}.");
        if (!float.IsFinite(Mean.R) || !float.IsFinite(Mean.G) || !float.IsFinite(Mean.B))
            throw new ImageException($"The preset's means must be numbers, but are {Mean}.");
        if (!IsScale(Std.R) || !IsScale(Std.G) || !IsScale(Std.B))
            throw new ImageException($"The preset's standard deviations must be positive numbers, but are {Std}.");

        static bool IsScale(float value) => value > 0 && float.IsNormal(value);
        static string Size(int height, int? width) => width is null ? $"{height}" : $"{height}x{width}";
    }
}
