namespace IlgpuResNet;

/// <summary>Resampling filters of Pillow that classifiers are trained with. Both are antialiased.</summary>
public enum Interpolation
{
    /// <summary>Triangle filter, support 1.</summary>
    Bilinear,

    /// <summary>Keys' cubic with a = -0.5, support 2.</summary>
    Bicubic,
}

/// <summary>
/// Preprocessing that a network's weights were trained with, as <c>torchvision.transforms._presets.ImageClassification</c> defines it: the
/// shorter side is resized to <see cref="ResizeSize"/>, a square of side <see cref="CropSize"/> is cut from the centre, and every channel
/// becomes <c>(x / 255 - mean) / std</c> in float32.
/// </summary>
public sealed record ImagePreset
{
    /// <summary>Length of the shorter side after the resize, in pixels.</summary>
    public int ResizeSize { get; init; } = 256;

    /// <summary>Side of the centre crop, in pixels: the height and width of the network's input.</summary>
    public int CropSize { get; init; } = 224;

    /// <summary>Filter of the resize.</summary>
    public Interpolation Interpolation { get; init; } = Interpolation.Bilinear;

    /// <summary>Mean per channel (R, G, B); 1 is the full range of a channel.</summary>
    public (float R, float G, float B) Mean { get; init; } = (0.485f, 0.456f, 0.406f);

    /// <summary>Standard deviation per channel (R, G, B); 1 is the full range of a channel.</summary>
    public (float R, float G, float B) Std { get; init; } = (0.229f, 0.224f, 0.225f);

    /// <summary>Preset of torchvision's IMAGENET1K_V1 weights: resize 256, crop 224.</summary>
    public static ImagePreset ImageNet1KV1 { get; } = new();

    /// <summary>Preset of torchvision's IMAGENET1K_V2 weights: resize 232, crop 224.</summary>
    public static ImagePreset ImageNet1KV2 { get; } = new() { ResizeSize = 232 };

    /// <summary>Checks that the sizes and constants are usable.</summary>
    /// <exception cref="ImageException">One is not usable; the message names it.</exception>
    internal void Validate()
    {
        if (ResizeSize < 1 || CropSize < 1)
            throw new ImageException($"The preset's sizes must be at least 1, but resize is {ResizeSize} and crop is {CropSize}.");
        if (!float.IsFinite(Mean.R) || !float.IsFinite(Mean.G) || !float.IsFinite(Mean.B))
            throw new ImageException($"The preset's means must be numbers, but are {Mean}.");
        if (!IsScale(Std.R) || !IsScale(Std.G) || !IsScale(Std.B))
            throw new ImageException($"The preset's standard deviations must be positive numbers, but are {Std}.");

        static bool IsScale(float value) => value > 0 && float.IsNormal(value);
    }
}
