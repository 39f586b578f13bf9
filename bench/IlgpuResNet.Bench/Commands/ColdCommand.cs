using System.CommandLine;
using IlgpuResNet.Bench.Engines;

namespace IlgpuResNet.Bench.Commands;

/// <summary>
/// <c>cold</c>: measures the time from the start of a process to its first logits, the start of .NET included, from a weights file that the
/// system's cache holds.
/// </summary>
internal static class ColdCommand
{
    private const int DefaultRounds = 15;

    public static Command Create() => WholeProcessCommand.Create(
        new Command("cold", "Compares the time from process start to first logits with ONNX Runtime's."),
        DefaultRounds,
        "process start to first logits",
        "ms",
        "F0",
        WholeProcess.ColdStartsAsync,
        run => new Report(run.Model, run.Threads, run.Rounds, run.Ours, OrtEngine.Name, run.Peer, run.Ratio));

    /// <summary>Medians in milliseconds; the ratio is the median over the rounds.</summary>
    private sealed record Report(string Model, int Threads, int Rounds, double OursMs, string Peer, double PeerMs, double Ratio);
}
