using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using IlgpuResNet.Devices;
using IlgpuResNet.Kernels.Simd;

namespace IlgpuResNet.Tests;

/// <summary>The measurements as their user starts them: what their files hold, what they leave behind, how they fail.</summary>
[TestClass]
public sealed class BenchTests : IDisposable
{
    private const string Model = "resnet18";

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly WeightsFolder folder = new();

    public required TestContext TestContext { get; set; }

    private string Json => folder.PathOf("figures.json");

    public void Dispose() => folder.Dispose();

    [TestMethod]
    public void Compare_gives_times_of_the_same_outputs_and_ends_in_the_ratio()
    {
        (int exitCode, string output, string error) =
            Run("compare", "--model", Model, "--batch", "2", "--threads", "1", "--rounds", "3", "--json", Json);
        Assert.AreEqual(0, exitCode, error);
        JsonElement figures = Figures();
        Assert.AreEqual(Model, figures.GetProperty("model").GetString());
        Assert.AreEqual(2, figures.GetProperty("batch").GetInt32());
        Assert.AreEqual(1, figures.GetProperty("threads").GetInt32());
        StringAssert.StartsWith(figures.GetProperty("peer").GetString(), "ONNX Runtime ");
        AssertPositive(figures, "ours_ms", "peer_ms", "ratio", "ours_processor_ms", "peer_processor_ms", "processor_ratio");
        // The project's bar for whole networks in float32, once for each engine.
        Assert.IsLessThanOrEqualTo(2e-5, figures.GetProperty("max_rel_error").GetDouble());
        string last = output.TrimEnd().Split('\n')[^1];
        Assert.AreEqual(string.Create(CultureInfo.InvariantCulture, $"ratio {figures.GetProperty("ratio").GetDouble():F3}"), last);
    }

    [TestMethod]
    [DataRow("cold", "ms")]
    [DataRow("memory", "mb")]
    public void Whole_processes_are_measured(string command, string unit)
    {
        (int exitCode, _, string error) = Run(command, "--model", Model, "--rounds", "1", "--json", Json);
        Assert.AreEqual(0, exitCode, error);
        JsonElement figures = Figures();
        AssertPositive(figures, $"ours_{unit}", $"peer_{unit}", "ratio");
        Assert.AreEqual(
            figures.GetProperty($"ours_{unit}").GetDouble() / figures.GetProperty($"peer_{unit}").GetDouble(),
            figures.GetProperty("ratio").GetDouble(), 1e-9, "of a single round");
    }

    [TestMethod]
    public void Vectors_lists_every_width_from_the_widest_to_none()
    {
        (int exitCode, _, string error) = Run("vectors", "--model", Model, "--rounds", "1", "--json", Json);
        Assert.AreEqual(0, exitCode, error);
        JsonElement[] widths = [.. Figures().GetProperty("widths").EnumerateArray()];
        int[] lanes = [.. widths.Select(width => width.GetProperty("lanes").GetInt32())];
        CollectionAssert.AreEqual(((int[])[16, 8, 4, 1]).Where(width => width <= SimdWidth.Widest).ToArray(), lanes);
        foreach (JsonElement width in widths) AssertPositive(width, "ms");
        Assert.AreEqual(1.0, widths[0].GetProperty("ratio").GetDouble());
        // None took 3 times as long as 128 bits with ResNet-50; had the setting no effect, it would be 1.
        if (lanes.Length > 1) Assert.IsGreaterThan(1.5, widths[^1].GetProperty("ratio").GetDouble());
    }

    [TestMethod]
    public void Soak_says_how_memory_grew_and_what_each_run_allocated()
    {
        (int exitCode, string output, string error) = Run("soak", "--model", Model, "--threads", "1", "--runs", "20", "--json", Json);
        Assert.AreEqual(0, exitCode, error);
        JsonElement figures = Figures();
        Assert.AreEqual(20, figures.GetProperty("runs").GetInt32());
        Assert.AreEqual(1, figures.GetProperty("threads").GetInt32());
        AssertPositive(figures, "allocated_bytes_per_run", "launch_allocated_bytes");
        Assert.AreEqual(
            OperatingSystem.IsLinux() ? JsonValueKind.Number : JsonValueKind.Null, figures.GetProperty("growth_bytes").ValueKind);
        StringAssert.Contains(output, "managed bytes per run");
    }

