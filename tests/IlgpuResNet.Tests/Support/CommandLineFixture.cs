using IlgpuResNet.Cli;

namespace IlgpuResNet.Tests;

/// <summary>A folder with a thin network's weights, and the tool as its user runs it.</summary>
public abstract class CommandLineFixture
{
    private protected static readonly ResNetConfig Thin = ResNetConfig.ResNet50 with { StemWidth = 4, BaseWidth = 2, NumClasses = 10 };

    private protected static readonly string Photo =
        Path.Combine(AppContext.BaseDirectory, "data", "imaging", "files", "baseline-q100.jpg");

    private protected string Folder { get; private set; } = "";

    /// <summary>A network of class <see cref="Thin"/>.</summary>
    private protected string Weights { get; private set; } = "";

    [TestInitialize]
    public void MakeWeights()
    {
        Folder = Directory.CreateTempSubdirectory("ilgpu-resnet-tests-").FullName;
        Weights = InFolder("thin.safetensors");
        using ResNet model = ResNet.Create(Thin, 3);
        model.Weights.Save(Weights);
    }

    [TestCleanup]
    public void DeleteFolder() => Directory.Delete(Folder, recursive: true);

    private protected static async Task<CommandLineResult> Run(params string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        int exitCode = await Program.RunAsync(arguments, output, error);
        return new CommandLineResult(exitCode, output.ToString(), error.ToString());
    }

    private protected static void AssertFails(CommandLineResult result, string message)
    {
        Assert.AreEqual(Program.Failure, result.ExitCode, result.Error);
        AssertOneLine(result.Error, message);
    }

    private protected static void AssertOneLine(string error, string message)
    {
        StringAssert.StartsWith(error, "error: ");
        StringAssert.Contains(error, message);
        Assert.AreEqual(1, error.Count(c => c == '\n'), error);
        Assert.DoesNotContain("\t", error);
        Assert.DoesNotContain("   at ", error);
    }

    private protected string InFolder(string name) => Path.Combine(Folder, name);

    private protected string Write(string name, ReadOnlySpan<byte> bytes)
    {
        string path = InFolder(name);
        File.WriteAllBytes(path, bytes);
        return path;
    }

    private protected sealed record CommandLineResult(int ExitCode, string Output, string Error);
}
