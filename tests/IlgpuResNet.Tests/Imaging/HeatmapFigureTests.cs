using IlgpuResNet.ActivationMaps;
using IlgpuResNet.Pixels;

namespace IlgpuResNet.Tests;

/// <summary>The heat map with a legend, and PNG files.</summary>
[TestClass]
public sealed class HeatmapFigureTests
{
    private const int Seed = 813;

    [TestMethod]
    public void The_photo_is_shown_enlarged_with_its_map_beside_the_colours()
    {
        const int side = 28, factor = 12;
        PixelBuffer photo = SmallClassifier.Image(Seed, side, side);
        ClassActivationMap map = Map("Ankle boot", [1, 2, 3, 4]);
        PixelBuffer figure = HeatmapFigure.Draw(map, photo);
        Assert.IsGreaterThan(side * factor, figure.Width);
        Assert.IsGreaterThan(side * factor, figure.Height);
        byte[] enlarged = RgbaPixels.Of(photo, factor);
        ReadOnlySpan<byte> overlay = map.Overlay(new PixelSpan(enlarged, side * factor, side * factor, PixelFormat.Rgba32)).Pixels.Span;
        byte[] pixels = RgbaPixels.Of(figure);
        (int left, int top) = Find(pixels, figure, overlay);
        for (int y = 0; y < side * factor; y++)
            for (int x = 0; x < side * factor; x++)
                Assert.AreEqual(At(overlay, 3, y * side * factor + x), At(pixels, 4, (top + y) * figure.Width + left + x), $"({x}, {y})");
        // Right of it the colours, the largest value on top.
        int bar = left + side * factor + 15;
        Assert.AreEqual(Viridis.At(1 - 0.5f / (side * factor)), At(pixels, 4, top * figure.Width + bar));
        Assert.AreEqual(Viridis.At(0.5f / (side * factor)), At(pixels, 4, (top + side * factor - 1) * figure.Width + bar));
    }

    /// <summary>Letters in the title, the values and the captions.</summary>
    [TestMethod]
    public void The_legend_has_text()
    {
        PixelBuffer photo = new(new byte[28 * 28], 28, 28, PixelFormat.Gray8);
        PixelBuffer figure = HeatmapFigure.Draw(Map("Ankle boot", [1, 2, 3, 4]), photo),
            other = HeatmapFigure.Draw(Map("Sandal", [1, 2, 3, 4]), photo);
        byte[] pixels = RgbaPixels.Of(figure), others = RgbaPixels.Of(other);
        Assert.IsTrue(Dark(pixels, 0, 26, 0, figure.Width), "title");
        Assert.IsTrue(Dark(pixels, figure.Height - 40, figure.Height, 0, figure.Width), "captions");
        Assert.IsTrue(Dark(pixels, 0, figure.Height, figure.Width - 50, figure.Width), "values");
        Assert.IsFalse(pixels.AsSpan().SequenceEqual(others), "another class");

        bool Dark(byte[] rgba, int fromRow, int toRow, int fromColumn, int toColumn)
        {
            for (int y = fromRow; y < toRow; y++)
                for (int x = fromColumn; x < toColumn; x++)
                    if (rgba[(y * figure.Width + x) * 4] < 0x80) return true;
            return false;
        }
    }

    [TestMethod]
    [DataRow(1, 900)]
    [DataRow(900, 1)]
    [DataRow(1, 1)]
    [DataRow(700, 500)]
    public void Photos_of_any_shape_have_a_legend(int width, int height)
    {
        foreach (float[] values in (float[][])[[1e30f, -1e30f, 0, 1e-30f], [2, 2, 2, 2], [float.NaN, float.NaN, float.NaN, float.NaN]])
        {
            PixelBuffer figure = HeatmapFigure.Draw(
                Map(new string('W', 300) + "犬\n", values), new PixelSpan(new byte[width * height], width, height, PixelFormat.Gray8));
            Assert.IsGreaterThan(Math.Max(width, 320), figure.Width + figure.Height);
        }
    }

    /// <summary>Fitting measures a text once for each letter that it leaves out: uncut, this name took minutes.</summary>
    [TestMethod]
    public void A_long_name_is_cut_before_it_is_fitted()
    {
        const int letters = 30_000;
        var clock = System.Diagnostics.Stopwatch.StartNew();
        HeatmapFigure.Draw(Map(new string('W', letters), [1, 2, 3, 4]), new PixelSpan(new byte[28 * 28], 28, 28, PixelFormat.Gray8));
        Assert.IsLessThan(TimeSpan.FromSeconds(2), clock.Elapsed);
    }

    [TestMethod]
    [DataRow(PixelFormat.Rgb24)]
    [DataRow(PixelFormat.Bgra32)]
    public void A_saved_picture_is_read_back_bit_by_bit(PixelFormat format)
    {
        using var folder = new WeightsFolder();
        string path = folder.PathOf("picture.png");
        File.WriteAllText(path, "an older file");
        byte[] pixels = new byte[7 * 5 * format.BytesPerPixel()];
        new Random(Seed).NextBytes(pixels);
        var picture = new PixelBuffer(pixels, 7, 5, format);
        ImageFile.SavePng(picture, path);
        PixelBuffer read = ImageFile.Load(path);
        Assert.AreEqual((7, 5), (read.Width, read.Height));
        CollectionAssert.AreEqual(RgbaPixels.Of(picture), RgbaPixels.Of(read), $"seed {Seed}");
        CollectionAssert.AreEqual(new[] { path }, Directory.GetFiles(Path.GetDirectoryName(path)!));
    }

    [TestMethod]
    public void A_picture_that_cannot_be_written_leaves_what_was_there()
    {
        using var folder = new WeightsFolder();
        PixelBuffer picture = SmallClassifier.Image(Seed);
        string nowhere = folder.PathOf(Path.Combine("no", "picture.png")), path = folder.PathOf("picture.png");
        Assert.AreEqual($"{nowhere}: the image cannot be written: its folder does not exist.",
            Assert.ThrowsExactly<ImageException>(() => ImageFile.SavePng(picture, nowhere)).Message);
        Directory.CreateDirectory(path);
        StringAssert.Contains(Assert.ThrowsExactly<ImageException>(() => ImageFile.SavePng(picture, path)).Message, "it is a folder");
        // No picture at all.
        string kept = folder.Write("kept.png", "kept"u8);
        Assert.ThrowsExactly<ImageException>(() => ImageFile.SavePng(default, kept));
        Assert.AreEqual("kept", File.ReadAllText(kept));
    }

    private static ClassActivationMap Map(string label, float[] values) =>
        new(new Prediction(3, label, 0.25f), 2.75f, 0.25f, 2, 2, 4, values, null);

    /// <summary>Where the photo begins: at the first pixel that is not white, text apart, has the first row of the overlay.</summary>
    private static (int Left, int Top) Find(byte[] pixels, PixelBuffer figure, ReadOnlySpan<byte> overlay)
    {
        for (int i = 0; i < figure.Width * (figure.Height - 1); i++)
        {
            bool all = true;
            for (int x = 0; x < 28 && all; x++) all = At(pixels, 4, i + x) == At(overlay, 3, x);
            if (all) return (i % figure.Width, i / figure.Width);
        }
        throw new AssertFailedException("The photo is not in the figure.");
    }

    private static Rgb At(ReadOnlySpan<byte> pixels, int channels, int pixel) =>
        new(pixels[pixel * channels], pixels[pixel * channels + 1], pixels[pixel * channels + 2]);
}
