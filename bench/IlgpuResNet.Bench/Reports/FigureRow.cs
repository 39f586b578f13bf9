using System.Text;
using IlgpuResNet.Bench.Engines;
using IlgpuResNet.Files;

namespace IlgpuResNet.Bench.Reports;

/// <summary>A row of a table in <c>docs/figures.md</c>.</summary>
/// <param name="What">The quantity that was measured, and for which network, device and batch.</param>
/// <param name="Figure">The measured value with its unit.</param>
/// <param name="Command">The command that measures this row alone.</param>
internal sealed record FigureRow(string What, string Figure, string Command)
{
    /// <summary>The head of every table in <c>docs/figures.md</c>.</summary>
    public const string Head = "| what | figure | command |";

    private const string HeadRule = "| --- | --- | --- |";

    /// <summary>One row for each figure of a report.</summary>
    public static IReadOnlyList<FigureRow> Of(BenchReport report)
    {
        var rows = new List<FigureRow>();
        if (report.Peers is { } peers)
        {
            string options = $"--model {report.Model} --threads {peers.Threads}";
            foreach (PeerTimes time in peers.Times)
            {
                int rounds = time.Ms.Ours.Length;
                string least = Figures.Text(time.Ms.Ours.Min(), "F1"), peerLeast = Figures.Text(time.Ms.Peer.Min(), "F1");
                rows.Add(new FigureRow(
                    $"{report.Model}, batch {time.Batch}: time of a run, median of {rounds} rounds",
                    $"{Pair(time.Ms, "ms", "F1")}; minimum {least} ms against {peerLeast} ms{OtherWork(time)}",
                    $"bench compare {options} --batch {time.Batch} --rounds {rounds}"));
            }
            if (peers.ColdMs is { } cold)
            {
                string starts = $"weights in a file, median of {cold.Ours.Length} starts";
                rows.Add(new FigureRow(
                    $"{report.Model}: from the start of a process to the first logits, {starts}",
                    Pair(cold, "ms", "F0"), $"bench cold {options} --rounds {cold.Ours.Length}"));
            }
            if (peers.MemoryMb is { } memory)
            {
                rows.Add(new FigureRow(
                    $"{report.Model}: peak memory of a process, median of {memory.Ours.Length} processes",
                    Pair(memory, "MB", "F0"), $"bench memory {options} --rounds {memory.Ours.Length}"));
            }
        }
        foreach (DeviceRun run in report.Devices)
        {
            string peak = $"of the peak of {Figures.Text(run.PeakGflopPerSecond, "F0")} GFLOP/s, {run.PeakSource}";
            foreach (BatchRun batch in run.Batches)
            {
                string time = $"{Figures.Text(batch.EndToEndMs, "F1")} ms, {Figures.Text(batch.ImagesPerSecond, "F1")} images/s";
                rows.Add(new FigureRow(
                    $"{report.Model}, batch {batch.Batch}, {run.Device} ({run.DeviceName}): time of a run, median of {run.Rounds} runs",
                    $"{time}, {Figures.Text(batch.PeakShare, "F2")} {peak}",
                    $"bench run --model {report.Model} --device {run.Device} --batch {batch.Batch} --rounds {run.Rounds}"));
            }
        }
        return rows;
    }

    /// <summary>
    /// A report as a section of <c>docs/figures.md</c>: the processor as its heading, how and where the figures were measured, the
    /// table, and the figures that could not be measured.
    /// </summary>
    public static string Markdown(BenchReport report)
    {
        var text = new StringBuilder();
        Machine machine = report.Machine;
        Line($"## {Cell(machine.Processor)}, {machine.Threads} threads");
        Line("");
        Line($"Measured by `bench {Cell(report.Command)}` on {Figures.Date(report.Started)}:");
        Line($"{Cell(machine.System)}, {Cell(machine.Runtime)}, build {Cell(machine.Build)}; float32, random weights.");
        if (report.Peers is { } peers)
        {
            Line($"\"a against b\" is this library against {Cell(peers.Peer)}, both with {peers.Threads} threads, in turn;");
            Line("the ratio is the median over the rounds.");
        }
        Line("");
        Line(Head);
        Line(HeadRule);
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

    private static string Pair(PairedRounds rounds, string unit, string format)
    {
        string ours = Figures.Text(Statistics.Of(rounds.Ours).Median, format);
        string peer = Figures.Text(Statistics.Of(rounds.Peer).Median, format);
        return $"{ours} {unit} against {peer} {unit}, ratio {Figures.Text(rounds.Ratio.Median, "F2")}";
    }

    private static string OtherWork(PeerTimes time) =>
        time.OtherWork is { } share ? $"; other work took {Figures.Text(share, "P0")} of the processors' time" : "";

    /// <summary>Text that neither ends a table's cell nor begins an HTML element.</summary>
    private static string Cell(string text) =>
        FileText.OneLine(text).Replace("|", "\\|", StringComparison.Ordinal).Replace("<", "&lt;", StringComparison.Ordinal);
}
