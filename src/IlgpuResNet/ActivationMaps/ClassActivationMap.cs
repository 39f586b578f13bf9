using IlgpuResNet.ActivationMaps;
using IlgpuResNet.Kernels;
using IlgpuResNet.Pixels;


namespace IlgpuResNet;

/// <summary>
/// What each part of an image added to the score of one class: <c>[P, Q]</c> with <c>Logit = Bias + sum of Values / PooledPixels</c>.
/// Made by <see cref="ClassActivations"/>. Immutable, so any thread may use it.
/// </summary>
public sealed class ClassActivationMap
{
    private const float UsualOpacity = 0.6f;

    /// <summary>How much of the photo's brightness remains where the network did not look.</summary>
    private const float DimmedBrightness = 0.35f;

    private readonly float[] values;
    private readonly ImagePreset? preset;

    internal ClassActivationMap(Prediction prediction, float logit, float bias, int height, int width, int pooledPixels, float[] values, ImagePreset? preset)
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

    /// <summary>The score of the class, as the network gave it.</summary>
    public float Logit { get; }

    /// <summary>The part of the score that comes from no part of the image.</summary>
    public float Bias { get; }

    /// <summary>Rows, P.</summary>
    public int Height { get; }

    /// <summary>Columns, Q.</summary>
    public int Width { get; }

    /// <inheritdoc cref="ClassActivations.PooledPixels"/>
    public int PooledPixels { get; }

    /// <summary>The map <c>[P, Q]</c>, in units of the logit.</summary>
    public ReadOnlyMemory<float> Values => values;

    /// <summary>The least value; NaN when none is a number.</summary>
    public float Min { get; }

    /// <summary>The largest value; NaN when none is a number.</summary>
    public float Max { get; }

