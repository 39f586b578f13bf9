using IlgpuResNet.Pixels;

namespace IlgpuResNet.Tests;

/// <summary>The weights and the geometry of preprocessing, without a device.</summary>
[TestClass]
public sealed class ResampleCoefficientsTests
{
    private const int One = 1 << ResampleCoefficients.PrecisionBits;

    [TestMethod]
    public void Halving_is_a_triangle_of_four()
    {
        var c = ResampleCoefficients.Create(8, 4, 0, 4, Interpolation.Bilinear);
        Assert.AreEqual(5, c.MaxTaps);
        AssertEqual([0, 3, 1, 4, 3, 4, 5, 3], c.Bounds);
        AssertEqual([One / 8, One * 3 / 8, One * 3 / 8, One / 8, 0], c.Weights[5..10]);
        Assert.AreEqual(0, c.InputStart);
        Assert.AreEqual(8, c.InputEnd);
    }

    [TestMethod]
    public void Same_size_is_a_copy_with_either_filter()
    {
        var c = ResampleCoefficients.Create(9, 9, 2, 3, Interpolation.Bicubic);
        AssertEqual([2, 1, 3, 1, 4, 1], c.Bounds);
        AssertEqual([One, One, One], c.Weights);
    }

    [TestMethod]
    public void One_pixel_is_spread_over_all_outputs()
    {
        var c = ResampleCoefficients.Create(1, 7, 0, 7, Interpolation.Bicubic);
        Assert.AreEqual(1, c.MaxTaps);
        AssertEqual([One, One, One, One, One, One, One], c.Weights);
    }

    [TestMethod]
    public void Weights_sum_to_one_and_a_part_equals_the_whole_there()
    {
        const int seed = 5;
        var random = new Random(seed);
        for (int i = 0; i < 300; i++)
        {
            int input = random.Next(1, 500), output = random.Next(1, 500);
            var interpolation = (Interpolation)random.Next(2);
            string message = $"seed {seed}, {input} to {output}, {interpolation}";
            var whole = ResampleCoefficients.Create(input, output, 0, output, interpolation);
            int start = random.Next(output);
            int count = random.Next(1, output - start + 1);
            var part = ResampleCoefficients.Create(input, output, start, count, interpolation);
            CollectionAssert.AreEqual(whole.Weights[(start * whole.MaxTaps)..((start + count) * whole.MaxTaps)], part.Weights, message);
            CollectionAssert.AreEqual(whole.Bounds[(2 * start)..(2 * (start + count))], part.Bounds, message);
            for (int o = 0; o < output; o++)
            {
                int sum = whole.Weights.AsSpan(o * whole.MaxTaps, whole.MaxTaps).ToArray().Sum();
                // Each weight is rounded by at most a half.
                Assert.AreEqual(One, sum, whole.MaxTaps / 2.0 + 1, message);
                Assert.IsLessThanOrEqualTo(input, whole.Bounds[2 * o] + whole.Bounds[2 * o + 1], message);
            }
        }
    }

    [TestMethod]
    [DataRow(0, 1, 0, 1)]
    [DataRow(1, 4, 3, 2)]
    [DataRow(1, 4, -1, 2)]
    [DataRow(1, 4, 0, 0)]
    public void Impossible_ranges_are_refused(int input, int output, int start, int count) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => ResampleCoefficients.Create(input, output, start, count, Interpolation.Bilinear));

    [TestMethod]
    // width, height, resize, crop: resized width and height, offsets, padding, taken pixels; from torchvision.
    [DataRow(500, 375, 256, 224, 341, 256, 58, 16, 0, 0, 224, 224)]
    [DataRow(375, 500, 256, 224, 256, 341, 16, 58, 0, 0, 224, 224)]
    [DataRow(333, 500, 232, 224, 232, 348, 4, 62, 0, 0, 224, 224)]
    [DataRow(100, 103, 100, 100, 100, 103, 0, 2, 0, 0, 100, 100)]
    [DataRow(100, 101, 100, 100, 100, 101, 0, 0, 0, 0, 100, 100)]
    [DataRow(10, 30, 10, 15, 10, 30, 0, 8, 2, 0, 10, 15)]
    [DataRow(1, 1, 256, 224, 256, 256, 16, 16, 0, 0, 224, 224)]
    public void Geometry_is_torchvisions(
        int width, int height, int resize, int crop, int resizedW, int resizedH, int left, int top, int padLeft, int padTop, int takenW,
        int takenH)
    {
        var geometry = PreprocessGeometry.Create(width, height, new ImagePreset { ResizeSize = resize, CropSize = crop });
        Assert.AreEqual(new PreprocessAxis(width, resizedW, left, padLeft, takenW), geometry.X);
        Assert.AreEqual(new PreprocessAxis(height, resizedH, top, padTop, takenH), geometry.Y);
    }

    [TestMethod]
    public void Image_beyond_an_int_after_the_resize_is_refused() =>
        Assert.ThrowsExactly<ImageException>(() => PreprocessGeometry.Create(1, 1 << 28, new ImagePreset()));

    private static void AssertEqual(int[] expected, int[] actual) => CollectionAssert.AreEqual(expected, actual);
}
