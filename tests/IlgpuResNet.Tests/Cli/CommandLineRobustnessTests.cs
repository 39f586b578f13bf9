using System.Text.Json;
using IlgpuResNet.Cli;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Tests;

/// <summary>
/// The tool under bad circumstances: streams that fail, cancelled work, hostile names. One line and an exit code, whatever happens.
/// </summary>
[TestClass]
public sealed class CommandLineRobustnessTests : CommandLineFixture
{
    [TestMethod]
    public async Task An_output_that_cannot_be_written_is_one_line()
    {
        using var error = new StringWriter();
        Assert.AreEqual(
            Program.Failure, await Program.RunAsync(["devices"], new FailingWriter(new IOException("No space left on device")), error));
        AssertOneLine(error.ToString(), "the output cannot be written: No space left on device");
    }

    [TestMethod]
    public async Task An_unforeseen_exception_is_one_line()
    {
        using var error = new StringWriter();
        Assert.AreEqual(Program.Failure, await Program.RunAsync(["devices"], new FailingWriter(new InvalidCastException("odd")), error));
        AssertOneLine(error.ToString(), "InvalidCastException: odd");
    }

    [TestMethod]
    public async Task When_both_streams_fail_the_exit_code_remains() =>
        Assert.AreEqual(Program.Failure,
            await Program.RunAsync(["devices"], new FailingWriter(new IOException("full")), new FailingWriter(new IOException("full"))));

    /// <summary>A device behind a link has no end; its length is that of what the link leads to.</summary>
    [TestMethod]
    public async Task A_link_to_a_device_is_neither_picture_nor_weights()
    {
        if (!OperatingSystem.IsLinux()) Assert.Inconclusive("Devices are files on Linux.");
        string picture = InFolder("endless.jpg"), model = InFolder("endless.pth");
        File.CreateSymbolicLink(picture, "/dev/zero");
        File.CreateSymbolicLink(model, "/dev/zero");
        AssertFails(await Run("classify", picture, "--weights", Weights, "--device", "cpu"), $"{picture}: the file is empty");
        AssertFails(await Run("classify", Photo, "--weights", model, "--device", "cpu"), $"{model}: the file is empty");
    }

    [TestMethod]
    public async Task NaN_probabilities_are_null_in_json()
    {
        using ResNet model = ResNet.Create(Thin, 3);
        var tensors = model.Weights.Values.Select(tensor => (tensor.Name, tensor.Shape, Values: tensor.ToArray())).ToArray();
        foreach ((string name, _, float[] values) in tensors)
        {
            if (name == "fc.weight") Array.Fill(values, float.NaN);
        }
        StateDict.Create(tensors).Save(Weights);
        (int exitCode, string output, string error) = await Run("classify", Photo, "--weights", Weights, "--device", "cpu", "--json");
        Assert.AreEqual(0, exitCode, error);
        Assert.AreEqual(JsonValueKind.Null,
            JsonDocument.Parse(output).RootElement[0].GetProperty("predictions")[0].GetProperty("probability").ValueKind);
    }

    [TestMethod]
    public async Task Names_in_any_script_stay_readable_and_cannot_steer_the_terminal()
    {
        string names = InFolder("names.txt");
        File.WriteAllText(names, string.Concat(Enumerable.Repeat("犬\u001b[31m\u202eé\n", 10)));
        (int exitCode, string table, string error) =
            await Run("classify", Photo, "--weights", Weights, "--device", "cpu", "--labels", names);
        Assert.AreEqual(0, exitCode, error);
        StringAssert.Contains(table, "犬?[31mé");
        (_, string json, _) = await Run("classify", Photo, "--weights", Weights, "--device", "cpu", "--labels", names, "--json");
        StringAssert.Contains(json, "犬");
        Assert.AreEqual(
            "犬\u001b[31m\u202eé", JsonDocument.Parse(json).RootElement[0].GetProperty("predictions")[0].GetProperty("label").GetString());
    }

