using IlgpuResNet.Cli;
using IlgpuResNet.Graphs;
using IlgpuResNet.Models;
using IlgpuResNet.Onnx;

namespace IlgpuResNet.Tests;

/// <summary>The options for how images are prepared, on the command line and in the files that <c>convert</c> writes.</summary>
[TestClass]
public sealed class PresetOptionsTests : CommandLineFixture
{
    private static readonly string[] AllParts =
        ["--resize", "50x60", "--crop", "40x48", "--interpolation", "lanczos", "--mean", "1,2,3", "--std", "4,5,6", "--channels", "bgr",
            "--scale", "1/127.5"];

    private static readonly ImagePreset AllChanged = new()
    {
        ResizeSize = 50,
        ResizeWidth = 60,
        CropSize = 40,
        CropWidth = 48,
        Interpolation = Interpolation.Lanczos,
        Mean = (1, 2, 3),
        Std = (4, 5, 6),
        Channels = ChannelOrder.Bgr,
        Scale = 1 / 127.5,
    };

    [TestMethod]
    public async Task Options_prepare_as_the_same_preset_of_the_library()
    {
        await AssertPrepares(AllChanged, AllParts);
        await AssertPrepares(ImagePreset.ImageNet1KV2 with { Mean = (0.5f, 0.5f, 0.5f) }, "--preset", "imagenet-v2", "--mean", "0.5");
        var small = new ImagePreset { ResizeSize = 40, CropSize = 40, Scale = 1 };
        await AssertPrepares(small, "--resize", "40", "--crop", "40", "--scale", "1");
    }

    [TestMethod]
    public async Task Presets_of_Keras_are_its_three_modes()
    {
        ImagePreset small = new() { ResizeSize = 32, ResizeWidth = 32, CropSize = 32 };
        string[] sizes = ["--resize", "32x32", "--crop", "32"];
        byte[] pixels = new byte[32 * 32 * 3];
        new Random(5).NextBytes(pixels);
        string image = InFolder("noise.png");
        ImageFile.SavePng(new PixelBuffer(pixels, 32, 32), image);
        await AssertMode("caffe", (value, c) => value - new[] { 103.939f, 116.779f, 123.68f }[c], bgr: true);
        await AssertMode("tf", (value, _) => (float)(value / 127.5) - 1, bgr: false);
        await AssertMode(
            "torch", (value, c) => (value / 255f - new[] { 0.485f, 0.456f, 0.406f }[c]) / new[] { 0.229f, 0.224f, 0.225f }[c], bgr: false);

        async Task AssertMode(string mode, Func<byte, int, float> expected, bool bgr)
        {
            float[] tensor = await Prepare(image, ["--preset", $"keras-{mode}", .. sizes]);
            for (int i = 0; i < pixels.Length; i++)
            {
                int channel = i / (32 * 32), pixel = i % (32 * 32);
                byte value = pixels[pixel * 3 + (bgr ? 2 - channel : channel)];
                Assert.AreEqual(expected(value, channel), tensor[i], 1e-4f, $"{mode}, element {i}, seed 5");
            }
        }
    }

    [TestMethod]
    public async Task Convert_writes_the_preset_and_the_next_command_reads_it()
    {
        string safetensors = InFolder("a.safetensors"), onnx = InFolder("b.onnx"), back = InFolder("c.safetensors");
        Assert.AreEqual(0, (await Run(["convert", Weights, safetensors, .. AllParts])).ExitCode);
        Assert.AreEqual(0, (await Run("convert", safetensors, onnx)).ExitCode);
        Assert.AreEqual(0, (await Run("convert", onnx, back)).ExitCode);
        foreach (string path in new[] { safetensors, onnx, back })
        {
            using Model model = Model.Load(path);
            Assert.AreEqual(AllChanged, model.Preset, path);
        }
        CommandLineResult result = await Run("classify", Photo, "--weights", onnx, "--device", "cpu");
        Assert.AreEqual(0, result.ExitCode, result.Error);
    }

    /// <summary>A file that is fixed to a size says how images get it; where it does not, they cover it in their proportions.</summary>
    [TestMethod]
    public async Task Networks_with_a_rectangular_input_take_images()
    {
        string with = InFolder("with.onnx"), without = InFolder("without.onnx");
        var options = new OnnxExportOptions { Height = 64, Width = 96 };
        using ResNet model = ResNet.Create(Thin, 3);
        OnnxExport.Save(model, with, options);
        Graph graph = ResNetGraph.Build(model.Config, model.Weights) with { Outputs = [ResNetGraph.LogitsName] };
        using (FileStream file = File.Create(without))
            OnnxWriter.Write(file, OnnxExporter.Export(graph, options, new Dictionary<string, string>()));
        var expected = new ImagePreset { ResizeSize = 73, CropSize = 64, CropWidth = 96 };
        foreach (string path in new[] { with, without })
        {
            using (Model loaded = Model.Load(path)) Assert.AreEqual(expected, loaded.Preset, path);
            CommandLineResult result = await Run("classify", Photo, "--weights", path, "--device", "cpu");
            Assert.AreEqual(0, result.ExitCode, result.Error);
        }
    }

    [TestMethod]
    [DataRow("--mean 1,2", "--mean must be three numbers as in 0.485,0.456,0.406, or one, but is '1,2'")]
    [DataRow("--mean nan", "--mean must be three numbers")]
    [DataRow("--std 1,0,1", "--std must be three positive numbers, or one, but is '1,0,1'")]
    [DataRow("--scale 1/0", "--scale must be a positive number or fraction, such as 1/255 or 1, but is '1/0'")]
    [DataRow("--resize 0", "--resize must be a whole number of pixels from 1 to 16384")]
    [DataRow("--crop 224x", "--crop must be a whole number of pixels from 1 to 16384, or two as in 224x224, but is '224x'")]
    [DataRow("--interpolation spline", "--interpolation must be one of bilinear, bicubic, nearest, box, hamming, lanczos")]
    [DataRow("--channels gbr", "--channels must be one of rgb, bgr, but is 'gbr'")]
    [DataRow("--preset v3", "--preset must be one of imagenet-v1, imagenet-v2, keras-caffe, keras-tf, keras-torch")]
    public async Task Wrong_values_are_one_line_and_exit_code_2(string arguments, string message)
    {
        CommandLineResult result = await Run(["classify", Photo, .. arguments.Split(' ')]);
        Assert.AreEqual(Program.WrongUsage, result.ExitCode, result.Error);
        AssertOneLine(result.Error, message);
    }

    private async Task AssertPrepares(ImagePreset preset, params string[] options)
    {
        float[] actual = await Prepare(Photo, options);
        using ResNet model = ResNet.Load(Weights, preset: preset);
        using var session = new InferenceSession(model, ComputeDevice.Get("cpu"));
        float[] expected = new float[session.Input.Length];
        session.Prepare(ImageFile.Load(Photo), expected);
        CollectionAssert.AreEqual(expected, actual, preset.ToString());
    }

    private async Task<float[]> Prepare(string image, params string[] options)
    {
        string path = InFolder("prepared.npy");
        CommandLineResult result = await Run(["prepare", image, "--weights", Weights, "--device", "cpu", "--output", path, .. options]);
        Assert.AreEqual(0, result.ExitCode, result.Error);
        return TensorFile.Load(path).Values;
    }
}
