namespace IlgpuResNet.Pixels;

/// <summary>Resize and centre crop of one axis.</summary>
/// <param name="Size">Pixels of the image before the resize.</param>
/// <param name="Resized">Pixels after the resize.</param>
/// <param name="Offset">First resized pixel inside the crop.</param>
/// <param name="Padding">Black pixels of the crop before its first resized pixel.</param>
/// <param name="Count">Number of resized pixels inside the crop; the rest of the crop is black.</param>
internal readonly record struct PreprocessAxis(int Size, int Resized, int Offset, int Padding, int Count);

/// <summary>
/// Computes which pixels of an image become the network's input, with the arithmetic of torchvision's <c>resize</c> and <c>center_crop</c>.
/// </summary>
/// <param name="X">Columns.</param>
/// <param name="Y">Rows.</param>
internal readonly record struct PreprocessGeometry(PreprocessAxis X, PreprocessAxis Y)
{
    /// <summary>Computes both axes of an image.</summary>
    /// <exception cref="ImageException">The image is so narrow that its resized longer side exceeds an int.</exception>
    public static PreprocessGeometry Create(int width, int height, ImagePreset preset)
    {
        (int resizedWidth, int resizedHeight) = Resized(width, height, preset);
        return new PreprocessGeometry(
            CenterCrop(width, resizedWidth, preset.InputWidth), CenterCrop(height, resizedHeight, preset.InputHeight));
    }

    private static (int Width, int Height) Resized(int width, int height, ImagePreset preset)
    {
        if (preset.ResizeWidth is { } stretched) return (stretched, preset.ResizeSize);
        if (preset.InputWidth != preset.InputHeight) return Covering(width, height, preset);
        int shortSide = Math.Min(width, height);
        // Both operands are exact in double, so the quotient rounds as Python's does; the cast truncates as int() does.
        int longSide = (int)Checked((double)((long)preset.ResizeSize * Math.Max(width, height)) / shortSide, width, height, preset);
        return width <= height ? (preset.ResizeSize, longSide) : (longSide, preset.ResizeSize);
    }

    /// <summary>
    /// The least size in the image's proportions that covers a box of the crop's shape and the resize's height, as timm's
    /// <c>ResizeKeepRatio</c> computes it.
    /// </summary>
    private static (int Width, int Height) Covering(int width, int height, ImagePreset preset)
    {
        double boxHeight = preset.ResizeSize, boxWidth = Math.Round(boxHeight * preset.InputWidth / preset.InputHeight);
        double ratio = Math.Min(height / boxHeight, width / boxWidth);
        double resizedWidth = Checked(Math.Round(width / ratio), width, height, preset);
        double resizedHeight = Checked(Math.Round(height / ratio), width, height, preset);
        return (Math.Max(1, (int)resizedWidth), Math.Max(1, (int)resizedHeight));
    }

    private static double Checked(double side, int width, int height, ImagePreset preset) => side <= int.MaxValue
        ? side
        : throw new ImageException(
            $"A {width}x{height} image is too narrow: resized to {preset.ResizeSize} pixels its long side would have {side:F0}.");

    private static PreprocessAxis CenterCrop(int size, int resized, int crop) =>
        crop > resized
            ? new PreprocessAxis(size, resized, 0, (crop - resized) / 2, resized)
            : new PreprocessAxis(size, resized, (int)Math.Round((resized - crop) / 2.0, MidpointRounding.ToEven), 0, crop);
}
