using System.CommandLine;
using IlgpuResNet.Bench.Engines;
using IlgpuResNet.Cli;

namespace IlgpuResNet.Bench.Commands;

/// <summary><c>memory</c>: peak resident set of a process that loads a network and runs it a few times.</summary>
internal static class MemoryCommand
{
    private const int DefaultRounds = 5;

    public static Command Create()
    {
        Option<string?> model = BenchOptions.Model(), json = BenchOptions.Json();
        Option<int> threads = BenchOptions.Threads();
        Option<int> rounds = BenchOptions.Rounds(DefaultRounds, "Processes of each engine.");
        var command = new Command("memory", "Compares the peak memory of a process with ONNX Runtime's.") { model, threads, rounds, json };
        command.SetCancellableAction(async (result, cancellation) =>
        {
            ResNetConfig config = result.Preset(model);
            using var files = new ModelFiles(config);
            PairedRounds peaks = await WholeProcess.MemoryPeaksAsync(files, result.GetValue(threads), result.GetValue(rounds), cancellation);
            Console.WriteLine($"{config.Name}, peak resident set, {result.GetValue(threads)} threads, {peaks.Ours.Length} processes of each engine");
            Figures.Print(peaks, "MB", "F1");
            Figures.WriteJson(result.GetValue(json), new Report(
                config.Name, result.GetValue(threads), peaks.Ours.Length,
                Statistics.Of(peaks.Ours).Median, OrtEngine.Name, Statistics.Of(peaks.Peer).Median, peaks.Ratio.Median));
        });
        return command;
    }

    /// <summary>Medians in megabytes (10^6 bytes), mapped files included; the ratio is the median over the rounds.</summary>
    private sealed record Report(string Model, int Threads, int Rounds, double OursMb, string Peer, double PeerMb, double Ratio);
}
