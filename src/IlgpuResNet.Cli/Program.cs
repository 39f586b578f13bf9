using System.CommandLine;
using IlgpuResNet.Cli.Commands;

namespace IlgpuResNet.Cli;

/// <summary>The <c>ilgpu-resnet</c> tool. Exit code 0 for success, 1 for a failure, 2 for wrong usage; errors are one line on stderr.</summary>
public static class Program
{
    /// <summary>Exit code when something failed.</summary>
    public const int Failure = 1;

    /// <summary>Exit code when the command line is wrong.</summary>
    public const int WrongUsage = 2;

    public static Task<int> Main(string[] args) => RunAsync(args, Console.Out, Console.Error);

    /// <summary>Runs one command line, as tests do, with its own output and error streams.</summary>
    public static async Task<int> RunAsync(string[] args, TextWriter output, TextWriter error)
    {
        var console = new ToolConsole(output, error);
        var root = new RootCommand("ResNet image classification on any GPU, or on the processor.")
        {
            DevicesCommand.Create(console),
            InfoCommand.Create(console),
            ClassifyCommand.Create(console),
            PrepareCommand.Create(console),
            RunCommand.Create(console),
        };
        ParseResult result = root.Parse(args);
        if (result.Errors.Count > 0)
        {
            console.Error($"{result.Errors[0].Message.TrimEnd('.')}. See '{root.Name} {string.Join(' ', args.Where(arg => arg is "devices" or "info" or "classify" or "run").Take(1).Append("--help"))}'.");
            return WrongUsage;
        }
        try
        {
            return await result.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, Output = output, Error = error });
        }
        catch (ResNetException e)
        {
            console.Error(e.Message);
            return Failure;
        }
        catch (OperationCanceledException)
        {
            console.Error("cancelled");
            return Failure;
        }
    }
}
