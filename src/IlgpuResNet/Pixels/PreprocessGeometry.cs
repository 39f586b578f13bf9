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
        int shortSide = Math.Min(width, height);
        // Both operands are exact in double, so the quotient rounds as Python's does; the cast truncates as int() does.
        double longSide = (double)((long)preset.ResizeSize * Math.Max(width, height)) / shortSide;
        if (longSide > int.MaxValue)
        {
            throw new ImageException(
                $"A {width}x{height} image is too narrow: resized to {preset.ResizeSize} pixels "
                + $"its long side would have {longSide:F0}.");
        }
        int resizedLong = (int)longSide;
        return new PreprocessGeometry(
            CenterCrop(width, width <= height ? preset.ResizeSize : resizedLong, preset.CropSize),
            CenterCrop(height, width <= height ? resizedLong : preset.ResizeSize, preset.CropSize));
    }

    private static PreprocessAxis CenterCrop(int size, int resized, int crop) =>
        crop > resized
            ? new PreprocessAxis(size, resized, 0, (crop - resized) / 2, resized)
            : new PreprocessAxis(size, resized, (int)Math.Round((resized - crop) / 2.0, MidpointRounding.ToEven), 0, crop);
}
