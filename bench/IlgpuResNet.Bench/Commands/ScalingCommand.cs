using System.CommandLine;
using IlgpuResNet.Bench.Engines;
using IlgpuResNet.Cli;
using Spectre.Console;

namespace IlgpuResNet.Bench.Commands;

/// <summary><c>scaling</c>: measures images per second for each number of threads and each batch, beside ONNX Runtime's.</summary>
internal static class ScalingCommand
{
    private const int DefaultRounds = 5;
    private const int LargestBatch = 32;

    public static Command Create()
    {
        Option<string?> model = BenchOptions.Model(), json = BenchOptions.Json();
        Option<int> rounds = BenchOptions.Rounds(DefaultRounds, "Rounds for each number of threads and each batch.");
        var command = new Command(
            "scaling", $"Images per second for 1 thread to all and batches of 1 to {LargestBatch}, beside ONNX Runtime's.")
        {
            model, rounds, json,
        };
        command.SetCancellableAction(async (result, cancellation) =>
        {
            ResNetConfig config = result.Preset(model);
            using var files = new ModelFiles(config);
            var points = new List<Point>();
            Table table = Figures.Table(0, "threads", "batch", "ours images/s", "peer images/s", "ratio of times");
            foreach (int threads in ThreadCounts(Environment.ProcessorCount))
            {
                for (int batch = 1; batch <= LargestBatch; batch *= 2)
                {
                    PairedRounds times = (await Comparison.RunAsync(files, batch, threads, result.GetValue(rounds), cancellation)).Times;
                    double ours = Statistics.Of(times.Ours).Median, peer = Statistics.Of(times.Peer).Median;
                    var point = new Point(threads, batch, batch * 1000 / ours, batch * 1000 / peer, times.Ratio.Median);
                    points.Add(point);
                    table.AddRow(
                        Figures.Text(point.Threads, "F0"), Figures.Text(point.Batch, "F0"),
                        Figures.Text(point.OursImagesPerSecond, "F1"), Figures.Text(point.PeerImagesPerSecond, "F1"),
                        Figures.Text(point.Ratio, "F3"));
                }
            }
            Console.WriteLine($"{config.Name}, medians of {result.GetValue(rounds)} rounds; the peer is {OrtEngine.Name}");
            Figures.Print(table);
            Figures.WriteJson(result.GetValue(json), new Report(config.Name, result.GetValue(rounds), OrtEngine.Name, [.. points]));
        });
        return command;
    }

    /// <summary>Powers of two below the number of cores, and that number.</summary>
    private static IEnumerable<int> ThreadCounts(int cores)
    {
        for (int threads = 1; threads < cores; threads *= 2) yield return threads;
        yield return cores;
    }

    private sealed record Report(string Model, int Rounds, string Peer, Point[] Points);

    /// <summary>Medians over the rounds; the ratio is our time over the peer's.</summary>
    private sealed record Point(int Threads, int Batch, double OursImagesPerSecond, double PeerImagesPerSecond, double Ratio);
}
