using System.Runtime.InteropServices;
using System.Security.Cryptography;
using IlgpuResNet.SimulatedCuda;

namespace IlgpuResNet.Tests;

/// <summary>Preprocessing on the device against Pillow and torchvision: not one bit may differ.</summary>
public abstract class PreprocessTests(BackEnd backEnd)
{
    /// <summary>Simulated devices take milliseconds per thousand pixels.</summary>
    private const int SmallCrop = 8;
    private const int SmallImage = 40 * 40;

    public TestContext TestContext { get; set; } = null!;

    private TestDevice Device => TestDevice.Open(backEnd, TestContext);

    private IEnumerable<PreprocessCase> Cases => backEnd is BackEnd.SimulatedAmd or BackEnd.SimulatedNvidia or BackEnd.Ptx
        ? PreprocessCase.All.Where(c => c.Preset.CropSize <= SmallCrop && c.Width * c.Height <= SmallImage).Take(8)
        : PreprocessCase.All;

    [TestMethod]
    public void Result_is_bit_equal_to_torchvision()
    {
        TestDevice device = Device;
        int count = 0;
        foreach (var group in Cases.GroupBy(c => c.Preset))
        {
            using var preprocessor = device.CreatePreprocessor(group.Key);
            using var input = GuardedBuffer.Output(device.Accelerator, InputLength(group.Key));
            foreach (PreprocessCase c in group)
            {
                preprocessor.Upload(new PixelSpan(c.Image, c.Width, c.Height), input.View, 0);
                float[] floats = input.Read();
                if (c.HasBytes) CollectionAssert.AreEqual(c.Bytes, ToBytes(floats, c.Preset), c.ToString());
                Assert.AreEqual(c.Sha256, Hash(floats), c.ToString());
                count++;
            }
        }
        Assert.IsGreaterThanOrEqualTo(backEnd is BackEnd.SimulatedAmd or BackEnd.SimulatedNvidia or BackEnd.Ptx ? 8 : 300, count);
    }

    /// <summary>Every filter, stretched images, crops that are not square, blue first, other scales.</summary>
    [TestMethod]
    public void Any_preset_is_bit_equal_to_Pillow()
    {
        TestDevice device = Device;
        bool slow = backEnd is BackEnd.SimulatedAmd or BackEnd.SimulatedNvidia or BackEnd.Ptx;
        IEnumerable<PresetCase> cases = slow ? PresetCase.All.Where(c => c.Preset.CropSize <= SmallCrop).Take(12) : PresetCase.All;
        foreach (PresetCase c in cases)
            Assert.AreEqual(c.Sha256, Hash(Run(device, c.Preset, new PixelSpan(c.Image, c.Width, c.Height))), c.ToString());
    }

    [TestMethod]
    [DataRow(PixelFormat.Rgb24)]
    [DataRow(PixelFormat.Bgr24)]
    [DataRow(PixelFormat.Rgba32)]
    [DataRow(PixelFormat.Bgra32)]
    public void Pixel_format_and_stride_do_not_matter(PixelFormat format)
    {
        TestDevice device = Device;
        PreprocessCase c = PreprocessCase.All.First(c => c.HasBytes && c.Width > 20 && c.Width * c.Height < SmallImage);
        int bytesPerPixel = format.BytesPerPixel();
        int[] order = format is PixelFormat.Bgr24 or PixelFormat.Bgra32 ? [2, 1, 0] : [0, 1, 2];
        byte[] rgb = c.Image;
        foreach (int slack in new[] { 0, 1, 5 })
        {
            int stride = c.Width * bytesPerPixel + slack;
            byte[] pixels = new byte[(c.Height - 1) * stride + c.Width * bytesPerPixel];
            // Whatever lies in the alpha byte and behind a row must not show.
            new Random(7).NextBytes(pixels);
            for (int y = 0; y < c.Height; y++)
                for (int x = 0; x < c.Width; x++)
                    for (int channel = 0; channel < 3; channel++)
                        pixels[y * stride + x * bytesPerPixel + order[channel]] = rgb[(y * c.Width + x) * 3 + channel];
            Assert.AreEqual(c.Sha256, Hash(Run(device, c.Preset, new PixelSpan(pixels, c.Width, c.Height, format, stride))),
                $"{c}, {format}, stride {stride}");
        }
    }

    [TestMethod]
    public void Gray_is_the_same_value_in_all_channels()
    {
        TestDevice device = Device;
        var preset = new ImagePreset { ResizeSize = 9, CropSize = 8, Interpolation = Interpolation.Bicubic };
        byte[] gray = new byte[23 * 31];
        new Random(11).NextBytes(gray);
        byte[] rgb = [.. gray.SelectMany(value => new[] { value, value, value })];
        CollectionAssert.AreEqual(
            Run(device, preset, new PixelSpan(rgb, 23, 31)),
            Run(device, preset, new PixelSpan(gray, 23, 31, PixelFormat.Gray8)), "seed 11");
    }

