using System.CommandLine;

namespace IlgpuResNet.Cli;

/// <summary>
/// Runs an action on another thread from its first line: while the parser has no task to wait for, Ctrl-C ends the process at once, which
/// leaves unfinished files behind and a terminal without its cursor.
/// </summary>
internal static class CommandActions
{
    public static void SetCancellableAction(this Command command, Func<ParseResult, CancellationToken, Task<int>> action) =>
        command.SetAction((result, cancellation) => Task.Run(() => action(result, cancellation), CancellationToken.None));

    public static void SetCancellableAction(this Command command, Func<ParseResult, CancellationToken, Task> action) =>
        command.SetAction((result, cancellation) => Task.Run(() => action(result, cancellation), CancellationToken.None));

    public static void SetCancellableAction(this Command command, Action<ParseResult, CancellationToken> action) =>
        command.SetAction((result, cancellation) => Task.Run(() => action(result, cancellation), CancellationToken.None));
}
