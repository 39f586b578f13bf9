using Spectre.Console;

namespace IlgpuResNet.Cli;

/// <summary>The streams of a command: results go to the output; notes, warnings and errors, one line each, to the error stream.</summary>
internal sealed class ToolConsole(TextWriter output, TextWriter error)
{
    /// <summary>From this many items on, a progress bar is shown.</summary>
    private const int LongWork = 20;

    /// <summary>Columns of a table that goes to a file or a pipe.</summary>
    private const int UnlimitedWidth = 10_000;

    /// <summary>Results as plain lines.</summary>
    public TextWriter Output => output;

    /// <summary>The stream of errors and warnings.</summary>
    public TextWriter ErrorOutput => error;

    /// <summary>True when both streams are a terminal, so that a progress bar makes sense.</summary>
    public bool IsInteractive { get; } =
        ReferenceEquals(output, Console.Out) && !Console.IsOutputRedirected && !Console.IsErrorRedirected;

    /// <summary>Results as tables; unlimited in width when they go to a file or a pipe.</summary>
    public IAnsiConsole Ansi { get; } = CreateAnsi(output);

    /// <summary>Works on a number of items, and shows a progress bar on a terminal.</summary>
    /// <param name="what">Description of the work, in one word.</param>
    /// <param name="count">Number of items.</param>
    /// <param name="work">The work; it calls its argument after each item.</param>
    public Task ShowProgressAsync(string what, int count, Func<Action, Task> work) => IsInteractive && count >= LongWork
        ? Ansi.Progress().AutoClear(true).StartAsync(context =>
        {
            ProgressTask task = context.AddTask(what, maxValue: count);
            return work(() => task.Increment(1));
        })
        : work(static () => { });

    public void Error(string message) => Report("error", message);

    public void Warning(string message) => Report("warning", message);

    /// <summary>Announces long work where no progress bar can.</summary>
    public void Note(string message) => Report("note", message);

    private void Report(string kind, string message)
    {
        try
        {
            error.WriteLine($"{kind}: {TerminalText.OneLine(message)}");
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException && !LastWords.IsLoadFailure(e))
        {
            // The error stream is closed; the exit code still reports the failure.
        }
    }

    private static IAnsiConsole CreateAnsi(TextWriter output)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(output) });
        if (!ReferenceEquals(output, Console.Out) || Console.IsOutputRedirected) console.Profile.Width = UnlimitedWidth;
        return console;
    }
}