    /// <summary>
    /// The map at every pixel of the photo that it was made of: bilinear between the centres of its own pixels, as
    /// <c>torch.nn.functional.interpolate(mode="bilinear", align_corners=False)</c> does over the network's input, brought back through
    /// the centre crop and the resize of the preset.
    /// </summary>
    /// <param name="width">Width of the photo, or of the photo scaled.</param>
    /// <param name="height">Height of the photo, or of the photo scaled alike.</param>
    /// <param name="destination">Receives <c>[height, width]</c>; NaN where the photo lies outside the crop, which the network did not see.</param>
    /// <exception cref="ImageException">The sizes are not positive, do not fit the span, or are those of a photo that no preset takes.</exception>
    public void Upsample(int width, int height, Span<float> destination)
    {
        if (width < 1 || height < 1) throw new ImageException($"A photo must be at least 1x1 pixels, but is {width}x{height}.");
        if (destination.Length != (long)width * height)
            throw new ImageException($"The map of a {width}x{height} photo has {(long)width * height} values, but the span has {destination.Length}.");
        (MapTap[] columns, MapTap[] rows) = Taps(width, height);
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++) destination[y * width + x] = ValueAt(columns[x], rows[y]);
    }

    /// <summary>
    /// The photo in gray with the map over it in the colours of viridis, from <see cref="Min"/>, dark blue, to <see cref="Max"/>, yellow.
    /// What the network did not see is dimmed and not coloured; so are values that are no number.
    /// </summary>
    /// <param name="photo">The photo that the map was made of, or the same scaled.</param>
    /// <param name="opacity">Share of the colour, 0 to 1.</param>
    /// <returns>An image of the photo's size, <see cref="PixelFormat.Rgb24"/>.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="opacity"/> is not from 0 to 1.</exception>
    /// <exception cref="ImageException">The photo has too many pixels for one array.</exception>
    public PixelBuffer Overlay(PixelSpan photo, float opacity = UsualOpacity)
    {
        if ((long)photo.Width * photo.Height * Rgb.Channels > Array.MaxLength)
            throw new ImageException($"A picture of {photo.Width}x{photo.Height} pixels is too large for one array; scale the photo down first.");
        var rgb = new byte[photo.Width * photo.Height * Rgb.Channels];
        Overlay(photo, rgb, opacity);
        return new PixelBuffer(rgb, photo.Width, photo.Height);
    }

    /// <summary>The same into memory that there is.</summary>
    /// <param name="photo">The photo that the map was made of, or the same scaled.</param>
    /// <param name="rgb">Receives <c>[photo.Height, photo.Width, 3]</c>, rows end to end.</param>
    /// <param name="opacity">Share of the colour, 0 to 1.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="opacity"/> is not from 0 to 1.</exception>
    /// <exception cref="ImageException">The span has another length.</exception>
    public void Overlay(PixelSpan photo, Span<byte> rgb, float opacity = UsualOpacity)
    {
        if (!(opacity is >= 0 and <= 1)) throw new ArgumentOutOfRangeException(nameof(opacity), opacity, "An opacity is from 0 to 1.");
        if (rgb.Length != (long)photo.Width * photo.Height * Rgb.Channels)
            throw new ImageException($"A picture of {photo.Width}x{photo.Height} pixels in RGB has {(long)photo.Width * photo.Height * Rgb.Channels} bytes, but the span has {rgb.Length}.");
        PixelLayout layout = photo.Format.Layout();
        (MapTap[] columns, MapTap[] rows) = Taps(photo.Width, photo.Height);
        for (int y = 0; y < photo.Height; y++)
        {
            ReadOnlySpan<byte> row = photo.Pixels[(int)((long)y * photo.Stride)..];
            for (int x = 0; x < photo.Width; x++)
            {
                ReadOnlySpan<byte> pixel = row.Slice(x * layout.BytesPerPixel, layout.BytesPerPixel);
                float gray = Rgb.Luma(pixel[layout.Red], pixel[layout.Green], pixel[layout.Blue]);
                Span<byte> target = rgb.Slice((y * photo.Width + x) * Rgb.Channels, Rgb.Channels);
                float value = ValueAt(columns[x], rows[y]);
                if (float.IsFinite(value)) Viridis.At(Fraction(value)).Over(gray, opacity, target);
                else target.Fill((byte)(gray * DimmedBrightness));
            }
        }
    }

    /// <summary>Where a value lies between <see cref="Min"/> and <see cref="Max"/>; the middle when they are one.</summary>
    internal float Fraction(float value) => Max > Min ? (float)(((double)value - Min) / ((double)Max - Min)) : 0.5f;

    private (MapTap[] Columns, MapTap[] Rows) Taps(int width, int height)
    {
        if (preset is null) return (MapTap.Axis(width, Width), MapTap.Axis(height, Height));
        PreprocessGeometry geometry = PreprocessGeometry.Create(width, height, preset);
        return (MapTap.Axis(geometry.X, preset.CropSize, Width), MapTap.Axis(geometry.Y, preset.CropSize, Height));
    }

    private float ValueAt(MapTap column, MapTap row)
    {
        if (!column.IsInside || !row.IsInside) return float.NaN;
        float top = Row(row.First), bottom = Row(row.Second);
        return Mix(top, bottom, row.SecondShare);

        float Row(int p) => Mix(values[p * Width + column.First], values[p * Width + column.Second], column.SecondShare);
        // Not a + (b - a) t, which overflows where neither does, nor a product of 0 with infinity.
        static float Mix(float a, float b, float t) => t == 0 ? a : a * (1 - t) + b * t;
    }

    /// <summary>Between which two pixels of an axis of the map a pixel of the photo lies.</summary>
    private readonly record struct MapTap(bool IsInside, int First, int Second, float SecondShare)
    {
        /// <summary>An axis of an image that is the network's input itself, or that scaled.</summary>
        public static MapTap[] Axis(int size, int mapSize) => Axis(new PreprocessAxis(size, size, 0, 0, size), size, mapSize);

        /// <summary>An axis of a photo that was resized and cropped, or padded, to the network's input.</summary>
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