    [TestMethod]
    public void Layers_lists_every_step_of_a_run()
    {
        (int exitCode, _, string error) = Run("layers", "--model", Model, "--threads", "1", "--rounds", "5", "--json", Json);
        Assert.AreEqual(0, exitCode, error);
        JsonElement figures = Figures();
        Assert.AreEqual(1, figures.GetProperty("threads").GetInt32());
        JsonElement[] steps = [.. figures.GetProperty("steps").EnumerateArray()];
        string[] names = [.. steps.Select(step => step.GetProperty("name").GetString()!)];
        // 20 convolutions, two pools and the classifier; no softmax, for nobody asks for probabilities.
        Assert.HasCount(23, names);
        Assert.AreEqual("conv1", names[0]);
        Assert.AreEqual("fc", names[^1]);
        foreach (JsonElement step in steps) AssertPositive(step, "ms");
        double sum = steps.Sum(step => step.GetProperty("ms").GetDouble()), whole = figures.GetProperty("end_to_end_ms").GetDouble();
        Assert.IsLessThanOrEqualTo(whole, sum);
        Assert.AreEqual(sum / whole, figures.GetProperty("sum_share").GetDouble(), 1e-9);
    }

    [TestMethod]
    public void Plan_lists_every_step_and_its_sum()
    {
        (int exitCode, string output, string error) = Run("plan", "--device", "A100", "--batch", "32", "--json", Json);
        Assert.AreEqual(0, exitCode, error);
        JsonElement figures = Figures();
        Assert.AreEqual("A100", figures.GetProperty("device").GetString());
        JsonElement[] steps = [.. figures.GetProperty("steps").EnumerateArray()];
        // 53 convolutions, two pools, the classifier and softmax.
        Assert.HasCount(57, steps);
        foreach (JsonElement step in steps) AssertPositive(step, "modelled_ms", "floor_ms", "launches", "bytes");
        foreach (JsonElement step in steps.Where(step => step.GetProperty("algorithm").ValueKind is JsonValueKind.String))
            AssertPositive(step, "blocks", "waves", "splits");
        double sum = steps.Sum(step => step.GetProperty("modelled_ms").GetDouble());
        Assert.AreEqual(sum, figures.GetProperty("modelled_ms").GetDouble(), 1e-9);
        Assert.AreEqual(32 * 1000 / sum, figures.GetProperty("images_per_second").GetDouble(), 1e-6);
        StringAssert.Contains(output, "nothing measured");
    }

    /// <summary>A batch of 32 is as fast as the project wants it, by the model.</summary>
    [TestMethod]
    [DataRow("A100")]
    [DataRow("RTX 4090")]
    [DataRow("T4")]
    public void Plan_of_a_batch_reaches_60_percent_of_the_peak(string device)
    {
        (int exitCode, _, string error) = Run("plan", "--device", device, "--batch", "32", "--json", Json);
        Assert.AreEqual(0, exitCode, error);
        Assert.IsGreaterThanOrEqualTo(0.6, Figures().GetProperty("peak_share").GetDouble());
    }

    [TestMethod]
    public void Plan_says_how_many_images_each_step_takes_at_a_time()
    {
        (int exitCode, _, string error) = Run("plan", "--device", "RTX 4090", "--batch", "32", "--json", Json);
        Assert.AreEqual(0, exitCode, error);
        int[] images = [.. Figures().GetProperty("steps").EnumerateArray().Select(step => step.GetProperty("images").GetInt32())];
        int[] ofSegments = [.. Figures().GetProperty("segments").EnumerateArray().SelectMany(
            segment => Enumerable.Repeat(segment.GetProperty("images").GetInt32(), segment.GetProperty("count").GetInt32()))];
        CollectionAssert.AreEqual(ofSegments, images);
        Assert.IsLessThan(32, images.Min());
        AssertPositive(Figures(), "arena_bytes", "whole_batch_arena_bytes");
    }

