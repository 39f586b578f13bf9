using System.Diagnostics;
using System.Globalization;

namespace IlgpuResNet.Tests;

/// <summary>
/// Commands that are killed while they write leave the file as it was or complete, and the next run removes the rest. A few kills in each
/// run of the tests; the variable <c>ILGPURESNET_KILLS</c> sets their number.
/// </summary>
[TestClass]
public sealed class KilledWriterTests : CommandLineFixture
{
    private const string Variable = "ILGPURESNET_KILLS";
    private const int Seed = 8;

    public required TestContext TestContext { get; init; }

    [TestMethod]
    public async Task Killed_commands_leave_whole_files_and_no_rest()
    {
        int kills = Environment.GetEnvironmentVariable(Variable) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : 4;
        string images = Directory.CreateDirectory(InFolder("images")).FullName;
        File.Copy(Photo, Path.Combine(images, "a.jpg"));
        string large = InFolder("large.safetensors");
        using (ResNet model = ResNet.Create(ResNetConfig.ResNet18 with { BaseWidth = 32, NumClasses = 10 }, 1)) model.Weights.Save(large);
        string prepared = InFolder("prepared.npy");
        await MakeAsync(["prepare", Photo, "-w", Weights, "-d", "cpu", "-o", prepared]);
        (string Name, string[] Arguments)[] commands =
        [
            ("a.pth", ["convert", large]),
            ("a.onnx", ["convert", large]),
            ("a.safetensors", ["convert", large]),
            ("a.npy", ["prepare", Photo, "-w", Weights, "-d", "cpu", "-o"]),
            ("b.npy", ["embed", Photo, "-w", Weights, "-d", "cpu", "-o"]),
            ("a.csv", ["embed", Photo, "-w", Weights, "-d", "cpu", "-o"]),
            ("a.pb", ["run", Weights, "-i", prepared, "-d", "cpu", "-o"]),
            ("b.safetensors", ["similar", Photo, images, "-w", Weights, "-d", "cpu", "--index"]),
        ];
        byte[]?[] expected = new byte[]?[commands.Length];
        var random = new Random(Seed);
        int ended = 0, rests = 0, untouched = 0;
        for (int i = 0; i < kills; i++)
        {
            int index = random.Next(commands.Length);
            (string name, string[] arguments) = commands[index];
            if (expected[index] is null)
            {
                await MakeAsync([.. arguments, InFolder(name)]);
                expected[index] = File.ReadAllBytes(InFolder(name));
            }
            string folder = Directory.CreateDirectory(InFolder($"out{i}")).FullName, target = Path.Combine(folder, name);
            byte[]? before = random.Next(3) switch { 0 => null, 1 => [], _ => "old"u8.ToArray() };
            if (before is not null) File.WriteAllBytes(target, before);
            if (!await KillAsync([.. arguments, target], folder, random)) ended++;

            string where = $"kill {i} of seed {Seed}: {string.Join(' ', arguments)} {name}";
            byte[]? after = File.Exists(target) ? File.ReadAllBytes(target) : null;
            bool isUntouched = after is null ? before is null : before is not null && after.AsSpan().SequenceEqual(before);
            Assert.IsTrue(isUntouched || after.AsSpan().SequenceEqual(expected[index]), where);
            if (isUntouched) untouched++;
            if (Directory.GetFiles(folder, "*.part").Length > 0) rests++;
            // A file that is no index is not replaced by one.
            if (arguments[0] == "similar" && isUntouched) File.Delete(target);
            await MakeAsync([.. arguments, target]);
            CollectionAssert.AreEqual(expected[index], File.ReadAllBytes(target), where);
            Assert.HasCount(1, Directory.GetFiles(folder), where);
            Directory.Delete(folder, recursive: true);
        }
        TestContext.WriteLine($"{kills} kills, {ended} after the end, {untouched} before the file was there, {rests} while it was written");
    }

    /// <summary>Runs the tool in this process, for which each folder is new.</summary>
    private static async Task MakeAsync(string[] arguments)
    {
        CommandLineResult result = await Run(arguments);
        Assert.AreEqual(0, result.ExitCode, result.Error);
    }

    /// <summary>Kills a process at a random moment, most often while it writes; false when it had ended before.</summary>
    private static async Task<bool> KillAsync(string[] arguments, string folder, Random random)
    {
        string tool = Path.Combine(AppContext.BaseDirectory, "ilgpu-resnet.dll");
        using Process process = Process.Start(new ProcessStartInfo("dotnet", [tool, .. arguments])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        })!;
        var clock = Stopwatch.StartNew();
        if (random.Next(4) == 0)
        {
            await Task.Delay(random.Next(1500));
        }
        else
        {
            int pause = random.Next(4000);
            while (!process.HasExited && Directory.GetFiles(folder, "*.part").Length == 0) Thread.SpinWait(100);
            for (clock.Restart(); clock.Elapsed.TotalMicroseconds < pause;) Thread.SpinWait(10);
        }
        bool isRunning = !process.HasExited;
        process.Kill();
        await process.WaitForExitAsync();
        return isRunning;
    }
}
