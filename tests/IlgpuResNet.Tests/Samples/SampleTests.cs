namespace IlgpuResNet.Tests.Samples;

/// <summary>The programs of <c>samples/</c>, run with the model in the box.</summary>
[TestClass]
public sealed class SampleTests
{
    private readonly string folder = Directory.CreateTempSubdirectory("ilgpu-resnet-samples-").FullName;

    [TestCleanup]
    public void DeleteFolder() => Directory.Delete(folder, recursive: true);

    [TestMethod]
    public void ClassifyImage_writes_the_most_probable_classes()
    {
        (int exitCode, string[] output, string error) =
            SampleProgram.Run("ClassifyImage", null, SampleProgram.Pullover, SampleProgram.Weights);
        Assert.AreEqual(0, exitCode, error);
        Assert.HasCount(3, output);
        StringAssert.EndsWith(output[0], "% Pullover");
    }

    [TestMethod]
    public void ClassifyFolder_writes_each_image_and_goes_on_after_a_damaged_one()
    {
        foreach (string image in Directory.GetFiles(SampleProgram.Images)) File.Copy(image, Path.Combine(folder, Path.GetFileName(image)));
        File.WriteAllText(Path.Combine(folder, "5-damaged.png"), "no image");
        (int exitCode, string[] output, string error) = SampleProgram.Run("ClassifyFolder", null, folder, SampleProgram.Weights);
        Assert.AreEqual(0, exitCode, error);
        Assert.HasCount(12, output);
        StringAssert.StartsWith(
            output.Single(line => line.StartsWith("2-pullover.png", StringComparison.Ordinal)), "2-pullover.png: Pullover ");
        StringAssert.Contains(output.Single(line => line.StartsWith("5-damaged.png", StringComparison.Ordinal)), "not an image");
        Assert.AreEqual("11 images, 1 failed.", output[^1]);
    }

    [TestMethod]
    public void ClassifyFolder_says_what_is_wrong_in_one_line()
    {
        (int exitCode, _, string error) = SampleProgram.Run("ClassifyFolder", null, Path.Combine(folder, "none"), SampleProgram.Weights);
        Assert.AreEqual(1, exitCode);
        StringAssert.Contains(error, "none");
        Assert.DoesNotContain("   at ", error);
    }

    [TestMethod]
    public void CameraFrames_classifies_the_newest_frames_of_a_stream()
    {
        PixelSpan image = ImageFile.Load(SampleProgram.Pullover);
        byte[] frame = new byte[image.Width * image.Height * 3];
        for (int y = 0; y < image.Height; y++)
        {
            // The file is gray, so its three channels are equal in any order.
            for (int x = 0; x < 3 * image.Width; x++)
                frame[y * 3 * image.Width + x] = image.Pixels[y * image.Stride + x / 3 * image.Format.BytesPerPixel()];
        }
        byte[] stream = [.. frame, .. frame, .. frame];
        (int exitCode, string[] output, string error) =
            SampleProgram.Run("CameraFrames", stream, $"{image.Width}", $"{image.Height}", SampleProgram.Weights);
        Assert.AreEqual(0, exitCode, error);
        StringAssert.StartsWith(output[^1], "3 frames: ");
        Assert.IsGreaterThan(1, output.Length);
        foreach (string line in output[..^1]) StringAssert.Contains(line, ": Pullover ");
    }

    [TestMethod]
    public void ImageSearch_finds_the_copy_first()
    {
        foreach (string image in Directory.GetFiles(SampleProgram.Images)) File.Copy(image, Path.Combine(folder, Path.GetFileName(image)));
        (int exitCode, string[] output, string error) =
            SampleProgram.Run("ImageSearch", null, SampleProgram.Pullover, folder, SampleProgram.Weights);
        Assert.AreEqual(0, exitCode, error);
        Assert.HasCount(5, output);
        Assert.AreEqual($"1.0000 {Path.Combine(folder, "2-pullover.png")}", output[0]);
    }

    [TestMethod]
    [DataRow("ClassifyImage")]
    [DataRow("ClassifyFolder")]
    [DataRow("CameraFrames")]
    [DataRow("ImageSearch")]
    public void Without_arguments_a_sample_says_what_it_takes(string name)
    {
        (int exitCode, _, string error) = SampleProgram.Run(name, null);
        Assert.AreNotEqual(0, exitCode);
        StringAssert.Contains(error, name);
    }
}
