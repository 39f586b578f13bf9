using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Parsing;
using IlgpuResNet.Cli.Commands;

namespace IlgpuResNet.Cli;

/// <summary>
/// The <c>ilgpu-resnet</c> tool. Exit code 0 for success, 1 for a failure, 2 for wrong usage; errors are one line on stderr.
/// </summary>
public static class Program
{
    /// <summary>Exit code when something failed.</summary>
    public const int Failure = 1;

    /// <summary>Exit code when the command line is wrong.</summary>
    public const int WrongUsage = 2;

    /// <summary>The most columns of the help; without a limit a file gets each description on one line.</summary>
    private const int HelpWidth = 119;

    /// <summary>Time that a stopped command has to finish its run and to write its results.</summary>
    private static readonly TimeSpan TimeToStop = TimeSpan.FromSeconds(30);

    public static async Task<int> Main(string[] args)
    {
        TextWriter error = TextWriter.Null;
        try
        {
            error = Console.Error;
            return await RunAsync(args, Console.Out, error);
        }
        catch (IOException e)
        {
            // A standard stream was closed by the caller.
            if (LastWords.IsLoadFailure(e)) LastWords.Write(e);
            else new ToolConsole(TextWriter.Null, error).Error(Explain(e));
            return Failure;
        }
        catch (Exception e) when (LastWords.IsLoadFailure(e))
        {
            LastWords.Write(e);
            return Failure;
        }
    }

    /// <summary>Runs one command line, as tests do, with its own output and error streams.</summary>
    public static async Task<int> RunAsync(string[] args, TextWriter output, TextWriter error, CancellationToken cancellation = default)
    {
        var console = new ToolConsole(output, error);
        try
        {
            return await RunAsync(args, console, cancellation);
        }
        catch (Exception e)
        {
            console.Error(Explain(e));
            return Failure;
        }
    }

    /// <summary>All commands with their options. Tests parse with them without running anything.</summary>
    internal static RootCommand CreateRoot(ToolConsole console)
    {
        var root = new RootCommand("ResNet image classification on any GPU, or on the processor.")
        {
            DevicesCommand.Create(console),
            InfoCommand.Create(console),
            ClassifyCommand.Create(console),
            EmbedCommand.Create(console),
            SimilarCommand.Create(console),
            PrepareCommand.Create(console),
            RunCommand.Create(console),
            ConvertCommand.Create(console),
            DownloadCommand.Create(console),
        };
        foreach (HelpAction help in root.Options.Select(option => option.Action).OfType<HelpAction>())
            help.MaxWidth = Math.Min(help.MaxWidth, HelpWidth);
        return root;
    }

    private static async Task<int> RunAsync(string[] args, ToolConsole console, CancellationToken cancellation)
    {
        RootCommand root = CreateRoot(console);
        ParseResult result = root.Parse(args);
        if (result.Errors.Count > 0)
        {
            string message = result.CommandResult.Command == root && result.UnmatchedTokens is [var unknown, ..]
                ? UnknownCommand(root, unknown)
                : MostHelpful(result.Errors).TrimEnd('.');
            string[] command = result.CommandResult.Command == root ? [] : [result.CommandResult.Command.Name];
            console.Error($"{message}. See '{string.Join(' ', [root.Name, .. command, "--help"])}'.");
            return WrongUsage;
        }
        return await result.InvokeAsync(
            new InvocationConfiguration
            {
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = TimeToStop,
                Output = console.Output,
                Error = console.ErrorOutput,
            },
            cancellation);
    }

    private static string UnknownCommand(RootCommand root, string token)
    {
        string commands = string.Join(", ", root.Subcommands.Select(command => command.Name));
        return $"there is no {(token.StartsWith('-') ? "option" : "command")} '{token}'; the commands are {commands}";
    }

    /// <summary>
    /// The parser takes an unknown option for an argument and reports an error in the rest; the check of arguments names the option.
    /// </summary>
    private static string MostHelpful(IReadOnlyList<ParseError> errors)
    {
        ParseError? unknownOption = errors.FirstOrDefault(
            error => error.Message.StartsWith(OptionValidation.NoSuchOption, StringComparison.Ordinal));
        return (unknownOption ?? errors[0]).Message;
    }

    private static string Explain(Exception e) => e switch
    {
        ResNetException => e.Message,
        _ when LastWords.IsLoadFailure(e) => LastWords.Explain(e),
        OperationCanceledException => "cancelled",
        OutOfMemoryException => "there is not enough memory; a smaller --batch needs less",
        IOException or UnauthorizedAccessException or ObjectDisposedException => $"the output cannot be written: {e.Message}",
        _ => $"unexpected {e.GetType().Name}: {e.Message}",
    };
}
