using System.CommandLine;
using IlgpuResNet.Bench.Engines;
using IlgpuResNet.Models;
using Spectre.Console;

namespace IlgpuResNet.Bench.Commands;

/// <summary><c>compare</c>: time of one inference, ours against ONNX Runtime, on the same weights and images.</summary>
internal static class CompareCommand
{
    private const int DefaultRounds = 25;

    public static Command Create()
    {
        Option<string?> model = BenchOptions.Model(), json = BenchOptions.Json();
        Option<int> batch = BenchOptions.Batch(), threads = BenchOptions.Threads();
        Option<int> rounds = BenchOptions.Rounds(DefaultRounds, "Rounds, in each of which both engines are timed.");
        var command = new Command("compare", "Compares the processor's time with ONNX Runtime's.") { model, batch, threads, rounds, json };
        command.SetAction(async (result, cancellation) =>
        {
            ResNetConfig config = result.Preset(model);
            using var files = new ModelFiles(config);
            Comparison comparison = await Comparison.RunAsync(files, result.GetValue(batch), result.GetValue(threads), result.GetValue(rounds), cancellation);
            Report report = Report.Of(config.Name, result.GetValue(batch), result.GetValue(threads), comparison);
            report.Print();
            Figures.WriteJson(result.GetValue(json), report);
        });
        return command;
    }

    /// <summary>Times in milliseconds of one inference; those without min or max, and the ratio, are medians over the rounds.</summary>
    private sealed record Report(
        string Model, int Batch, int Threads, int Rounds, int RunsPerRound,
        double OursMs, double OursMinMs, double OursMaxMs,
        string Peer, double PeerMs, double PeerMinMs, double PeerMaxMs,
        double Ratio, double RatioMin, double RatioMax, double MaxRelError)
    {
        public static Report Of(string model, int batch, int threads, Comparison comparison)
        {
            Statistics ours = Statistics.Of(comparison.Ours), peer = Statistics.Of(comparison.Peer), ratio = Statistics.Of(comparison.Ratios);
            return new Report(
                model, batch, threads, comparison.Ours.Length, comparison.RunsPerRound,
                ours.Median, ours.Min, ours.Max, OrtEngine.Name, peer.Median, peer.Min, peer.Max,
                ratio.Median, ratio.Min, ratio.Max, comparison.MaxRelativeError);
        }

        public void Print()
        {
            Console.WriteLine($"{Model}, batch {Batch}, {Threads} threads, {Rounds} rounds of {RunsPerRound} inferences each");
            Table table = Figures.Table(1, "engine", "median ms", "min ms", "max ms", "images/s");
            Add("ours", OursMs, OursMinMs, OursMaxMs);
            Add(Peer, PeerMs, PeerMinMs, PeerMaxMs);
            Figures.Print(table);
            Console.WriteLine($"logits      {Figures.Text(MaxRelError, "E1")} apart (relative L2)");
            Console.WriteLine($"per round   ours / peer from {Figures.Text(RatioMin, "F3")} to {Figures.Text(RatioMax, "F3")}");
            Console.WriteLine($"ratio {Figures.Text(Ratio, "F3")}");

            void Add(string engine, double median, double min, double max) => table.AddRow(
                engine, Figures.Text(median, "F1"), Figures.Text(min, "F1"), Figures.Text(max, "F1"), Figures.Text(Batch * 1000 / median, "F1"));
        }
    }
}
