using System.Buffers.Binary;
using System.IO.Compression;
using System.IO.Hashing;
using System.Text.Json;
using IlgpuResNet.Cli;
using IlgpuResNet.Kernels.Simd;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Tests;

/// <summary>The tool as its user meets it: exit codes, one line per error, never a stack trace.</summary>
[TestClass]
public sealed class CommandLineTests : CommandLineFixture
{
    [TestMethod]
    [DataRow("")]
    [DataRow("info")]
    [DataRow("convert")]
    [DataRow("download")]
    [DataRow("classify")]
    [DataRow("embed")]
    public async Task Help_that_goes_to_a_file_has_lines_below_120_columns(string command)
    {
        CommandLineResult result = await Run([.. command.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--help"]);
        Assert.AreEqual(0, result.ExitCode, result.Error);
        StringAssert.Contains(result.Output, "--help");
        foreach (string line in result.Output.Split(Environment.NewLine)) Assert.IsLessThan(120, line.Length, line);
    }

    [TestMethod]
    public async Task Classify_prints_a_label_with_its_probability()
    {
        CommandLineResult result = await Run("classify", Photo, "--weights", Weights, "--device", "cpu", "--top", "2");
        Assert.AreEqual(0, result.ExitCode, result.Error);
        Assert.AreEqual("", result.Error);
        Assert.MatchesRegex(@"baseline-q100\.jpg +class \d +\d+\.\d %", result.Output);
    }

    /// <summary>The ten images are the first of each class in the test set; their names start with the class.</summary>
    [TestMethod]
    public async Task The_boxed_model_gets_at_least_nine_of_its_ten_images_right()
    {
        CommandLineResult result =
            await Run("classify", Path.Combine(AppContext.BaseDirectory, "data", "fashion-mnist"), "--device", "cpu", "--json");
        Assert.AreEqual(0, result.ExitCode, result.Error);
        JsonElement[] images = [.. JsonDocument.Parse(result.Output).RootElement.EnumerateArray()];
        Assert.HasCount(10, images);
        int right = images.Count(image => Path.GetFileName(image.GetProperty("image").GetString()!)
            .StartsWith($"{image.GetProperty("predictions")[0].GetProperty("index").GetInt32()}-", StringComparison.Ordinal));
        Assert.IsGreaterThanOrEqualTo(9, right);
    }

    [TestMethod]
    public async Task Classify_gives_json_with_one_entry_per_image_and_goes_on_after_a_bad_one()
    {
        string bad = Write("bad.jpg", "not a picture"u8);
        File.Copy(Photo, InFolder("good.jpg"));
        CommandLineResult result =
            await Run("classify", Folder, "--weights", Weights, "--device", "cpu", "--batch", "4", "--json", "--top", "3");
        Assert.AreEqual(Program.Failure, result.ExitCode);
        string[] lines = result.Error.Split(Environment.NewLine, 2);
        Assert.AreEqual($"note: {Folder}: 1 file skipped: 1 .safetensors", lines[0]);
        AssertOneLine(lines[1], bad);
        JsonElement[] images = [.. JsonDocument.Parse(result.Output).RootElement.EnumerateArray()];
        Assert.HasCount(2, images);
        Assert.IsTrue(images[0].TryGetProperty("error", out _));
        Assert.AreEqual(3, images[1].GetProperty("predictions").GetArrayLength());
        Assert.IsTrue(images[1].GetProperty("predictions")[0].GetProperty("probability").GetSingle() > 0.1f);
    }

    [TestMethod]
    public async Task A_batch_and_single_images_give_the_same_answers()
    {
        for (int i = 0; i < 5; i++) File.Copy(Photo, InFolder($"{i}.jpg"));
        CommandLineResult one = await Run("classify", Folder, "--weights", Weights, "--device", "cpu", "--json", "--batch", "1");
        CommandLineResult three = await Run("classify", Folder, "--weights", Weights, "--device", "cpu", "--json", "--batch", "3");
        Assert.AreEqual(0, one.ExitCode, one.Error);
        Assert.AreEqual(one.Output, three.Output);
    }

    [TestMethod]
    [DataRow("--threads 1", 1)]
    [DataRow("", 0)]
    public async Task As_many_threads_work_as_were_asked_for(string option, int threads)
    {
        string input = InFolder("in.npy"), output = InFolder("out.npy");
        new NpyArray([1, 3, 40, 36], new float[3 * 40 * 36]).Save(input);
        var kernels = (SimdKernels)ComputeDevice.Cpu.Open().Kernels;
        string[] options = ["--weights", Weights, "--device", "cpu", .. option.Split(' ', StringSplitOptions.RemoveEmptyEntries)];
        foreach (string[] command in (string[][])[["classify", Photo], ["embed", Photo, "-o", output], ["run", "-i", input, "-o", output]])
        {
            int started = 0;
            kernels.Working = change => Interlocked.Add(ref started, Math.Max(change, 0));
            try
            {
                CommandLineResult result = await Run([.. command, .. options]);
                Assert.AreEqual(0, result.ExitCode, result.Error);
            }
            finally
            {
                kernels.Working = null;
            }
            Assert.AreEqual(threads > 0 ? threads : Environment.ProcessorCount, started, command[0]);
        }
    }

    [TestMethod]
    public async Task A_one_pixel_image_is_classified()
    {
        // The smallest BMP: a header of 54 bytes and one padded row.
        byte[] bmp = new byte[58];
        "BM"u8.CopyTo(bmp);
        foreach ((int offset, int value) in new[] { (2, 58), (10, 54), (14, 40), (18, 1), (22, 1), (26, 1 | (24 << 16)), (34, 4) })
            BinaryPrimitives.WriteInt32LittleEndian(bmp.AsSpan(offset), value);
        CommandLineResult result = await Run("classify", Write("one.bmp", bmp), "--weights", Weights, "--device", "cpu");
        Assert.AreEqual(0, result.ExitCode, result.Error);
    }

    [TestMethod]
    public async Task Bad_images_are_one_line_and_exit_code_1()
    {
        byte[] photo = File.ReadAllBytes(Photo);
        (string File, string Message)[] cases =
        [
            (InFolder("missing.jpg"), "missing.jpg"),
            (Write("empty.png", []), "empty"),
            (Write("text.jpg", "hello"u8), "text.jpg"),
            (Write("cut.jpg", photo.AsSpan(0, photo.Length / 2)), "cut.jpg"),
            (Write("huge.png", PngHeader(40_000, 40_000)), "40000x40000"),
        ];
        foreach ((string file, string message) in cases)
            AssertFails(await Run("classify", file, "--weights", Weights, "--device", "cpu"), message);
        AssertFails(await Run("classify", Directory.CreateDirectory(InFolder("nothing")).FullName, "--weights", Weights), "no images");
    }

    [TestMethod]
    public async Task Bad_weights_are_one_line_and_exit_code_1()
    {
        using ResNet model = ResNet.Create(Thin, 3);
        var tensors = model.Weights.Values.Select(tensor => (tensor.Name, tensor.Shape, Values: tensor.ToArray())).ToArray();
        string missing = InFolder("missing.safetensors"), wrong = InFolder("wrong.safetensors");
        StateDict.Create(tensors.Where(tensor => tensor.Name != "layer2.1.bn2.bias")).Save(missing);
        StateDict.Create(tensors.Select(
            tensor => tensor.Name == "layer1.1.conv2.weight" ? (tensor.Name, [2, 2, 3, 1], tensor.Values[..12]) : tensor)).Save(wrong);
        (string File, string Message)[] cases =
        [
            (InFolder("nothere.pth"), "nothere.pth"),
            (Write("empty.safetensors", []), "empty.safetensors"),
            (Write("text.pth", "just some text that is no model"u8), "text.pth"),
            (missing, "missing.safetensors: tensor layer2.1.bn2.bias is missing; shape [4] was expected"),
            (wrong, "wrong.safetensors: tensor layer1.1.conv2.weight has shape [2, 2, 3, 1], but [2, 2, 3, 3] was expected"),
            (Path.Combine(AppContext.BaseDirectory, "data", "weights", "evil.pth"), "holds no ResNet"),
        ];
        foreach ((string file, string message) in cases)
            AssertFails(await Run("classify", Photo, "--weights", file, "--device", "cpu"), message);
    }

    [TestMethod]
    public async Task Weights_with_NaN_warn_on_one_line_and_run()
    {
        using ResNet model = ResNet.Create(Thin, 3);
        var tensors = model.Weights.Values.Select(tensor => (tensor.Name, tensor.Shape, Values: tensor.ToArray())).ToArray();
        tensors.Single(tensor => tensor.Name == "conv1.weight").Values[0] = float.NaN;
        StateDict.Create(tensors).Save(Weights);
        CommandLineResult result = await Run("classify", Photo, "--weights", Weights, "--device", "cpu");
        Assert.AreEqual(0, result.ExitCode);
        StringAssert.StartsWith(result.Error, $"warning: {Weights}: conv1.weight holds NaN");
        Assert.AreEqual(1, result.Error.Count(c => c == '\n'));
    }

    [TestMethod]
    public async Task Unknown_devices_are_one_line_that_lists_the_devices()
    {
        AssertFails(await Run("classify", Photo, "--weights", Weights, "--device", "cuda:99"), "cpu");
        AssertFails(await Run("classify", Photo, "--weights", Weights, "--device", "tpu"), "cpu");
    }

    [TestMethod]
    [DataRow("--batch 0", "--batch must be a whole number")]
    [DataRow("--batch many", "--batch must be a whole number")]
    [DataRow("--threads 0", "--threads must be a whole number")]
    [DataRow("--threads 100000", "--threads must be a whole number")]
    [DataRow("--top 0", "--top must be a whole number")]
    [DataRow("--variant v3", "--variant must be one of v1.5, v1, v1-relu-before-add, v2, but is 'v3'")]
    [DataRow("--nonsense", "--nonsense")]
    [DataRow("-z", "there is no option '-z'")]
    [DataRow("--labels ", "--labels must be a path")]
    public async Task Wrong_usage_is_one_line_and_exit_code_2(string arguments, string message)
    {
        CommandLineResult result = await Run(["classify", Photo, "--weights", Weights, .. arguments.Split(' ')]);
        Assert.AreEqual(Program.WrongUsage, result.ExitCode);
        AssertOneLine(result.Error, message);
    }

    [TestMethod]
    public async Task No_command_is_wrong_usage() => Assert.AreEqual(Program.WrongUsage, (await Run([])).ExitCode);

    [TestMethod]
    public async Task Class_names_must_be_as_many_as_classes()
    {
        string names = Write("names.txt", "a\nb\n"u8);
        AssertFails(await Run("classify", Photo, "--weights", Weights, "--device", "cpu", "--labels", names),
            $"{names}: has 2 names, but {Weights} has 10 classes");
        AssertFails(await Run("classify", Photo, "--weights", Weights, "--device", "cpu", "--labels", InFolder("none.txt")), "none.txt");
    }

    [TestMethod]
    public async Task Run_writes_logits_and_refuses_what_does_not_fit()
    {
        string input = InFolder("in.npy"), output = InFolder("out.npy");
        new NpyArray([3, 3, 40, 36], new float[3 * 3 * 40 * 36]).Save(input);
        CommandLineResult result =
            await Run("run", "--weights", Weights, "--input", input, "--output", output, "--device", "cpu", "--batch", "2");
        Assert.AreEqual(0, result.ExitCode, result.Error);
        NpyArray logits = NpyArray.Load(output);
        CollectionAssert.AreEqual(new[] { 3, 10 }, logits.Shape);
        CollectionAssert.AreEqual(logits.Values[..10], logits.Values[20..], "equal images in different batches");

        AssertFails(await Run("run", "--weights", Weights, "--input", input, "--output", Path.Combine(Folder, "no", "out.npy"), "--device",
            "cpu"), "cannot be written");
        AssertFails(await Run("run", "--weights", Weights, "--input", Photo, "--output", output, "--device", "cpu"), "NumPy");
        new NpyArray([1, 1, 32, 32], new float[32 * 32]).Save(input);
        AssertFails(await Run("run", "--weights", Weights, "--input", input, "--output", output, "--device", "cpu"), "3 channels");
        new NpyArray([3, 32, 32], new float[3 * 32 * 32]).Save(input);
        AssertFails(await Run("run", "--weights", Weights, "--input", input, "--output", output, "--device", "cpu"), "[N, C, H, W]");
    }

    [TestMethod]
    public async Task Info_shows_layers_and_the_arena()
    {
        CommandLineResult result = await Run("info", "--model", "resnet50");
        Assert.AreEqual(0, result.ExitCode, result.Error);
        StringAssert.Contains(result.Output, "layer4.2.conv3");
        StringAssert.Contains(result.Output, "25,557,032");
        StringAssert.Contains(result.Output, "arena");
    }

    [TestMethod]
    public async Task Devices_lists_the_processor()
    {
        CommandLineResult result = await Run("devices");
        Assert.AreEqual(0, result.ExitCode, result.Error);
        StringAssert.Contains(result.Output, "cpu");
    }

    /// <summary>A PNG that claims a size and holds a few bytes of pixels.</summary>
    private static byte[] PngHeader(int width, int height)
    {
        using var png = new MemoryStream();
        png.Write([0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A]);
        byte[] header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9]) = (8, 2);
        using var pixels = new MemoryStream();
        using (var zlib = new ZLibStream(pixels, CompressionLevel.Fastest, leaveOpen: true)) zlib.Write(new byte[1000]);
        WriteChunk("IHDR"u8, header);
        WriteChunk("IDAT"u8, pixels.ToArray());
        WriteChunk("IEND"u8, []);
        return png.ToArray();

        void WriteChunk(ReadOnlySpan<byte> type, ReadOnlySpan<byte> data)
        {
            byte[] chunk = new byte[12 + data.Length];
            BinaryPrimitives.WriteInt32BigEndian(chunk, data.Length);
            type.CopyTo(chunk.AsSpan(4));
            data.CopyTo(chunk.AsSpan(8));
            BinaryPrimitives.WriteUInt32BigEndian(chunk.AsSpan(8 + data.Length), Crc32.HashToUInt32(chunk.AsSpan(4, 4 + data.Length)));
            png.Write(chunk);
        }
    }
}
