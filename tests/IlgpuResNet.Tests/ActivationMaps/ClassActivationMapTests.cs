using IlgpuResNet.ActivationMaps;

namespace IlgpuResNet.Tests;

/// <summary>A map over its photo: where each of its pixels comes to lie, and in which colour.</summary>
[TestClass]
public sealed class ClassActivationMapTests
{
    private const int Seed = 811;

    private static readonly Rgb Least = new(0x44, 0x01, 0x54), Largest = new(0xFD, 0xE7, 0x25);

    /// <summary>
    /// The numbers are those of <c>torch.nn.functional.interpolate(torch.tensor([[[[0., 1.], [2., 3.]]]]), size=(4, 4),
    /// mode="bilinear")</c>.
    /// </summary>
    [TestMethod]
    public void Between_pixels_a_map_is_bilinear_as_in_PyTorch()
    {
        float[] values = new float[16];
        Map([0, 1, 2, 3], 2, 2).Upsample(4, 4, values);
        CollectionAssert.AreEqual(new[] { 0, .25f, .75f, 1, .5f, .75f, 1.25f, 1.5f, 1.5f, 1.75f, 2.25f, 2.5f, 2, 2.25f, 2.75f, 3 }, values);
    }

    /// <summary>
    /// Photos of any shape under presets that cut away and that pad: the value is that of the place in the crop, by a search for the four
    /// nearest centres.
    /// </summary>
    [TestMethod]
    [DataRow(40, 30, 32, 28)]
    [DataRow(30, 47, 32, 32)]
    [DataRow(9, 120, 40, 24)]
    [DataRow(50, 50, 20, 31)]
    [DataRow(1, 1, 8, 8)]
    public void Every_pixel_of_the_photo_has_the_value_of_its_place_in_the_crop(int width, int height, int resize, int crop)
    {
        const int rows = 3, columns = 4;
        var preset = new ImagePreset { ResizeSize = resize, CropSize = crop };
        float[] map = TestData.Uniform(new Random(Seed), rows * columns), values = new float[width * height];
        Map(map, rows, columns, preset).Upsample(width, height, values);
        double shorter = Math.Min(width, height);
        int resizedWidth = (int)(resize * width / shorter), resizedHeight = (int)(resize * height / shorter);
        int inside = 0;
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
            {
                double u = InCrop(x, width, resizedWidth, crop), v = InCrop(y, height, resizedHeight, crop);
                bool isSeen = u >= 0 && u < crop && v >= 0 && v < crop;
                double expected = 0;
                for (int i = 0; i < map.Length; i++)
                    expected += map[i] * Share(u, i % columns, columns, crop) * Share(v, i / columns, rows, crop);
                Assert.AreEqual(isSeen, !float.IsNaN(values[y * width + x]), $"seed {Seed}, ({x}, {y})");
                if (isSeen) Assert.AreEqual(expected, values[y * width + x], 16 * TestData.Epsilon, $"seed {Seed}, ({x}, {y})");
                inside += isSeen ? 1 : 0;
            }
        }
        Assert.IsGreaterThan(0, inside);
    }

    /// <summary>A photo that is scaled by a whole number has the same crop: the legend's enlargement of small photos rests on it.</summary>
    [TestMethod]
    public void An_enlarged_photo_has_the_same_crop()
    {
        const int width = 61, height = 43, factor = 3;
        ClassActivationMap map = Map(TestData.Uniform(new Random(Seed), 9), 3, 3, new ImagePreset { ResizeSize = 40, CropSize = 32 });
        float[] small = new float[width * height], large = new float[small.Length * factor * factor];
        map.Upsample(width, height, small);
        map.Upsample(width * factor, height * factor, large);
        // The middle pixel of nine lies where the one pixel does.
        for (int i = 0; i < small.Length; i++)
            Assert.AreEqual(small[i], large[(i / width * factor + 1) * width * factor + i % width * factor + 1], 8 * TestData.Epsilon,
                $"seed {Seed}, pixel {i}");
    }

    [TestMethod]
    public void The_least_and_the_largest_value_have_the_ends_of_the_colours()
    {
        // Black and white halves; the map falls from left to right.
        PixelBuffer photo = new(new byte[] { 0, 0, 0, 0, 255, 255, 255, 255 }, 4, 2, PixelFormat.Gray8);
        ClassActivationMap map = Map([5, -3], 1, 2);
        byte[] pure = map.Overlay(photo, 1).Pixels.ToArray(), half = map.Overlay(photo, 0.5f).Pixels.ToArray(),
            gray = map.Overlay(photo, 0).Pixels.ToArray();
        Assert.AreEqual(Largest, Pixel(pure, 0));
        Assert.AreEqual(Least, Pixel(pure, 3));
        Assert.AreEqual(Largest, Pixel(pure, 4));
        Assert.AreEqual(new Rgb(127, 116, 19), Pixel(half, 0));
        Assert.AreEqual(new Rgb(254, 243, 146), Pixel(half, 4));
        CollectionAssert.AreEqual(photo.Pixels.ToArray().SelectMany(value => new[] { value, value, value }).ToArray(), gray);
        // 1 of 4 from the least value on: between the fourth and the fifth colour.
        Assert.IsLessThan(8, Math.Abs(Pixel(pure, 2).Green - 0x52));
    }

    [TestMethod]
    public void What_is_outside_the_crop_or_no_number_is_dimmed_and_has_no_colour()
    {
        PixelBuffer photo = new(Enumerable.Repeat((byte)200, 40 * 20).ToArray(), 40, 20, PixelFormat.Gray8);
        byte[] pixels = Map([1, float.NaN, 2, 3], 1, 4, new ImagePreset { ResizeSize = 20, CropSize = 20 }).Overlay(photo).Pixels.ToArray();
        var dimmed = new Rgb(70, 70, 70);
        Assert.AreEqual(dimmed, Pixel(pixels, 0));
        Assert.AreEqual(dimmed, Pixel(pixels, 39));
        Assert.AreEqual(dimmed, Pixel(pixels, 10 + 7));
        Assert.AreNotEqual(dimmed, Pixel(pixels, 10));
        Assert.AreNotEqual(dimmed, Pixel(pixels, 29));
        ClassActivationMap nothing = Map([float.NaN, float.PositiveInfinity], 1, 2);
        Assert.IsTrue(float.IsNaN(nothing.Min) && float.IsNaN(nothing.Max));
        Assert.IsTrue(nothing.Overlay(photo).Pixels.ToArray().All(value => value == 70));
        Assert.AreEqual(Viridis.At(0.5f), Pixel(Map([7], 1, 1).Overlay(photo, 1).Pixels.ToArray(), 5), "one value has the middle colour");
    }

    [TestMethod]
    [DataRow(PixelFormat.Bgr24)]
    [DataRow(PixelFormat.Rgba32)]
    [DataRow(PixelFormat.Bgra32)]
    public void Every_format_gives_the_same_picture(PixelFormat format)
    {
        const int width = 7, height = 5, padding = 3;
        PixelBuffer photo = SmallClassifier.Image(Seed, width, height);
        int bytes = format.BytesPerPixel(), stride = width * bytes + padding;
        byte[] pixels = new byte[stride * height];
        bool isBlueFirst = format is not PixelFormat.Rgba32;
        for (int y = 0; y < height; y++)
            for (int i = 0; i < width * 3; i++)
                pixels[y * stride + i / 3 * bytes + (isBlueFirst ? 2 - i % 3 : i % 3)] = photo.Pixels.Span[y * width * 3 + i];
        ClassActivationMap map = Map([1, 2, 3, 4], 2, 2);
        CollectionAssert.AreEqual(
            map.Overlay(photo).Pixels.ToArray(), map.Overlay(new PixelSpan(pixels, width, height, format, stride)).Pixels.ToArray());
    }

    [TestMethod]
    public void What_it_is_asked_must_make_sense()
    {
        ClassActivationMap map = Map([1, 2], 1, 2);
        PixelBuffer photo = SmallClassifier.Image(1);
        foreach (float opacity in new[] { -0.1f, 1.1f, float.NaN })
            Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => map.Overlay(photo, opacity));
        StringAssert.Contains(
            Assert.ThrowsExactly<ImageException>(() => map.Overlay(photo, new byte[5])).Message, "has 4320 bytes, but the span has 5");
        StringAssert.Contains(Assert.ThrowsExactly<ImageException>(() => map.Upsample(3, 2, new float[5])).Message, "6 values");
        Assert.ThrowsExactly<ImageException>(() => map.Upsample(0, 2, []));
        var gray = new PixelSpan(new byte[1], 1, 1, PixelFormat.Gray8);
        Assert.AreEqual(3, map.Overlay(gray).Pixels.Length);
    }

    private static ClassActivationMap Map(float[] values, int rows, int columns, ImagePreset? preset = null) =>
        new(new Prediction(3, "some class", 0.25f), 2, 0.5f, rows, columns, rows * columns, values, preset);

    private static Rgb Pixel(byte[] rgb, int pixel) => new(rgb[pixel * 3], rgb[pixel * 3 + 1], rgb[pixel * 3 + 2]);

    /// <summary>Where the centre of a pixel comes to lie in the crop, after torchvision's rules.</summary>
    private static double InCrop(int pixel, int size, int resized, int crop)
    {
        double place = (pixel + 0.5) * resized / size;
        return crop > resized ? place + (crop - resized) / 2 : place - Math.Round((resized - crop) / 2.0, MidpointRounding.ToEven);
    }

    /// <summary>Contribution of one of the map's pixels at a place: a triangle around its centre, level at the map's ends.</summary>
    private static double Share(double place, int pixel, int count, int crop)
    {
        double unit = (double)crop / count, centre = (pixel + 0.5) * unit;
        if ((pixel == 0 && place < centre) || (pixel == count - 1 && place > centre)) return 1;
        return Math.Max(0, 1 - Math.Abs(place - centre) / unit);
    }
}
