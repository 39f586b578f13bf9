using System.CommandLine;
using IlgpuResNet.Bench.Engines;
using IlgpuResNet.Cli;

namespace IlgpuResNet.Bench.Commands;

/// <summary>
/// <c>cold</c>: time from the start of a process to its first logits, the start of .NET included, from a weights file that the
/// system's cache holds.
/// </summary>
internal static class ColdCommand
{
    private const int DefaultRounds = 15;

    public static Command Create()
    {
        Option<string?> model = BenchOptions.Model(), json = BenchOptions.Json();
        Option<int> threads = BenchOptions.Threads();
        Option<int> rounds = BenchOptions.Rounds(DefaultRounds, "Processes of each engine.");
        var command = new Command("cold", "Compares the time from process start to first logits with ONNX Runtime's.") { model, threads, rounds, json };
        command.SetCancellableAction(async (result, cancellation) =>
        {
            ResNetConfig config = result.Preset(model);
            using var files = new ModelFiles(config);
            PairedRounds times = await WholeProcess.ColdStartsAsync(files, result.GetValue(threads), result.GetValue(rounds), cancellation);
            Console.WriteLine($"{config.Name}, process start to first logits, {result.GetValue(threads)} threads, {times.Ours.Length} processes of each engine");
            Figures.Print(times, "ms", "F0");
            Figures.WriteJson(result.GetValue(json), new Report(
                config.Name, result.GetValue(threads), times.Ours.Length,
                Statistics.Of(times.Ours).Median, OrtEngine.Name, Statistics.Of(times.Peer).Median, times.Ratio.Median));
        });
        return command;
    }

    /// <summary>Medians in milliseconds; the ratio is the median over the rounds.</summary>
    private sealed record Report(string Model, int Threads, int Rounds, double OursMs, string Peer, double PeerMs, double Ratio);
}
