using System.Xml.Linq;
using IlgpuResNet.Files;
using IlgpuResNet.Imaging;

namespace IlgpuResNet.Bench.Reports;

/// <summary>
/// Writes a report as one HTML page that needs no other file: charts are SVG inside it. The page is as wide as its window, also on a
/// phone; wider tables scroll in their own box.
/// </summary>
internal static class HtmlReport
{
    /// <summary>Charts are drawn and shown at about <see cref="BarChart.Width"/>, side by side where there is room.</summary>
    private const string Style = """
        :root {
          color-scheme: light dark; --ground: #fff; --ink-text: #1f2328; --ink-muted: #59636e; --ink-grid: #c8d0d8;
          --ink-first: #2f6fde; --ink-second: #d97706;
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --ground: #14181d; --ink-text: #e6e9ed; --ink-muted: #9aa5b1; --ink-grid: #3b444e;
            --ink-first: #6ea0ff; --ink-second: #f0a04b;
          }
        }
        * { box-sizing: border-box; }
        body {
          margin: 0 auto; padding: 16px 14px 48px; max-width: 1220px; font: 16px/1.5 system-ui, sans-serif;
          background: var(--ground); color: var(--ink-text); overflow-wrap: break-word;
        }
        h1 { font-size: 1.6rem; line-height: 1.2; margin: 8px 0; }
        h2 { font-size: 1.25rem; margin: 40px 0 8px; padding-top: 8px; border-top: 1px solid var(--ink-grid); }
        p, ul { margin: 8px 0; }
        .note { color: var(--ink-muted); }
        .charts {
          display: grid; gap: 28px 24px; grid-template-columns: repeat(auto-fill, minmax(min(100%, 340px), 1fr));
          align-items: start; margin: 16px 0;
        }
        .charts svg { width: 100%; height: auto; display: block; }
        .scroll { overflow-x: auto; }
        table { border-collapse: collapse; font-size: 0.875rem; font-variant-numeric: tabular-nums; }
        th, td { text-align: left; vertical-align: top; padding: 5px 16px 5px 0; border-bottom: 1px solid var(--ink-grid); }
        td.number, th.number { text-align: right; white-space: nowrap; }
        td.code { white-space: nowrap; }
        .figures td { min-width: 15rem; }
        /* On a phone the three cells of a figure stand one below the other. */
        @media (max-width: 760px) {
          .figures tr, .figures td { display: block; border: 0; padding: 1px 0; }
          .figures tr { border-bottom: 1px solid var(--ink-grid); padding: 6px 0; }
          .figures th { display: none; }
          .figures td.figure { font-weight: 600; }
          .figures td.code { white-space: normal; }
        }
        code, pre { font: 0.8125rem/1.5 ui-monospace, monospace; }
        pre { overflow-x: auto; padding: 10px 12px; border: 1px solid var(--ink-grid); border-radius: 6px; }
        details { margin: 12px 0; }
        summary { cursor: pointer; }
        dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 2px 16px; margin: 8px 0; }
        dt { color: var(--ink-muted); }
        dd { margin: 0; }
        """;

    private const string Project = "dotnet run -c Release --project bench/IlgpuResNet.Bench --";

    /// <summary>The whole file.</summary>
    public static string Write(BenchReport report)
    {
        string title = $"IlgpuResNet: {report.Model} measured";
        var body = new XElement(
            "body", new XElement("h1", title),
            Note($"{report.Machine.Processor}, {Figures.Date(report.Started)}. "
                + "Every figure was measured in this run on this machine. Figures are medians unless they say otherwise."),
            Section("Figures", Scroll(FigureTable(FigureRow.Of(report)))));
        if (report.Peers is { } peers)
        {
            body.Add(Section($"Against {peers.Peer}", Note(
                $"Both engines run on the processor with {peers.Threads} threads, with the same random weights and images, each in its own "
                + "process, in turn and never at the same time. The ratio in the table is the median over the rounds."),
                Charts(ReportCharts.Of(peers))));
        }
        foreach (DeviceRun run in report.Devices)
        {
            body.Add(Section(
                $"{run.Device}: {run.DeviceName}", DeviceNote(run), Charts(ReportCharts.BatchesOf(run)), BatchTable(run),
                ReportCharts.Ends(run).Select(batch => Charts(ReportCharts.LayersOf(run, batch))), run.Batches.Select(LayerTable)));
        }
        body.Add(Section("Not measured", report.Skipped.Length == 0
            ? Paragraph("Nothing was left out.")
            : new XElement("ul", report.Skipped.Select(skipped => new XElement("li", FileText.OneLine(skipped))))));
        body.Add(Section("Machine", MachineList(report)));
        body.Add(Section(
            "Commands",
            Paragraph("This command made the page, its charts and its table:"), new XElement("pre", $"{Project} {report.Command}"),
            Paragraph("In the tables, bench stands for:"), new XElement("pre", Project)));
        var page = new XElement(
            "html", new XAttribute("lang", "en"),
            new XElement(
                "head", new XElement("meta", new XAttribute("charset", "utf-8")),
                new XElement(
                    "meta", new XAttribute("name", "viewport"), new XAttribute("content", "width=device-width, initial-scale=1")),
                new XElement("title", title), new XElement("style", Style)),
            body);
        return $"<!DOCTYPE html>\n{page.ToString(SaveOptions.DisableFormatting)}\n";
    }