    [TestMethod]
    public void Plan_of_one_image_fills_the_device_unless_that_costs_more()
    {
        (int exitCode, string output, string error) = Run("plan", "--device", "A100", "--batch", "1", "--json", Json);
        Assert.AreEqual(0, exitCode, error);
        StringAssert.Matches(
            output, new Regex(
                "waves +A100: [0-9]+ layers have less than a wave of blocks; "
                + "no kernel with a full wave is modelled to be faster for any of them"));
        foreach (JsonElement step in Figures().GetProperty("steps").EnumerateArray().Where(
            step => step.GetProperty("full_wave_ms").ValueKind is JsonValueKind.Number))
        {
            Assert.IsLessThan(1, step.GetProperty("waves").GetDouble());
            Assert.IsLessThanOrEqualTo(step.GetProperty("full_wave_ms").GetDouble(), step.GetProperty("modelled_ms").GetDouble(),
                step.GetProperty("name").GetString());
        }
    }

    [TestMethod]
    public void Plan_without_a_device_has_them_all()
    {
        (int exitCode, _, string error) = Run("plan", "--model", Model, "--json", Json);
        Assert.AreEqual(0, exitCode, error);
        CollectionAssert.AreEqual(
            DeviceProfiles.Known.Select(profile => profile.Name).ToArray(),
            Figures().GetProperty("devices").EnumerateArray().Select(device => device.GetProperty("device").GetString()).ToArray());
    }

    [TestMethod]
    public void Run_times_each_step_each_batch_and_what_it_is_compared_with()
    {
        (int exitCode, string output, string error) =
            Run("run", "--device", "cpu", "--against", "cpu", "--model", Model, "--batch", "2", "--rounds", "2", "--json", Json);
        Assert.AreEqual(0, exitCode, error);
        JsonElement figures = Figures();
        AssertRun(figures, "cpu", 1, 2);
        foreach (JsonElement comparison in figures.GetProperty("comparisons").EnumerateArray())
        {
            AssertPositive(comparison, "ratio");
            Assert.AreEqual(0.0, comparison.GetProperty("max_rel_error").GetDouble(), "the same device gives the same bits");
        }
        StringAssert.Contains(output, "ratio ");
    }

    [TestMethod, TestCategory("OpenCL")]
    public void Run_times_steps_by_the_markers_of_an_OpenCL_device()
    {
        string device = TestDevice.OpenCompute(BackEnd.OpenCL, TestContext).Id;
        (int exitCode, string output, string error) =
            Run("run", "--device", device, "--model", Model, "--batch", "1", "--rounds", "2", "--json", Json);
        Assert.AreEqual(0, exitCode, error);
        AssertRun(Figures(), device, 1);
        Assert.DoesNotContain("ratio ", output, "nothing was measured to compare with");
    }

    [TestMethod]
    public void Folder_is_compared_with_the_slower_of_its_parts()
    {
        // IDX: bytes, three sizes; 16 images of 8x8, two runs of the classifier's batch.
        byte[] idx = [0, 0, 8, 3, 0, 0, 0, 16, 0, 0, 0, 8, 0, 0, 0, 8, .. new byte[16 * 64]];
        new Random(1).NextBytes(idx.AsSpan(16));
        string images = folder.PathOf("images-idx3-ubyte");
        File.WriteAllBytes(images, idx);
        (int exitCode, string output, string error) = Run("folder", "--images", images, "--model", Model, "--rounds", "1", "--json", Json);
        Assert.AreEqual(0, exitCode, error);
        JsonElement figures = Figures();
        Assert.AreEqual(16, figures.GetProperty("images").GetInt32());
        AssertPositive(
            figures, "decode_images_per_second", "inference_images_per_second", "folder_images_per_second", "ratio", "cancelled_ms");
        StringAssert.Contains(output, "ratio ");
    }

