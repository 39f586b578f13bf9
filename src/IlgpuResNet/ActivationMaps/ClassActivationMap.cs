using IlgpuResNet.ActivationMaps;
using IlgpuResNet.Kernels;
using IlgpuResNet.Pixels;

namespace IlgpuResNet;

/// <summary>
/// Shows where in an image the evidence for one class lies: a map <c>[P, Q]</c> of contributions to the class's logit, with
/// <c>Logit = Bias + sum of Values / PooledPixels</c>. <see cref="ClassActivations"/> makes it, <see cref="Overlay(PixelSpan, float)"/>
/// draws it as a heat map. Immutable, so any thread may use it.
/// </summary>
public sealed class ClassActivationMap
{
    private const float UsualOpacity = 0.6f;

    /// <summary>Share of the image's brightness that remains outside the crop, which the network did not see.</summary>
    private const float DimmedBrightness = 0.35f;

    private readonly float[] values;
    private readonly ImagePreset? preset;

    internal ClassActivationMap(
        Prediction prediction, float logit, float bias, int height, int width, int pooledPixels, float[] values, ImagePreset? preset)
    {
        Prediction = prediction;
        Logit = logit;
        Bias = bias;
        Height = height;
        Width = width;
        PooledPixels = pooledPixels;
        this.values = values;
        this.preset = preset;
        (Min, Max) = (float.PositiveInfinity, float.NegativeInfinity);
        foreach (float value in values.Where(float.IsFinite)) (Min, Max) = (Math.Min(Min, value), Math.Max(Max, value));
        if (Min > Max) (Min, Max) = (float.NaN, float.NaN);
    }

    /// <summary>The class and its probability.</summary>
    public Prediction Prediction { get; }

    /// <summary>The class's score before the softmax, as the network computed it.</summary>
    public float Logit { get; }

    /// <summary>The part of the logit that no pixel contributes: the bias of the fully connected layer.</summary>
    public float Bias { get; }

    /// <summary>Rows of the map, P.</summary>
    public int Height { get; }

    /// <summary>Columns of the map, Q.</summary>
    public int Width { get; }

    /// <inheritdoc cref="ClassActivations.PooledPixels"/>
    public int PooledPixels { get; }

    /// <summary>Contributions to the logit, <c>[P, Q]</c> in row-major order.</summary>
    public ReadOnlyMemory<float> Values => values;

    /// <summary>Smallest finite value; NaN when there is none.</summary>
    public float Min { get; }

    /// <summary>Largest finite value; NaN when there is none.</summary>
    public float Max { get; }

