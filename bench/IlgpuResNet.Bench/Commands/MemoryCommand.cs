using System.CommandLine;
using IlgpuResNet.Bench.Engines;

namespace IlgpuResNet.Bench.Commands;

/// <summary><c>memory</c>: measures the peak resident set of a process that loads a network and runs it a few times.</summary>
internal static class MemoryCommand
{
    private const int DefaultRounds = 5;

    public static Command Create() => WholeProcessCommand.Create(
        new Command("memory", "Compares the peak memory of a process with ONNX Runtime's."),
        DefaultRounds,
        "peak resident set",
        "MB",
        "F1",
        WholeProcess.MemoryPeaksAsync,
        run => new Report(run.Model, run.Threads, run.Rounds, run.Ours, OrtEngine.Name, run.Peer, run.Ratio));

    /// <summary>Medians in megabytes (10^6 bytes), mapped files included; the ratio is the median over the rounds.</summary>
    private sealed record Report(string Model, int Threads, int Rounds, double OursMb, string Peer, double PeerMb, double Ratio);
}
