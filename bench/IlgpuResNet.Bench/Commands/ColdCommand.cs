using System.CommandLine;
using System.Diagnostics;
using IlgpuResNet.Bench.Engines;
using IlgpuResNet.Models;

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
        command.SetAction(async (result, cancellation) =>
        {
            ResNetConfig config = result.Preset(model);
            using var files = new ModelFiles(config);
            // The first processes read files that the system's cache does not hold yet.
            await MeasureAsync(EngineKind.Ours);
            await MeasureAsync(EngineKind.Ort);
            PairedRounds times = await PairedRounds.MeasureAsync(result.GetValue(rounds), MeasureAsync);
            Console.WriteLine($"{config.Name}, process start to first logits, {result.GetValue(threads)} threads, {times.Ours.Length} processes of each engine");
            Figures.Print(times, "ms", "F0");
            Figures.WriteJson(result.GetValue(json), new Report(
                config.Name, result.GetValue(threads), times.Ours.Length,
                Statistics.Of(times.Ours).Median, OrtEngine.Name, Statistics.Of(times.Peer).Median, times.Ratio.Median));

            async Task<double> MeasureAsync(EngineKind kind)
            {
                long start = Stopwatch.GetTimestamp();
                using EngineProcess engine = EngineProcess.Start(new EngineJob(kind, EngineTask.Cold, files.Of(kind), 1, result.GetValue(threads)));
                await engine.AnswerAsync(cancellation);
                double elapsedMs = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
                await engine.EndAsync(cancellation);
                return elapsedMs;
            }
        });
        return command;
    }

    /// <summary>Medians in milliseconds; the ratio is the median over the rounds.</summary>
    private sealed record Report(string Model, int Threads, int Rounds, double OursMs, string Peer, double PeerMs, double Ratio);
}
