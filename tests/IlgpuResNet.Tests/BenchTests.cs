using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace IlgpuResNet.Tests;

/// <summary>The measurements as their user starts them: what their files hold, what they leave behind, how they fail.</summary>
[TestClass]
public sealed class BenchTests : IDisposable
{
    private const string Model = "resnet18";

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly WeightsFolder folder = new();

    private string Json => folder.PathOf("figures.json");

    public void Dispose() => folder.Dispose();

    [TestMethod]
    public void Compare_gives_times_of_the_same_outputs_and_ends_in_the_ratio()
    {
        (int exitCode, string output, string error) = Run("compare", "--model", Model, "--batch", "2", "--threads", "1", "--rounds", "3", "--json", Json);
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
    [DataRow(2, "--rounds must be a whole number", "compare", "--rounds", "0")]
    [DataRow(2, "--threads must be a whole number", "latency", "--threads", "100000")]
    [DataRow(2, "--model must be one of", "layers", "--model", "resnet7")]
    [DataRow(2, "there is no 'nowhere'", "cold", "--json", "nowhere/figures.json")]
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