    /// <summary>
    /// Computes the map's value at every pixel of the image. Values are interpolated bilinearly between the centres of the map's pixels, as
    /// <c>torch.nn.functional.interpolate(mode="bilinear", align_corners=False)</c> does over the network's input, and traced back through
    /// the preset's centre crop and resize.
    /// </summary>
    /// <param name="width">Width of the image, or of a scaled copy of it, in pixels.</param>
    /// <param name="height">Height of the image, or of the same scaled copy, in pixels.</param>
    /// <param name="destination">Receives <c>[height, width]</c>; NaN outside the crop, which the network did not see.</param>
    /// <exception cref="ImageException">
    /// The sizes are not positive, do not fit the span, or belong to an image too narrow for the preset.
    /// </exception>
    public void Upsample(int width, int height, Span<float> destination)
    {
        if (width < 1 || height < 1) throw new ImageException($"An image must be at least 1x1 pixels, but is {width}x{height}.");
        if (destination.Length != (long)width * height)
        {
            throw new ImageException(
                $"The map of a {width}x{height} image has {(long)width * height} values, but the span has {destination.Length}.");
        }
        (MapTap[] columns, MapTap[] rows) = Taps(width, height);
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++) destination[y * width + x] = ValueAt(columns[x], rows[y]);
    }

    /// <summary>
    /// Draws a heat map: the image in gray under the map in the colours of viridis, from dark blue at <see cref="Min"/> to yellow at
    /// <see cref="Max"/>. Pixels that the network did not see, and values that are not finite, are dimmed and get no colour.
    /// </summary>
    /// <param name="image">The image that was classified, or a scaled copy of it.</param>
    /// <param name="opacity">Share of the colour in each pixel, 0 to 1.</param>
    /// <returns>The heat map, as large as the image, <see cref="PixelFormat.Rgb24"/>.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="opacity"/> is not from 0 to 1.</exception>
    /// <exception cref="ImageException">The image has too many pixels for one array, or is too narrow for the preset.</exception>
    public PixelBuffer Overlay(PixelSpan image, float opacity = UsualOpacity)
    {
        if ((long)image.Width * image.Height * Rgb.Channels > Array.MaxLength)
        {
            throw new ImageException(
                $"A heat map of {image.Width}x{image.Height} pixels is too large for one array; scale the image down first.");
        }
        var rgb = new byte[image.Width * image.Height * Rgb.Channels];
        Overlay(image, rgb, opacity);
        return new PixelBuffer(rgb, image.Width, image.Height);
    }

    /// <summary>Draws a heat map, as <see cref="Overlay(PixelSpan, float)"/> does, into memory of the caller.</summary>
    /// <param name="image">The image that was classified, or a scaled copy of it.</param>
    /// <param name="rgb">
    /// Receives red, green and blue of every pixel, <c>[image.Height, image.Width, 3]</c> without gaps between rows.
    /// </param>
    /// <param name="opacity">Share of the colour in each pixel, 0 to 1.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="opacity"/> is not from 0 to 1.</exception>
    /// <exception cref="ImageException">The span has another length, or the image is too narrow for the preset.</exception>
    public void Overlay(PixelSpan image, Span<byte> rgb, float opacity = UsualOpacity)
    {
        if (!(opacity is >= 0 and <= 1)) throw new ArgumentOutOfRangeException(nameof(opacity), opacity, "An opacity is from 0 to 1.");
        if (rgb.Length != (long)image.Width * image.Height * Rgb.Channels)
        {
            throw new ImageException(
                $"A heat map of {image.Width}x{image.Height} pixels in RGB has {(long)image.Width * image.Height * Rgb.Channels} bytes, "
                + $"but the span has {rgb.Length}.");
        }
        PixelLayout layout = image.Format.Layout();
        (MapTap[] columns, MapTap[] rows) = Taps(image.Width, image.Height);
        for (int y = 0; y < image.Height; y++)
        {
            ReadOnlySpan<byte> row = image.Pixels[(int)((long)y * image.Stride)..];
            for (int x = 0; x < image.Width; x++)
            {
                ReadOnlySpan<byte> pixel = row.Slice(x * layout.BytesPerPixel, layout.BytesPerPixel);
                float gray = Rgb.Luma(pixel[layout.Red], pixel[layout.Green], pixel[layout.Blue]);
                Span<byte> target = rgb.Slice((y * image.Width + x) * Rgb.Channels, Rgb.Channels);
                float value = ValueAt(columns[x], rows[y]);
                if (float.IsFinite(value)) Viridis.At(Fraction(value)).Over(gray, opacity, target);
                else target.Fill((byte)(gray * DimmedBrightness));
            }
        }
    }

    /// <summary>Position of a value between <see cref="Min"/> (0) and <see cref="Max"/> (1); 0.5 when they are equal.</summary>
    internal float Fraction(float value) => Max > Min ? (float)(((double)value - Min) / ((double)Max - Min)) : 0.5f;

    private (MapTap[] Columns, MapTap[] Rows) Taps(int width, int height)
    {
        if (preset is null) return (MapTap.Axis(width, Width), MapTap.Axis(height, Height));
        PreprocessGeometry geometry = PreprocessGeometry.Create(width, height, preset);
        return (MapTap.Axis(geometry.X, preset.InputWidth, Width), MapTap.Axis(geometry.Y, preset.InputHeight, Height));
    }

    private float ValueAt(MapTap column, MapTap row)
    {
        if (!column.IsInside || !row.IsInside) return float.NaN;
        float top = Row(row.First), bottom = Row(row.Second);
        return Mix(top, bottom, row.SecondShare);

        float Row(int p) => Mix(values[p * Width + column.First], values[p * Width + column.Second], column.SecondShare);
        // a + (b - a) t could overflow where neither a nor b does; t == 0 avoids the product of 0 and infinity.
        static float Mix(float a, float b, float t) => t == 0 ? a : a * (1 - t) + b * t;
    }

    /// <summary>The two pixels of the map between which a pixel of the image lies, on one axis.</summary>
    private readonly record struct MapTap(bool IsInside, int First, int Second, float SecondShare)
    {
        /// <summary>Computes an axis of an image that is the network's input itself, or a scaled copy of it.</summary>
        public static MapTap[] Axis(int size, int mapSize) => Axis(new PreprocessAxis(size, size, 0, 0, size), size, mapSize);

        /// <summary>Computes an axis of an image that was resized and cropped, or padded, to the network's input.</summary>
        public static MapTap[] Axis(PreprocessAxis axis, int crop, int mapSize)
        {
            var taps = new MapTap[axis.Size];
            double scale = (double)axis.Resized / axis.Size;
            for (int i = 0; i < taps.Length; i++)
            {
                double inCrop = (i + 0.5) * scale - axis.Offset + axis.Padding;
                double place = Math.Clamp(inCrop / crop * mapSize - 0.5, 0, mapSize - 1);
                int first = (int)place;
                taps[i] = new MapTap(inCrop >= 0 && inCrop < crop, first, Math.Min(first + 1, mapSize - 1), (float)(place - first));
            }
            return taps;
        }
    }
}