    [TestMethod]
    [DataRow("clasify x", "there is no command 'clasify'")]
    [DataRow("--nonsense", "there is no option '--nonsense'")]
    [DataRow("info --model resnet50 --variant v1", "--variant has no meaning")]
    [DataRow("info --model resnet50 --weights x", "--weights has no meaning")]
    [DataRow("info --labels x", "--labels")]
    [DataRow("run -i x -o y --preset imagenet-v1", "--preset")]
    [DataRow("run -i x -o ", "--output must be a path")]
    [DataRow("prepare -z -o x", "there is no option '-z'")]
    [DataRow("info --model alexnet", "--model must be one of resnet18")]
    public async Task Wrong_usage_names_the_word(string arguments, string message)
    {
        (int exitCode, _, string error) = await Run(arguments.Split(' '));
        Assert.AreEqual(Program.WrongUsage, exitCode, error);
        AssertOneLine(error, message);
    }

    [TestMethod]
    public async Task A_folder_of_folders_says_that_they_are_not_searched()
    {
        Directory.CreateDirectory(InFolder("outer/inner"));
        (int exitCode, _, string error) = await Run("classify", InFolder("outer"), "--weights", Weights);
        Assert.AreEqual(Program.Failure, exitCode);
        AssertOneLine(error, "outer: 1 subfolder not searched (--recursive)); expected files ending in");
    }

    [TestMethod]
    public async Task Long_paths_stay_on_one_line_in_a_pipe()
    {
        string place = Directory.CreateDirectory(Path.Combine([Folder, .. Enumerable.Repeat(new string('d', 100), 4)])).FullName;
        string photo = Path.Combine(place, "a.jpg");
        File.Copy(Photo, photo);
        (int exitCode, string output, string error) = await Run("classify", photo, "--weights", Weights, "--device", "cpu");
        Assert.AreEqual(0, exitCode, error);
        StringAssert.Contains(output, photo);
        Assert.IsLessThan(1000, output.Split('\n').Max(line => line.Length), "lines are not padded to the width");
    }

    /// <summary>Weights with NaN warn before the first image, which is when this test cancels.</summary>
    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public async Task Cancelling_shows_what_is_done(bool json)
    {
        using ResNet model = ResNet.Create(Thin, 3);
        var tensors = model.Weights.Values.Select(tensor => (tensor.Name, tensor.Shape, Values: tensor.ToArray())).ToArray();
        tensors[0].Values[0] = float.NaN;
        StateDict.Create(tensors).Save(Weights);
        using var cancellation = new CancellationTokenSource();
        using var output = new StringWriter();
        using var error = new CancellingWriter(cancellation);
        int exitCode = await Program.RunAsync(
            ["classify", Photo, Photo, "-w", Weights, "-d", "cpu", .. json ? new[] { "--json" } : []], output, error, cancellation.Token);
        Assert.AreEqual(Program.Failure, exitCode);
        StringAssert.Contains(error.ToString(), "error: cancelled after 0 of 2");
        Assert.AreEqual(json ? "[]" : "", output.ToString().Trim());
    }

    [TestMethod]
    [DataRow("1", false)]
    [DataRow("64", true)]
    public async Task A_network_that_takes_more_than_the_memory_limit_is_refused(string limit, bool isEnough)
    {
        CommandLineResult result = await Run("classify", Photo, "-w", Weights, "-d", "cpu", "--memory-limit", limit);
        if (isEnough) Assert.AreEqual(0, result.ExitCode, result.Error);
        else AssertFails(result, "raise MemoryLimit, or --memory-limit of the tool, to");
    }

    private sealed class FailingWriter(Exception failure) : StringWriter
    {
        public override void Write(char value) => throw failure;

        public override void Write(string? value) => throw failure;

        public override void Write(char[] buffer, int index, int count) => throw failure;

        public override void WriteLine(string? value) => throw failure;
    }

    private sealed class CancellingWriter(CancellationTokenSource cancellation) : StringWriter
    {
        public override void WriteLine(string? value)
        {
            base.WriteLine(value);
            cancellation.Cancel();
        }
    }
}
