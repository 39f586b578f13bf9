using System.Diagnostics;
using System.Reflection;
using System.Text;

namespace IlgpuResNet.Tests.Samples;

/// <summary>A program of <c>samples/</c>, built in the configuration of these tests and started as its reader starts it.</summary>
internal static class SampleProgram
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    /// <summary>The checkout.</summary>
    public static string Root { get; } = Path.GetFullPath(
        typeof(SampleProgram).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(
            entry => entry.Key == "RepositoryRoot").Value!);

    /// <summary>The model in the box.</summary>
    public static string Weights { get; } = Path.Combine(Root, "src", "IlgpuResNet.Cli", "FashionMnist", "fashion-resnet.safetensors");

    /// <summary>The ten images that come with it, named after their classes.</summary>
    public static string Images { get; } = Path.Combine(AppContext.BaseDirectory, "data", "fashion-mnist");

    /// <summary>One of the ten images.</summary>
    public static string Pullover { get; } = Path.Combine(Images, "2-pullover.png");

    /// <summary>Starts a sample; its standard streams are redirected.</summary>
    public static Process Start(string name, params string[] arguments)
    {
        string configuration = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;
        string program = Path.Combine(Root, "samples", name, "bin", configuration, "net10.0", $"{name}.dll");
        Assert.IsTrue(File.Exists(program), $"{program} was not built; build the solution.");
        var start = new ProcessStartInfo("dotnet", [program, .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
        };
        return Process.Start(start)!;
    }

    /// <summary>Runs a sample to its end.</summary>
    public static (int ExitCode, string[] Output, string Error) Run(string name, byte[]? input, params string[] arguments)
    {
        using Process process = Start(name, arguments);
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        if (input is not null) process.StandardInput.BaseStream.Write(input);
        process.StandardInput.Close();
        if (!process.WaitForExit(Patience))
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"{name} took longer than {Patience}");
        }
        return (process.ExitCode, output.Result.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries),
            error.Result);
    }
}
