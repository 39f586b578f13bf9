using IlgpuResNet.Pixels;

namespace IlgpuResNet.Tests;

/// <summary>The arithmetic of preprocessing that needs no device: the pixels under the crop, and image sizes that are refused.</summary>
[TestClass]
public sealed class ImageResamplingTests
{
    private static readonly ImagePreset Preset = new() { ResizeSize = 4, CropSize = 4 };

    [TestMethod]
    [DataRow(PixelFormat.Rgb24)]
    [DataRow(PixelFormat.Bgra32)]
    [DataRow(PixelFormat.Gray8)]
    public void Only_the_pixels_under_the_crop_are_packed(PixelFormat format)
    {
        // The short side has the resized length already, and the crop takes columns 2 to 5 of 8.
        const int width = 8, height = 4, first = 2, taken = 4, slack = 5;
        int pixel = format.BytesPerPixel(), stride = width * pixel + slack;
        byte[] bytes = [.. Enumerable.Range(0, height * stride).Select(i => (byte)i)];
        var resampling = ImageResampling.Create(width, height, Preset);
        Assert.AreEqual(height, resampling.Rows);
        Assert.AreEqual(taken * pixel, resampling.RowBytes(format));
        byte[] packed = new byte[resampling.PackedLength(format)];
        resampling.Pack(new PixelSpan(bytes, width, height, format, stride), packed);
        byte[] expected = [.. Enumerable.Range(0, height).SelectMany(
            y => bytes.AsSpan(y * stride + first * pixel, taken * pixel).ToArray())];
        CollectionAssert.AreEqual(expected, packed);
    }

    [TestMethod]
    public void A_size_is_its_own_alone()
    {
        var resampling = ImageResampling.Create(8, 4, Preset);
        Assert.IsTrue(resampling.IsFor(new PixelSpan(new byte[32], 8, 4, PixelFormat.Gray8)));
        Assert.IsFalse(resampling.IsFor(new PixelSpan(new byte[32], 4, 8, PixelFormat.Gray8)));
        Assert.IsFalse(resampling.IsFor(default));
    }

    [TestMethod]
    [DataRow(0, 5, "no pixels")]
    [DataRow(5, 0, "no pixels")]
    [DataRow(1 << 15, 1 << 14, "too large")]
    [DataRow(1, 1 << 28, "too narrow")]
    public void Sizes_that_no_kernel_can_index_are_refused(int width, int height, string reason) =>
        StringAssert.Contains(
            Assert.ThrowsExactly<ImageException>(() => ImageResampling.Create(width, height, new ImagePreset())).Message, reason);
}
