using System.CommandLine;
using System.Diagnostics;
using IlgpuResNet.Bench.Engines;
using IlgpuResNet.Cli;
using IlgpuResNet.Devices;
using IlgpuResNet.Execution;
using IlgpuResNet.Kernels;
using IlgpuResNet.Models;
using Spectre.Console;

namespace IlgpuResNet.Bench.Commands;

/// <summary><c>run</c>: a network on a device of this machine, by layer and by batch.</summary>
internal static class RunCommand
{
    private const int DefaultRounds = 10;
    private const int DefaultBatch = 32;
    private const int MostBatch = 4096;

    public static Command Create()
    {
        Option<string?> model = BenchOptions.Model(), json = BenchOptions.Json();
        var device = new Option<string>("--device") { Description = "Device id.", DefaultValueFactory = _ => ComputeDevice.Default.Id };
        var against = new Option<string?>("--against") { Description = "Also measure this device, compare the logits, and print the ratio of times." };
        var batch = new Option<int>("--batch") { Description = "Largest batch; smaller powers of two are measured too.", DefaultValueFactory = _ => DefaultBatch };
        batch.RequireWholeNumber(1, MostBatch);
        Option<int> rounds = BenchOptions.Rounds(DefaultRounds, "Timed runs for each figure.");
        var command = new Command("run", "Times a network on a device: each layer, end to end, and batch by batch.") { model, device, against, batch, rounds, json };
        command.SetAction(result =>
        {
            ResNetConfig config = result.Preset(model);
            int[] batches = [.. Batches(result.GetValue(batch))];
            // Found out now, not after minutes of measuring.
            ComputeDevice? other = result.GetValue(against) is { } id ? ComputeDevice.Get(id) : null;
            Report report = Measure(config, ComputeDevice.Get(result.GetValue(device)!), batches, result.GetValue(rounds));
            report.Print();
            if (other is not null)
            {
                Report second = Measure(config, other, batches, result.GetValue(rounds));
                second.Print();
                report = report with { Against = second, Comparisons = Compare(report, second) };
                report.PrintComparisons();
            }
            Figures.WriteJson(result.GetValue(json), report);
        });
        return command;
    }

    private static IEnumerable<int> Batches(int largest)
    {
        for (int batch = 1; batch < largest; batch *= 2) yield return batch;
        yield return largest;
    }

    private static Report Measure(ResNetConfig config, ComputeDevice device, int[] batches, int rounds)
    {
        device.AllowsMarkers = device.Kind is not DeviceKind.Cpu;
        using ResNet network = RandomData.Network(config);
        double peak = PeakOf(device);
        var points = new List<BatchReport>();
        foreach (int batch in batches) points.Add(BatchReport.Measure(network, device, batch, rounds, peak));
        KernelLoadTimes kernels = device.Open().LoadTimes;
        return new Report(
            config.Name, device.Id, device.Name, kernels.Kernels, kernels.Generating.TotalMilliseconds, kernels.Building.TotalMilliseconds, rounds, peak / Report.Giga,
            device.IsGpu ? "by its clock and lanes" : "measured here", [.. points], null, null);
    }

    /// <summary>Float32 operations a second: of a GPU what its driver tells, of the processor what it was seen to do.</summary>
    private static double PeakOf(ComputeDevice device) => device.IsGpu
        ? device.Open().Profile!.PeakFlops
        : MachinePeak.Measure(SimdWidth.Widest, Environment.ProcessorCount).GflopPerSecond * Report.Giga;

    /// <exception cref="ResNetException">The devices do not compute the same.</exception>
    private static ComparisonReport[] Compare(Report ours, Report other) => [.. ours.Batches.Zip(other.Batches, (a, b) =>
    {
        double error = Comparison.MaxError(a.Logits, b.Logits, a.Batch);
        return error <= Comparison.LargestError
            ? new ComparisonReport(a.Batch, error, a.EndToEndMs / b.EndToEndMs)
            : throw new ResNetException($"The logits of {ours.Device} and {other.Device} differ by {Figures.Text(error, "E1")} (relative L2), more than {Figures.Text(Comparison.LargestError, "E0")}: their times cannot be compared.");
    })];