    private static XElement Section(string heading, params object[] content) =>
        new("section", new XElement("h2", FileText.Clean(heading)), content);

    private static XElement Paragraph(string text) => new("p", FileText.OneLine(text));

    private static XElement Note(string text) => new("p", new XAttribute("class", "note"), FileText.OneLine(text));

    private static XElement Scroll(XElement table) => new("div", new XAttribute("class", "scroll"), table);

    private static XElement Charts(IEnumerable<NamedChart> charts) =>
        new(
            "div", new XAttribute("class", "charts"),
            charts.Select(chart => SvgDrawing.Write(chart.Drawing, paper: false)));

    private static XElement DeviceNote(DeviceRun run) => Note(
        $"Medians of {run.Rounds} runs, each with upload and download. The share of the peak counts the products of the definition: "
        + "an algorithm that leaves some out, such as Winograd's, can exceed 100 %.");

    private static XElement FigureTable(IReadOnlyList<FigureRow> rows) => new(
        "table", new XAttribute("class", "figures"), Row("th", 3, "what", "figure", "command"),
        rows.Select(row => new XElement(
            "tr", new XElement("td", FileText.OneLine(row.What)),
            new XElement("td", new XAttribute("class", "figure"), FileText.OneLine(row.Figure)),
            new XElement("td", new XAttribute("class", "code"), new XElement("code", FileText.OneLine(row.Command))))));

    private static XElement BatchTable(DeviceRun run) => Scroll(new XElement(
        "table",
        Row("th", 0, "batch", "end to end ms", "device ms", "sum of steps ms", "images/s", "of peak", "session made ms", "first run ms"),
        run.Batches.Select(batch => Row(
            "td", 0, Figures.Text(batch.Batch, "F0"), Figures.Text(batch.EndToEndMs, "F3"), Figures.Text(batch.DeviceMs, "F3"),
            Figures.Text(batch.SumOfStepsMs, "F3"), Figures.Text(batch.ImagesPerSecond, "F1"), Figures.Text(batch.PeakShare, "P1"),
            Figures.Text(batch.SessionMs, "F0"), Figures.Text(batch.FirstRunMs, "F1")))));

    private static XElement LayerTable(BatchRun batch) => new(
        "details", new XElement("summary", $"Layers at batch {batch.Batch}"),
        Scroll(new XElement(
            "table", Row("th", 2, "step", "kernel", "ms", "GFLOP/s", "of peak"),
            batch.Steps.Select(step => Row(
                "td", 2, step.Name, step.Kernel, Figures.Text(step.Ms, "F4"),
                step.GflopPerSecond > 0 ? Figures.Text(step.GflopPerSecond, "F1") : "",
                step.GflopPerSecond > 0 ? Figures.Text(step.PeakShare, "P0") : "")))));

    private static XElement MachineList(BenchReport report)
    {
        Machine machine = report.Machine;
        (string Term, string Value)[] entries =
        [
            ("processor", machine.Processor), ("threads", Figures.Text(machine.Threads, "F0")),
            ("memory", $"{Figures.Text(machine.MemoryGib, "F1")} GiB"), ("system", machine.System), (".NET", machine.Runtime),
            ("build", machine.Build), ("date", Figures.Date(report.Started)),
        ];
        return new XElement(
            "dl", entries.Select(entry => new[] { new XElement("dt", entry.Term), new XElement("dd", FileText.OneLine(entry.Value)) }));
    }

    /// <summary>A row whose first <paramref name="textColumns"/> cells are text and whose others are numbers.</summary>
    private static XElement Row(string cell, int textColumns, params IReadOnlyList<string> texts) => new(
        "tr", texts.Select((text, i) =>
            new XElement(cell, i < textColumns ? null : new XAttribute("class", "number"), FileText.OneLine(text))));
}
