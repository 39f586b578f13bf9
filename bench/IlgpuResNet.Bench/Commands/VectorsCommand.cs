using System.CommandLine;
using IlgpuResNet.Bench.Engines;
using IlgpuResNet.Cli;
using IlgpuResNet.Kernels.Simd;
using Spectre.Console;

namespace IlgpuResNet.Bench.Commands;

/// <summary><c>vectors</c>: times one inference with each vector width that the processor has, and with none.</summary>
internal static class VectorsCommand
{
    private const int DefaultRounds = 9;

    /// <summary>A round of the slowest width lasts about a second.</summary>
    private const int RunsPerRound = 2;

    /// <summary>
    /// Widths with the floats of their vectors, and the setting that keeps .NET from wider ones (clrconfignames.h of the .NET runtime).
    /// </summary>
    private static readonly (string Name, int Lanes, string? SwitchedOff)[] Widths =
    [
        ("512 bits (AVX-512)", SimdLanes512.Count, null),
        ("256 bits (AVX2)", SimdLanes256.Count, "DOTNET_EnableAVX512"),
        ("128 bits", SimdLanes128.Count, "DOTNET_EnableAVX"),
        ("none", SimdLanes32.Count, "DOTNET_EnableHWIntrinsic"),
    ];

    public static Command Create()
    {
        Option<string?> model = BenchOptions.Model(), json = BenchOptions.Json();
        Option<int> batch = BenchOptions.Batch(), threads = BenchOptions.Threads("Threads at work.");
        Option<int> rounds = BenchOptions.Rounds(DefaultRounds, "Rounds, in each of which every width is timed.");
        var command = new Command("vectors", "Times one inference with each vector width that this processor has, and with none.")
        {
            model, batch, threads, rounds, json,
        };
        command.SetCancellableAction(async (result, cancellation) =>
        {
            ResNetConfig config = result.Preset(model);
            using var files = new ModelFiles(config);
            (string Name, int Lanes, string? SwitchedOff)[] widths = [.. Widths.Where(width => width.Lanes <= SimdWidth.Widest)];
            var engines = new List<EngineProcess>();
            try
            {
                foreach ((_, int lanes, string? switchedOff) in widths)
                {
                    var job = new EngineJob(
                        EngineKind.Ours, EngineTask.Rounds, files.Of(EngineKind.Ours),
                        result.GetValue(batch), result.GetValue(threads), files.LogitsOf(EngineKind.Ours));
                    EngineProcess engine = EngineProcess.Start(job, lanes < SimdWidth.Widest ? switchedOff : null);
                    engines.Add(engine);
                    await engine.TimeAsync(cancellation);
                }
                double[][] times = [.. widths.Select(_ => new double[result.GetValue(rounds)])];
                for (int round = 0; round < result.GetValue(rounds); round++)
                {
                    // The first width changes with every round, as in the comparison of engines.
                    for (int i = 0; i < widths.Length; i++)
                    {
                        int width = (i + round) % widths.Length;
                        times[width][round] = (await engines[width].TimeAsync(RunsPerRound, cancellation)).Elapsed;
                    }
                }
                Report report = new(
                    config.Name, result.GetValue(batch), result.GetValue(threads), result.GetValue(rounds),
                    [.. widths.Zip(times, (width, ms) => WidthReport.Of(width.Name, width.Lanes, ms, times[0]))]);
                report.Print();
                Figures.WriteJson(result.GetValue(json), report);
            }
            finally
            {
                foreach (EngineProcess engine in engines) engine.Dispose();
            }
        });
        return command;
    }

    private sealed record Report(string Model, int Batch, int Threads, int Rounds, WidthReport[] Widths)
    {
        public void Print()
        {
            Console.WriteLine($"{Model}, batch {Batch}, {Threads} threads, {Rounds} rounds of {RunsPerRound} inferences");
            Table table = Figures.Table(1, "vectors", "median ms", "min ms", "max ms", "times the widest");
            foreach (WidthReport width in Widths)
                table.AddRow(
                    Markup.Escape(width.Name), Figures.Text(width.Ms, "F1"), Figures.Text(width.MinMs, "F1"),
                    Figures.Text(width.MaxMs, "F1"), Figures.Text(width.Ratio, "F2"));
            Figures.Print(table);
        }
    }

    /// <summary>Milliseconds of one inference; the ratio to the widest vectors is the median over the rounds.</summary>
    private sealed record WidthReport(string Name, int Lanes, double Ms, double MinMs, double MaxMs, double Ratio)
    {
        public static WidthReport Of(string name, int lanes, double[] ms, double[] widest)
        {
            Statistics own = Statistics.Of(ms);
            return new WidthReport(
                name, lanes, own.Median, own.Min, own.Max, Statistics.Of(ms.Zip(widest, (time, best) => time / best)).Median);
        }
    }
}
