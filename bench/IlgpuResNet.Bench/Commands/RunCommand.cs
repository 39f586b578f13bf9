using System.CommandLine;
using IlgpuResNet.Bench.Engines;
using IlgpuResNet.Cli;
using Spectre.Console;

namespace IlgpuResNet.Bench.Commands;

/// <summary><c>run</c>: times a network on a device of this machine, by layer and by batch; a GPU passes its self-test first.</summary>
internal static class RunCommand
{
    private const int DefaultRounds = 10;
    private const int DefaultBatch = 32;
    private const int MostBatch = 4096;

    public static Command Create()
    {
        Option<string?> model = BenchOptions.Model(), json = BenchOptions.Json();
        var device = new Option<string>("--device") { Description = "Device id.", DefaultValueFactory = _ => ComputeDevice.Default.Id };
        var against = new Option<string?>("--against")
        {
            Description = "Also measure this device, compare the logits, and print the ratio of times.",
        };
        var batch = new Option<int>("--batch")
        {
            Description = "Largest batch; smaller powers of two are measured too.",
            DefaultValueFactory = _ => DefaultBatch,
        };
        batch.RequireWholeNumber(1, MostBatch);
        Option<int> rounds = BenchOptions.Rounds(DefaultRounds, "Timed runs for each figure.");
        var command = new Command("run", "Times a network on a device by layer, end to end, by batch; tests a GPU's kernels first.")
        {
            model, device, against, batch, rounds, json,
        };
        command.SetCancellableAction((result, cancellation) =>
        {
            ResNetConfig config = result.Preset(model);
            int[] batches = [.. DeviceRun.BatchesTo(result.GetValue(batch))];
            // Checked now, not after minutes of measuring.
            ComputeDevice? other = result.GetValue(against) is { } id ? ComputeDevice.Get(id) : null;
            ComputeDevice measured = ComputeDevice.Get(result.GetValue(device)!);
            if (measured.IsGpu)
            {
                // The steps of a device that was opened without markers cannot be timed.
                measured.RequestMarkers();
                SelfTestCommand.Run(config, measured, [1, batches[^1]], cancellation);
            }
            DeviceRun run = DeviceRun.Measure(config, measured, batches, result.GetValue(rounds), cancellation: cancellation);
            Print(run);
            if (other is null)
            {
                Figures.WriteJson(result.GetValue(json), run);
                return;
            }
            DeviceRun second = DeviceRun.Measure(config, other, batches, result.GetValue(rounds), cancellation: cancellation);
            Print(second);
            var compared = new ComparedRuns(run, second);
            foreach (ComparisonReport comparison in compared.Comparisons)
                Console.WriteLine(
                    $"ratio {Figures.Text(comparison.Ratio, "F3")} of times end to end, {run.Device} to {second.Device}, "
                    + $"batch {comparison.Batch}, logits differ by {Figures.Text(comparison.MaxRelError, "E1")}");
            Figures.WriteJson(result.GetValue(json), compared);
        });
        return command;
    }

    private static void Print(DeviceRun run)
    {
        Console.WriteLine($"{run.Model}, {run.Device} ({run.DeviceName}), medians of {run.Rounds} rounds");
        BatchRun largest = run.Batches[^1];
        Table steps = Figures.Table(2, "step", "kernel", $"ms, batch {largest.Batch}", "GFLOP/s", "of peak");
        foreach (StepRun step in largest.Steps)
        {
            steps.AddRow(
                Markup.Escape(step.Name), Markup.Escape(step.Kernel), Figures.Text(step.Ms, "F4"),
                step.GflopPerSecond > 0 ? Figures.Text(step.GflopPerSecond, "F1") : "",
                step.GflopPerSecond > 0 ? Figures.Text(step.PeakShare, "P0") : "");
        }
        Figures.Print(steps);
        Table table = Figures.Table(
            0, "batch", "end to end ms", "device ms", "sum of steps ms", "images/s", "of peak", "session ms", "first run ms");
        foreach (BatchRun batch in run.Batches)
        {
            table.AddRow(
                Figures.Text(batch.Batch, "F0"),
                Figures.Text(batch.EndToEndMs, "F3"), Figures.Text(batch.DeviceMs, "F3"), Figures.Text(batch.SumOfStepsMs, "F3"),
                Figures.Text(batch.ImagesPerSecond, "F1"), Figures.Text(batch.PeakShare, "P1"),
                Figures.Text(batch.SessionMs, "F0"), Figures.Text(batch.FirstRunMs, "F1"));
        }
        Figures.Print(table);
        if (run.Kernels > 0)
            Console.WriteLine(
                $"kernels     {run.Kernels} of all batches, {Figures.Text(run.GeneratingMs, "F0")} ms in ILGPU, "
                + $"{Figures.Text(run.BuildingMs, "F0")} ms in the driver (summed): part of the sessions' time");
        Console.WriteLine($"peak        {Figures.Text(run.PeakGflopPerSecond, "F1")} GFLOP/s, {run.PeakSource}");
    }

    /// <summary>The runs of two devices, and their differences.</summary>
    private sealed record ComparedRuns : DeviceRun
    {
        /// <exception cref="ResNetException">The logits of the devices differ.</exception>
        public ComparedRuns(DeviceRun run, DeviceRun against)
            : base(run)
        {
            Against = against;
            Comparisons = [.. run.Batches.Zip(against.Batches, (a, b) =>
            {
                double error = Comparison.MaxError(a.Logits, b.Logits, a.Batch);
                return error <= Comparison.LargestError
                    ? new ComparisonReport(a.Batch, error, a.EndToEndMs / b.EndToEndMs)
                    : throw new ResNetException(
                        $"The logits of {run.Device} and {against.Device} differ by {Figures.Text(error, "E1")} "
                        + $"(relative L2), more than {Figures.Text(Comparison.LargestError, "E0")}: their times cannot be compared.");
            })];
        }

        public DeviceRun Against { get; }

        public ComparisonReport[] Comparisons { get; }
    }

    /// <summary>Two devices on the same weights and images.</summary>
    private sealed record ComparisonReport(int Batch, double MaxRelError, double Ratio);
}
