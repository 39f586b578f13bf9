using System.Diagnostics;
using System.Text.Json;

namespace IlgpuResNet.Tests;

/// <summary>Images as the tool's user names them: folders with other files, patterns, pipes, and images whose data ends early.</summary>
[TestClass]
public sealed class ImageArgumentsTests : CommandLineFixture
{
    [TestMethod]
    public async Task What_a_folder_skips_is_said_once()
    {
        string place = Images("a.jpg", "sub/b.jpg");
        File.WriteAllText(Path.Combine(place, "notes.txt"), "");
        CommandLineResult result = await Classify(place);
        string note = "1 file skipped: 1 .txt; 1 subfolder not searched (--recursive)";
        Assert.AreEqual($"note: {place}: {note}{Environment.NewLine}", result.Error);
        Assert.AreEqual(1, Count(result));
        Assert.AreEqual(2, Count(await Classify(place, "--recursive")));
        Assert.AreEqual(2, Count(await Classify(Path.Combine(place, "**", "*.jpg"))));
    }

    [TestMethod]
    public async Task Truncated_images_are_taken_with_the_option()
    {
        byte[] photo = File.ReadAllBytes(Photo);
        string cut = Write("cut.jpg", photo.AsSpan(0, photo.Length / 2));
        Assert.AreEqual(1, (await Classify(cut)).ExitCode);
        Assert.AreEqual(0, (await Classify(cut, "--accept-truncated")).ExitCode);
        string tensor = InFolder("cut.npy");
        CommandLineResult result = await Run("prepare", cut, "-w", Weights, "-d", "cpu", "-o", tensor, "--accept-truncated");
        Assert.AreEqual(0, result.ExitCode, result.Error);
    }

    /// <summary>The standard input belongs to the process, so the tool runs in one of its own.</summary>
    [TestMethod]
    public void The_standard_input_and_pipes_hold_images()
    {
        if (OperatingSystem.IsWindows()) Assert.Inconclusive("The test needs a shell of Unix.");
        string tool = $"dotnet {Path.Combine(AppContext.BaseDirectory, "ilgpu-resnet.dll")} classify";
        string options = $"--weights {Weights} --device cpu --json";
        using Process shell = Process.Start(new ProcessStartInfo("bash", ["-c", $"cat {Photo} | {tool} - {Photo} <(cat {Photo}) {options}"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        Task<string> error = shell.StandardError.ReadToEndAsync();
        string output = shell.StandardOutput.ReadToEnd();
        shell.WaitForExit();
        Assert.AreEqual(0, shell.ExitCode, error.Result);
        JsonElement[] images = [.. JsonDocument.Parse(output).RootElement.EnumerateArray()];
        Assert.HasCount(3, images);
        Assert.AreEqual("-", images[0].GetProperty("image").GetString());
        Assert.HasCount(1, images.Select(image => image.GetProperty("predictions").GetRawText()).Distinct().ToArray());
    }

    [TestMethod]
    public async Task More_threads_than_processors_are_clamped_with_a_note()
    {
        int most = Environment.ProcessorCount;
        CommandLineResult result = await Classify(Photo, "--threads", $"{most + 3}");
        Assert.AreEqual(0, result.ExitCode, result.Error);
        StringAssert.StartsWith(result.Error, $"note: --threads {most + 3} is more than this machine's {most} processors; {most} are used");
    }

    private Task<CommandLineResult> Classify(params string[] arguments) =>
        Run(["classify", .. arguments, "--weights", Weights, "--device", "cpu", "--json"]);

    private static int Count(CommandLineResult result)
    {
        Assert.AreEqual(0, result.ExitCode, result.Error);
        return JsonDocument.Parse(result.Output).RootElement.GetArrayLength();
    }

    private string Images(params string[] names)
    {
        string place = InFolder("images");
        foreach (string name in names)
        {
            string path = Path.Combine(place, name);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.Copy(Photo, path);
        }
        return place;
    }
}
