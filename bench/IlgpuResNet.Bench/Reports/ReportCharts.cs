using IlgpuResNet.Bench.Engines;
using IlgpuResNet.Imaging;

namespace IlgpuResNet.Bench.Reports;

/// <summary>A chart and the name of its file, without extension.</summary>
internal sealed record NamedChart(string Name, Drawing Drawing);

/// <summary>The charts of a report.</summary>
internal static class ReportCharts
{
    /// <summary>Charts that compare both engines: time of a run, cold start and memory.</summary>
    public static IEnumerable<NamedChart> Of(PeerReport peers)
    {
        if (peers.Times.Length > 0)
        {
            yield return new NamedChart("peers-time", BarChart.Draw(
                "Time of an image", $"ms, {peers.Threads} threads each; lower is better",
                [.. peers.Times.SelectMany(time => Pair(time.Ms, $", batch {time.Batch}", "F1", peers.PeerName, time.Batch))]));
        }
        if (peers.ColdMs is { } cold)
        {
            yield return new NamedChart("peers-cold", BarChart.Draw(
                "Process start to first logits", "ms; lower is better", Pair(cold, "", "F0", peers.PeerName)));
        }
        if (peers.MemoryMb is { } memory)
        {
            yield return new NamedChart("peers-memory", BarChart.Draw(
                "Peak memory of a process", "MB; lower is better", Pair(memory, "", "F0", peers.PeerName)));
        }
    }

    /// <summary>Charts of one device with a bar for each batch size.</summary>
    public static IEnumerable<NamedChart> BatchesOf(DeviceRun run)
    {
        yield return new NamedChart($"{FileName(run)}-batches", BarChart.Draw(
            $"Images per second on {run.Device}", "by batch; higher is better",
            [.. run.Batches.Select(batch =>
                new Bar($"batch {batch.Batch}", batch.ImagesPerSecond, Figures.Text(batch.ImagesPerSecond, "F1")))]));
        yield return new NamedChart($"{FileName(run)}-peak", BarChart.Draw(
            $"Share of the peak on {run.Device}", $"of {Figures.Text(run.PeakGflopPerSecond, "F0")} GFLOP/s, {run.PeakSource}",
            [.. run.Batches.Select(batch =>
                new Bar($"batch {batch.Batch}", batch.PeakShare, Figures.Text(batch.PeakShare, "P0"), Ink.Second))],
            mark: 1));
    }

    /// <summary>Charts of one device and batch size with a bar for each layer.</summary>
    public static IEnumerable<NamedChart> LayersOf(DeviceRun run, BatchRun batch)
    {
        yield return new NamedChart($"{FileName(run)}-layers-{batch.Batch}", BarChart.Draw(
            $"Time of each layer on {run.Device}", $"ms, batch {batch.Batch}, {Figures.Text(batch.SumOfStepsMs, "F2")} in all",
            [.. batch.Steps.Select(step => new Bar(step.Name, step.Ms, Figures.Text(step.Ms, "F3")))]));
        StepRun[] products = [.. batch.Steps.Where(step => step.GflopPerSecond > 0)];
        if (products.Length > 0)
        {
            yield return new NamedChart($"{FileName(run)}-layers-{batch.Batch}-peak", BarChart.Draw(
                "Each layer's share of the peak", $"{run.Device}, batch {batch.Batch}; the line is the peak",
                [.. products.Select(step => new Bar(step.Name, step.PeakShare, Figures.Text(step.PeakShare, "P0"), Ink.Second))], mark: 1));
        }
    }

    /// <summary>The smallest and the largest batch; charts of layers show these.</summary>
    public static BatchRun[] Ends(DeviceRun run) => run.Batches.Length > 1 ? [run.Batches[0], run.Batches[^1]] : run.Batches;

    /// <summary>All charts of a report.</summary>
    public static IEnumerable<NamedChart> Of(BenchReport report) =>
    [
        .. report.Peers is { } peers ? Of(peers) : [],
        .. report.Devices.SelectMany(run => BatchesOf(run).Concat(Ends(run).SelectMany(batch => LayersOf(run, batch)))),
    ];

    private static string FileName(DeviceRun run) =>
        string.Concat(run.Device.Select(c => char.IsAsciiLetterOrDigit(c) ? c : '-'));

    /// <summary>Both medians, divided by <paramref name="divisor"/>.</summary>
    private static Bar[] Pair(PairedRounds rounds, string suffix, string format, string peer, int divisor = 1)
    {
        double ours = Statistics.Of(rounds.Ours).Median / divisor, theirs = Statistics.Of(rounds.Peer).Median / divisor;
        return
        [
            new Bar($"ours{suffix}", ours, Figures.Text(ours, format)),
            new Bar($"{peer}{suffix}", theirs, Figures.Text(theirs, format), Ink.Second),
        ];
    }
}