    /// <summary>
    /// One device. The share of the peak counts the products of the definition, whatever algorithm left some out. The driver's time for kernels is summed over
    /// those that it had at once, waiting included.
    /// </summary>
    private sealed record Report(
        string Model, string Device, string DeviceName, int Kernels, double GeneratingMs, double BuildingMs, int Rounds,
        double PeakGflopPerSecond, string PeakSource, BatchReport[] Batches, Report? Against, ComparisonReport[]? Comparisons)
    {
        public const double Giga = 1e9;

        public void Print()
        {
            Console.WriteLine($"{Model}, {Device} ({DeviceName}), medians of {Rounds} rounds");
            BatchReport largest = Batches[^1];
            Table steps = Figures.Table(2, "step", "kernel", $"ms, batch {largest.Batch}", "GFLOP/s", "of peak");
            foreach (StepReport step in largest.Steps)
            {
                steps.AddRow(
                    Markup.Escape(step.Name), Markup.Escape(step.Kernel), Figures.Text(step.Ms, "F4"),
                    step.GflopPerSecond > 0 ? Figures.Text(step.GflopPerSecond, "F1") : "", step.GflopPerSecond > 0 ? Figures.Text(step.PeakShare, "P0") : "");
            }
            Figures.Print(steps);
            Table table = Figures.Table(0, "batch", "end to end ms", "device ms", "sum of steps ms", "images/s", "of peak", "session ms", "first run ms");
            foreach (BatchReport batch in Batches)
            {
                table.AddRow(
                    Figures.Text(batch.Batch, "F0"), Figures.Text(batch.EndToEndMs, "F3"), Figures.Text(batch.DeviceMs, "F3"), Figures.Text(batch.SumOfStepsMs, "F3"),
                    Figures.Text(batch.ImagesPerSecond, "F1"), Figures.Text(batch.PeakShare, "P1"), Figures.Text(batch.SessionMs, "F0"), Figures.Text(batch.FirstRunMs, "F1"));
            }
            Figures.Print(table);
            if (Kernels > 0)
                Console.WriteLine($"kernels     {Kernels} of all batches, {Figures.Text(GeneratingMs, "F0")} ms in ILGPU, {Figures.Text(BuildingMs, "F0")} ms in the driver (summed): part of the sessions' time");
            Console.WriteLine($"peak        {Figures.Text(PeakGflopPerSecond, "F1")} GFLOP/s, {PeakSource}");
        }

        public void PrintComparisons()
        {
            foreach (ComparisonReport comparison in Comparisons!)
                Console.WriteLine($"ratio {Figures.Text(comparison.Ratio, "F3")} of times end to end, {Device} to {Against!.Device}, batch {comparison.Batch}, logits differ by {Figures.Text(comparison.MaxRelError, "E1")}");
        }
    }

    /// <summary>One batch: a session made for it, its first run, and its steady state.</summary>
    private sealed record BatchReport(
        int Batch, double SessionMs, double FirstRunMs, double EndToEndMs, double DeviceMs, double SumOfStepsMs, double ImagesPerSecond, double PeakShare, StepReport[] Steps)
    {
        /// <summary>For a comparison; not written.</summary>
        internal float[] Logits { get; private init; } = [];

        public static BatchReport Measure(ResNet network, ComputeDevice device, int batch, int rounds, double peak)
        {
            long start = Stopwatch.GetTimestamp();
            using var session = new InferenceSession(network, device, new SessionOptions { MaxBatch = batch });
            double sessionMs = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            float[] images = RandomData.Images(batch * session.Input.Length), logits = new float[batch * session.NumClasses];
            start = Stopwatch.GetTimestamp();
            session.Run(images, logits);
            double firstMs = Stopwatch.GetElapsedTime(start).TotalMilliseconds;

            DeviceTimes times = DeviceTimes.Measure(session, images, rounds);
            double imagesPerSecond = batch * 1000 / times.EndToEndMs;
            return new BatchReport(
                batch, sessionMs, firstMs, times.EndToEndMs, times.DeviceMs, times.StepMs.Sum(), imagesPerSecond, 2.0 * session.Plan.Macs * imagesPerSecond / peak,
                [.. session.Plan.Steps.Zip(session.StepKernels, times.StepMs).Select(step => StepReport.Of(step.First, step.Second, step.Third, batch, peak))])
            {
                Logits = logits,
            };
        }
    }

    private sealed record StepReport(string Name, string Kernel, double Ms, double GflopPerSecond, double PeakShare)
    {
        public static StepReport Of(PlanStep step, Conv2dKernel kernel, double ms, int batch, double peak)
        {
            double flops = ms > 0 ? 2.0 * batch * step.Macs / (ms * 1e-3) : 0;
            string name = kernel.Tile == default ? LayersCommand.NameOf(kernel.Algorithm) : $"{LayersCommand.NameOf(kernel.Algorithm)} {kernel.Tile}{(kernel.Splits > 1 ? $", {kernel.Splits} splits" : "")}";
            return new StepReport(step.Node.Name, step.Macs > 0 ? name : "", ms, flops / Report.Giga, flops / peak);
        }
    }

    /// <summary>Two devices on the same weights and images.</summary>
    private sealed record ComparisonReport(int Batch, double MaxRelError, double Ratio);
}
