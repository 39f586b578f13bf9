namespace IlgpuResNet;

/// <summary>The resampling filters of Pillow that classifiers are trained with; both antialiased.</summary>
public enum Interpolation
{
    /// <summary>Triangle filter, support 1.</summary>
    Bilinear,

    /// <summary>Keys' cubic with a = -0.5, support 2.</summary>
    Bicubic,
}

/// <summary>
/// How an image becomes the network's input, as <c>torchvision.transforms._presets.ImageClassification</c> says:
/// the shorter side resized to <see cref="ResizeSize"/>, the centre <see cref="CropSize"/> square cut out,
/// <c>(x / 255 - mean) / std</c> per channel in float32. The preset belongs to the weights.
/// </summary>
public sealed record ImagePreset
{
    /// <summary>Length of the shorter side after the resize, in pixels.</summary>
    public int ResizeSize { get; init; } = 256;

    /// <summary>Side of the centre crop, in pixels: the height and width of the network's input.</summary>
    public int CropSize { get; init; } = 224;

    /// <summary>Resampling filter.</summary>
    public Interpolation Interpolation { get; init; } = Interpolation.Bilinear;

    /// <summary>Per channel mean (R, G, B), in units of the full range.</summary>
    public (float R, float G, float B) Mean { get; init; } = (0.485f, 0.456f, 0.406f);

    /// <summary>Per channel standard deviation (R, G, B), in units of the full range.</summary>
    public (float R, float G, float B) Std { get; init; } = (0.229f, 0.224f, 0.225f);

    /// <summary>torchvision's IMAGENET1K_V1 weights: resize 256, crop 224.</summary>
    public static ImagePreset ImageNet1KV1 { get; } = new();

    /// <summary>torchvision's IMAGENET1K_V2 weights: resize 232, crop 224.</summary>
    public static ImagePreset ImageNet1KV2 { get; } = new() { ResizeSize = 232 };

    /// <summary>Checks that the numbers make an input.</summary>
    /// <exception cref="ImageException">One does not; the message names it.</exception>
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
