using IlgpuResNet.Files;
using Spectre.Console;

namespace IlgpuResNet.Cli;

/// <summary>Where a command writes: results on the output, one-line notes, warnings and errors on the error stream.</summary>
internal sealed class ToolConsole(TextWriter output, TextWriter error)
{
    /// <summary>From this many items on, a progress bar is shown.</summary>
    private const int LongWork = 20;

    /// <summary>Columns of a table that no terminal limits.</summary>
    private const int UnlimitedWidth = 10_000;

    /// <summary>Results as plain lines.</summary>
    public TextWriter Output => output;

    /// <summary>The stream of errors and warnings.</summary>
    public TextWriter ErrorOutput => error;

    /// <summary>True when a person looks on and a progress bar makes sense.</summary>
    public bool IsInteractive { get; } = ReferenceEquals(output, Console.Out) && !Console.IsOutputRedirected && !Console.IsErrorRedirected;

    /// <summary>Results as tables; unlimited in width when they go to a file or a pipe.</summary>
    public IAnsiConsole Ansi { get; } = CreateAnsi(output);

    /// <summary>Does some work on many items, and shows a person a bar meanwhile.</summary>
    /// <param name="what">What is done, in one word.</param>
    /// <param name="count">How many items there are.</param>
    /// <param name="work">Calls what it is given after each item.</param>
    public Task ShowProgressAsync(string what, int count, Func<Action, Task> work) => IsInteractive && count >= LongWork
        ? Ansi.Progress().AutoClear(true).StartAsync(context =>
        {
            ProgressTask task = context.AddTask(what, maxValue: count);
            return work(() => task.Increment(1));
        })
        : work(static () => { });

    public void Error(string message) => Report("error", message);

    public void Warning(string message) => Report("warning", message);

    /// <summary>Tells of work that takes long, where no progress bar can.</summary>
    public void Note(string message) => Report("note", message);

    private void Report(string kind, string message)
    {
        try
        {
            error.WriteLine($"{kind}: {FileText.OneLine(message)}");
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // Nobody can be told; the exit code still says it.
        }
    }

    private static IAnsiConsole CreateAnsi(TextWriter output)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(output) });
        if (!ReferenceEquals(output, Console.Out) || Console.IsOutputRedirected) console.Profile.Width = UnlimitedWidth;
        return console;
    }
}
