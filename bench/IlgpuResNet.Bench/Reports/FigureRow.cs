using System.Text;
using IlgpuResNet.Bench.Engines;
using IlgpuResNet.Files;

namespace IlgpuResNet.Bench.Reports;

/// <summary>A row of the README's table of figures.</summary>
/// <param name="What">What was measured.</param>
/// <param name="Figure">What came.</param>
/// <param name="Command">The command that measures it alone.</param>
internal sealed record FigureRow(string What, string Figure, string Command)
{
    /// <summary>A row for each figure that the report has.</summary>
    public static IReadOnlyList<FigureRow> Of(BenchReport report)
    {
        var rows = new List<FigureRow>();
        if (report.Peers is { } peers)
        {
            string options = $"--model {report.Model} --threads {peers.Threads}";
            foreach (PeerTimes time in peers.Times)
            {
                rows.Add(new FigureRow(
                    $"{report.Model} against {peers.Peer}, both with {peers.Threads} threads, batch {time.Batch}: time of a run, median of {time.Ms.Ours.Length} rounds in turn",
                    $"{Pair(time.Ms, "ms", "F1")} of its time; at the least {Figures.Text(time.Ms.Ours.Min(), "F1")} and {Figures.Text(time.Ms.Peer.Min(), "F1")} ms{OtherWork(time)}",
                    $"bench compare {options} --batch {time.Batch} --rounds {time.Ms.Ours.Length}"));
            }
            if (peers.ColdMs is { } cold)
                rows.Add(new FigureRow($"from the start of a process to {report.Model}'s first logits, weights in a file, median of {cold.Ours.Length}", Pair(cold, "ms", "F0"), $"bench cold {options} --rounds {cold.Ours.Length}"));
            if (peers.MemoryMb is { } memory)
                rows.Add(new FigureRow($"most memory of a process that runs {report.Model}, median of {memory.Ours.Length}", Pair(memory, "MB", "F0"), $"bench memory {options} --rounds {memory.Ours.Length}"));
        }
        foreach (DeviceRun run in report.Devices)
        {
            foreach (BatchRun batch in run.Batches)
            {
                rows.Add(new FigureRow(
                    $"{report.Model} on {run.Device} ({run.DeviceName}), batch {batch.Batch}, median of {run.Rounds}",
                    $"{Figures.Text(batch.EndToEndMs, "F1")} ms, {Figures.Text(batch.ImagesPerSecond, "F1")} images/s, {Figures.Text(batch.PeakShare, "F2")} of the peak of {Figures.Text(run.PeakGflopPerSecond, "F0")} GFLOP/s, {run.PeakSource}",
                    $"bench run --model {report.Model} --device {run.Device} --batch {batch.Batch} --rounds {run.Rounds}"));
            }
        }
        return rows;
    }

    /// <summary>The table as Markdown, with the machine above it and what is missing below.</summary>
    public static string Markdown(BenchReport report)
    {
        var text = new StringBuilder();
        Machine machine = report.Machine;
        Line($"Measured on {Cell(machine.Processor)}, {machine.Threads} threads, {Cell(machine.System)}, {Cell(machine.Runtime)}, build {Cell(machine.Build)}, {Figures.Date(report.Started)}, by `bench {Cell(report.Command)}`.");
        Line("");
        Line("| what | figure | command |");
        Line("| --- | --- | --- |");
        foreach (FigureRow row in Of(report)) Line($"| {Cell(row.What)} | {Cell(row.Figure)} | `{Cell(row.Command)}` |");
        if (report.Skipped.Length > 0)
        {
            Line("");
            Line("Not measured:");
            Line("");
            foreach (string skipped in report.Skipped) Line($"- {Cell(skipped)}");
        }
        return text.ToString();

        void Line(string line) => text.Append(line).Append('\n');
    }

    private static string Pair(PairedRounds rounds, string unit, string format) =>
        $"{Figures.Text(Statistics.Of(rounds.Ours).Median, format)} {unit} for {Figures.Text(Statistics.Of(rounds.Peer).Median, format)}, {Figures.Text(rounds.Ratio.Median, "F2")}";

    private static string OtherWork(PeerTimes time) => time.OtherWork is { } share ? $"; other work took {Figures.Text(share, "P0")} of the processors' time" : "";

    /// <summary>Text that does not end a cell of a table, nor begins anything else.</summary>
    private static string Cell(string text) => FileText.OneLine(text).Replace("|", "\\|", StringComparison.Ordinal).Replace("<", "&lt;", StringComparison.Ordinal);
}
