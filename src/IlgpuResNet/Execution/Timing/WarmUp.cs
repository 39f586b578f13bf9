using System.Diagnostics;
using System.Runtime;

namespace IlgpuResNet.Execution;

/// <summary>The runs before the timed ones.</summary>
internal static class WarmUp
{
    /// <summary>Fewest runs.</summary>
    public const int LeastRuns = 3;

    /// <summary>
    /// Time without compilation after which .NET is done: it delays optimised code by 100 ms while it still compiles other code.
    /// </summary>
    private static readonly TimeSpan Settled = TimeSpan.FromSeconds(0.5);

    /// <summary>Longest wait, on a machine with little time for compiling.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(5);

    /// <summary>Runs until .NET has compiled nothing for a while.</summary>
    public static void Run(Action run, CancellationToken cancellation = default)
    {
        long start = Stopwatch.GetTimestamp(), quiet = start;
        long compiled = JitInfo.GetCompiledMethodCount();
        for (int i = 0; i < LeastRuns || (Stopwatch.GetElapsedTime(quiet) < Settled && Stopwatch.GetElapsedTime(start) < Longest); i++)
        {
            cancellation.ThrowIfCancellationRequested();
            run();
            long now = JitInfo.GetCompiledMethodCount();
            if (now == compiled) continue;
            compiled = now;
            quiet = Stopwatch.GetTimestamp();
        }
    }
}
