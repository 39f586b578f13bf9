using System.CommandLine;
using IlgpuResNet.Bench.Engines;
using IlgpuResNet.Cli;

namespace IlgpuResNet.Bench.Commands;

/// <summary><c>compare</c>: times one inference of this library and of ONNX Runtime on the same weights and images.</summary>
internal static class CompareCommand
{
    private const int DefaultRounds = 25;

    public static Command Create()
    {
        Option<string?> model = BenchOptions.Model(), json = BenchOptions.Json();
        Option<int> batch = BenchOptions.Batch(), threads = BenchOptions.Threads();
        Option<int> rounds = BenchOptions.Rounds(DefaultRounds, "Rounds, in each of which both engines are timed.");
        var command = new Command("compare", "Compares the processor's time with ONNX Runtime's.") { model, batch, threads, rounds, json };
        command.SetCancellableAction(async (result, cancellation) =>
        {
            ResNetConfig config = result.Preset(model);
            using var files = new ModelFiles(config);
            Comparison comparison = await Comparison.RunAsync(
                files, result.GetValue(batch), result.GetValue(threads), result.GetValue(rounds), cancellation);
            Report report = Report.Of(config.Name, result.GetValue(batch), result.GetValue(threads), comparison);
            Console.WriteLine(
                $"{report.Model}, batch {report.Batch}, {report.Threads} threads, "
                + $"{report.Rounds} rounds of {report.RunsPerRound} inferences");
            Console.WriteLine($"logits {Figures.Text(report.MaxRelError, "E1")} apart (relative L2, the largest of an image)");
            if (report.OtherWork is { } share)
                Console.WriteLine($"other work on this machine took {Figures.Text(share, "P0")} of the processors' time");
            Console.WriteLine(
                $"processor time {Figures.Text(report.OursProcessorMs, "F1")} ms against {Figures.Text(report.PeerProcessorMs, "F1")} ms, "
                + $"waiting threads that spin included; ratio {Figures.Text(report.ProcessorRatio, "F3")}");
            Figures.Print(comparison.Times, "ms", "F1");
            Figures.WriteJson(result.GetValue(json), report);
        });
        return command;
    }

    /// <summary>Times in milliseconds of one inference; those without min or max, and the ratio, are medians over the rounds.</summary>
    private sealed record Report(
        string Model, int Batch, int Threads, int Rounds, int RunsPerRound,
        double OursMs, double OursMinMs, double OursMaxMs,
        string Peer, double PeerMs, double PeerMinMs, double PeerMaxMs,
        double Ratio, double RatioMin, double RatioMax, double OursProcessorMs, double PeerProcessorMs, double ProcessorRatio,
        double MaxRelError, double? OtherWork)
    {
        public static Report Of(string model, int batch, int threads, Comparison comparison)
        {
            Statistics ours = Statistics.Of(comparison.Times.Ours);
            Statistics peer = Statistics.Of(comparison.Times.Peer);
            Statistics ratio = comparison.Times.Ratio;
            return new Report(
                model, batch, threads, comparison.Times.Ours.Length, comparison.RunsPerRound,
                ours.Median, ours.Min, ours.Max, OrtEngine.Name, peer.Median, peer.Min, peer.Max,
                ratio.Median, ratio.Min, ratio.Max,
                Statistics.Of(comparison.ProcessorTimes.Ours).Median, Statistics.Of(comparison.ProcessorTimes.Peer).Median,
                comparison.ProcessorTimes.Ratio.Median,
                comparison.MaxRelativeError, comparison.OtherWork);
        }
    }
}