    [TestMethod]
    public void Frames_says_how_long_they_took_and_what_they_left()
    {
        (int exitCode, string output, string error) =
            Run("frames", "--model", Model, "--device", "cpu", "--rate", "20", "--minutes", "0.03", "--json", Json);
        Assert.AreEqual(0, exitCode, error);
        JsonElement figures = Figures();
        Assert.AreEqual(36, figures.GetProperty("frames").GetInt32());
        Assert.AreEqual(36, figures.GetProperty("classified").GetInt32() + figures.GetProperty("dropped").GetInt32());
        AssertPositive(figures, "p50_ms", "p90_ms", "p99_ms", "max_ms", "machine_p99_ratio");
        StringAssert.Contains(output, "latency");
        Assert.HasCount(3, output.Split('\n').Where(
            line => line.StartsWith("met ", StringComparison.Ordinal) || line.StartsWith("MISSED ", StringComparison.Ordinal)));
    }

    [TestMethod]
    [DataRow(2, "--rounds must be a whole number", "compare", "--rounds", "0")]
    [DataRow(2, "--threads must be a whole number", "latency", "--threads", "100000")]
    [DataRow(2, "--model must be one of", "layers", "--model", "resnet7")]
    [DataRow(2, "--device must be one of", "plan", "--device", "B100")]
    [DataRow(1, "ptxas is not in 'nowhere'", "ptx", "--cuda-tools", "nowhere")]
    [DataRow(1, "There is no device 'nowhere'", "run", "--device", "cpu", "--against", "nowhere")]
    [DataRow(2, "there is no 'nowhere'", "cold", "--json", "nowhere/figures.json")]
    [DataRow(2, "missing or empty", "report", "--out", "/")]
    [DataRow(1, "There is no device 'nowhere'", "report", "--devices", "nowhere")]
    [DataRow(1, "nowhere.safetensors", "--peer", "Ours", "Cold", "nowhere.safetensors", "1", "1", "")]
    [DataRow(1, "nowhere.onnx", "--peer", "Ort", "Cold", "nowhere.onnx", "1", "1", "")]
    public void Failures_are_one_line(int expected, string message, params string[] arguments)
    {
        (int exitCode, _, string error) = Run(arguments);
        Assert.AreEqual(expected, exitCode, error);
        StringAssert.StartsWith(error, "error: ");
        StringAssert.Contains(error, message);
        Assert.AreEqual(1, error.TrimEnd().Split('\n').Length, error);
    }

    private static void AssertRun(JsonElement figures, string device, params int[] batches)
    {
        Assert.AreEqual(device, figures.GetProperty("device").GetString());
        AssertPositive(figures, "peak_gflop_per_second");
        JsonElement[] points = [.. figures.GetProperty("batches").EnumerateArray()];
        CollectionAssert.AreEqual(batches, points.Select(point => point.GetProperty("batch").GetInt32()).ToArray());
        foreach (JsonElement point in points)
        {
            AssertPositive(
                point, "session_ms", "first_run_ms", "end_to_end_ms", "device_ms", "sum_of_steps_ms", "images_per_second", "peak_share");
            JsonElement[] steps = [.. point.GetProperty("steps").EnumerateArray()];
            // 20 convolutions, two pools and the classifier; no softmax, for nobody asks for probabilities.
            Assert.HasCount(23, steps);
            foreach (JsonElement step in steps) AssertPositive(step, "ms");
        }
    }

    private static void AssertPositive(JsonElement figures, params string[] names)
    {
        foreach (string name in names) Assert.IsGreaterThan(0, figures.GetProperty(name).GetDouble(), name);
    }

    private JsonElement Figures() => JsonDocument.Parse(File.ReadAllBytes(Json)).RootElement;

    /// <summary>Runs the program and checks that it leaves nothing among the temporary files.</summary>
    private (int ExitCode, string Output, string Error) Run(params string[] arguments)
    {
        string temporary = Directory.CreateDirectory(folder.PathOf("tmp")).FullName;
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "IlgpuResNet.Bench.dll"), .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (string variable in new[] { "TMPDIR", "TMP", "TEMP" }) start.Environment[variable] = temporary;
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(Patience))
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"{string.Join(' ', arguments)} took longer than {Patience}");
        }
        string[] left = Directory.GetDirectories(temporary, "ilgpu-resnet-*");
        Assert.IsEmpty(left, string.Join(", ", left));
        return (process.ExitCode, output.Result, error.Result);
    }
}
