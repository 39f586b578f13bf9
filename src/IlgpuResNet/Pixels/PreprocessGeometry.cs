namespace IlgpuResNet.Pixels;

/// <summary>One axis of resize and centre crop.</summary>
/// <param name="Size">Pixels of the image.</param>
/// <param name="Resized">Pixels after the resize.</param>
/// <param name="Offset">The first resized pixel that the crop takes.</param>
/// <param name="Padding">Black pixels of the crop before the first taken one.</param>
/// <param name="Count">Resized pixels that the crop takes; the rest of the crop is black.</param>
internal readonly record struct PreprocessAxis(int Size, int Resized, int Offset, int Padding, int Count);

/// <summary>Which pixels of an image become the network's input: the arithmetic of torchvision's <c>resize</c> and <c>center_crop</c>.</summary>
/// <param name="X">Columns.</param>
/// <param name="Y">Rows.</param>
internal readonly record struct PreprocessGeometry(PreprocessAxis X, PreprocessAxis Y)
{
    /// <summary>Computes both axes.</summary>
    /// <exception cref="ImageException">The image is so narrow that its resized long side is beyond an int.</exception>
    public static PreprocessGeometry Create(int width, int height, ImagePreset preset)
    {
        int shortSide = Math.Min(width, height);
        // Both operands are exact in double, so the quotient rounds as Python's does; the cast truncates as int() does.
        double longSide = (double)((long)preset.ResizeSize * Math.Max(width, height)) / shortSide;
        if (longSide > int.MaxValue)
            throw new ImageException($"A {width}x{height} image is too narrow: resized to {preset.ResizeSize} pixels its long side would have {longSide:F0}.");
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