    [TestMethod]
    public void Each_image_goes_to_its_slot()
    {
        TestDevice device = Device;
        PreprocessCase[] cases = [.. PreprocessCase.All.Where(c => c.Preset.CropSize == SmallCrop && c.Width * c.Height <= SmallImage)
            .GroupBy(c => c.Preset).First().Take(3)];
        ImagePreset preset = cases[0].Preset;
        int slot = InputLength(preset);
        using var preprocessor = device.CreatePreprocessor(preset);
        using var input = GuardedBuffer.Output(device.Accelerator, 3 * slot);
        // Back to front, and the sizes differ: weights and buffers of one image must not leak into the next.
        for (int n = 2; n >= 0; n--)
            preprocessor.Upload(new PixelSpan(cases[n].Image, cases[n].Width, cases[n].Height), input.View, n);
        float[] floats = input.Read();
        for (int n = 0; n < 3; n++)
            Assert.AreEqual(cases[n].Sha256, Hash(floats.AsSpan(n * slot, slot)), cases[n].ToString());
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => preprocessor.Upload(new PixelSpan(new byte[3], 1, 1), input.View, 3));
    }

    [TestMethod]
    public void Repeated_size_allocates_nothing_of_ours()
    {
        if (backEnd is BackEnd.Ptx || backEnd is BackEnd.Cuda && Simulator.Driver is not null)
            Assert.Inconclusive("What the interpreter allocates is no user's.");
        TestDevice device = Device;
        var preset = new ImagePreset { ResizeSize = 8, CropSize = 8 };
        using var preprocessor = device.CreatePreprocessor(preset);
        using var input = GuardedBuffer.Output(device.Accelerator, InputLength(preset));
        byte[] image = ImagingData.SeededImage(1, 300, 200);
        long Measure()
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            preprocessor.Upload(new PixelSpan(image, 300, 200), input.View, 0);
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
        Measure();
        // Two launches and a copy of the runtime's own; weights alone would be more.
        Assert.IsLessThan(4096, Enumerable.Range(0, 5).Min(_ => Measure()));
    }

    [TestMethod]
    public void Too_narrow_and_unusable_presets_are_refused_and_the_next_image_works()
    {
        TestDevice device = Device;
        PreprocessCase c = PreprocessCase.All.First(c => c.HasBytes && c.Width * c.Height <= SmallImage);
        using var input = GuardedBuffer.Output(device.Accelerator, InputLength(c.Preset));
        using (var preprocessor = device.CreatePreprocessor(c.Preset with { ResizeSize = 1 << 20 }))
            Assert.ThrowsExactly<ImageException>(() => preprocessor.Upload(new PixelSpan(new byte[3 * 5000], 5000, 1), input.View, 0));
        using (var preprocessor = device.CreatePreprocessor(c.Preset))
        {
            preprocessor.Upload(new PixelSpan(c.Image, c.Width, c.Height), input.View, 0);
            Assert.ThrowsExactly<ImageException>(() => preprocessor.Upload(default, input.View, 0));
            preprocessor.Upload(new PixelSpan(c.Image, c.Width, c.Height), input.View, 0);
            Assert.AreEqual(c.Sha256, Hash(input.Read()), c.ToString());
        }
        Assert.ThrowsExactly<ImageException>(() => device.CreatePreprocessor(c.Preset with { Std = (1, 0, 1) }));
        foreach (ImagePreset wrong in new[]
        {
            c.Preset with { CropSize = 0 }, c.Preset with { CropWidth = 0 }, c.Preset with { ResizeWidth = -1 },
            c.Preset with { Scale = 0 }, c.Preset with { Scale = double.NaN }, c.Preset with { Channels = (ChannelOrder)7 },
        })
            Assert.ThrowsExactly<ImageException>(() => device.CreatePreprocessor(wrong), wrong.ToString());
    }

    private static float[] Run(TestDevice device, ImagePreset preset, PixelSpan image)
    {
        using var preprocessor = device.CreatePreprocessor(preset);
        using var input = GuardedBuffer.Output(device.Accelerator, InputLength(preset));
        preprocessor.Upload(image, input.View, 0);
        return input.Read();
    }

    private static int InputLength(ImagePreset preset) => preset.InputHeight * preset.InputWidth * 3;

    private static string Hash(ReadOnlySpan<float> floats) => Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes(floats)));

    /// <summary>Undoes the normalisation.</summary>
    private static byte[] ToBytes(float[] floats, ImagePreset preset)
    {
        double[] mean = [preset.Mean.R, preset.Mean.G, preset.Mean.B];
        double[] std = [preset.Std.R, preset.Std.G, preset.Std.B];
        return [.. floats.Select((value, i) => (byte)Math.Clamp(Math.Round((value * std[i % 3] + mean[i % 3]) * 255), 0, 255))];
    }
}

[TestClass, TestCategory(VectorWidthTests.Category)]
public sealed class PreprocessCpuTests() : PreprocessTests(BackEnd.Cpu);

[TestClass]
public sealed class PreprocessSimulatedNvidiaTests() : PreprocessTests(BackEnd.SimulatedNvidia);

[TestClass]
public sealed class PreprocessSimulatedAmdTests() : PreprocessTests(BackEnd.SimulatedAmd);

[TestClass]
public sealed class PreprocessPtxTests() : PreprocessTests(BackEnd.Ptx);

[TestClass, TestCategory("OpenCL")]
public sealed class PreprocessOpenCLTests() : PreprocessTests(BackEnd.OpenCL);

[TestClass, TestCategory("Cuda")]
public sealed class PreprocessCudaTests() : PreprocessTests(BackEnd.Cuda);
