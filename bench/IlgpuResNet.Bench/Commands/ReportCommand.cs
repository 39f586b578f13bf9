using System.CommandLine;
using System.Globalization;
using IlgpuResNet.Bench.Reports;
using IlgpuResNet.Cli;

namespace IlgpuResNet.Bench.Commands;

/// <summary>
/// <c>report</c>: runs the comparisons on every device of this machine, and writes a page, charts and a section of <c>docs/figures.md</c>.
/// </summary>
internal static class ReportCommand
{
    public static Command Create()
    {
        Option<string?> model = BenchOptions.Model(), json = BenchOptions.Json();
        var devices = new Option<string[]>("--devices")
        {
            Description = "Devices to measure; default: every one that this machine has.",
            AllowMultipleArgumentsPerToken = true,
        };
        var quick = new Option<bool>("--quick")
        {
            Description = "Fewer rounds and batches: a report in a minute or two, whose figures scatter more.",
        };
        var folder = new Option<string>("--out")
        {
            Description = "Folder for the report; must be missing or empty. Default: report and the time.",
            DefaultValueFactory = _ => string.Create(CultureInfo.InvariantCulture, $"report-{DateTime.Now:yyyyMMdd-HHmmss}"),
        };
        folder.RequirePath();
        // Checked now, not after minutes of measuring.
        folder.Validators.Add(result =>
        {
            if (result.Tokens.Count == 0 || result.Tokens[^1].Value is not { Length: > 0 } path) return;
            if (!ReportFolder.IsFree(path))
            {
                result.AddError(
                    $"{folder.Name} must be a folder that is missing or empty, but '{path}' is not; "
                    + "name another, for nothing is written over");
            }
            else if (Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path))) is { } parent
                && !Directory.Exists(parent))
                result.AddError($"{folder.Name} must lie in a folder that exists, but there is no '{parent}'");
        });
        var command = new Command(
            "report", "Compares with ONNX Runtime, measures every device by layer and batch, and writes a page, charts and a table.")
        {
            model, devices, quick, folder, json,
        };
        command.SetCancellableAction(async (result, cancellation) =>
        {
            string[]? ids = result.GetValue(devices) is { Length: > 0 } given ? given : null;
            ComputeDevice[]? chosen = ids is null ? null : [.. ids.Select(ComputeDevice.Get).Distinct()];
            string path = result.GetValue(folder)!;
            string line = string.Join(' ', result.Tokens.Select(token => Quoted(token.Value)));
            var measurement = new ReportMeasurement(
                result.Preset(model), result.GetValue(quick) ? ReportExtent.Quick : ReportExtent.Full,
                what => Console.WriteLine($"measuring   {what}"), cancellation);
            BenchReport report = await measurement.RunAsync(chosen, line);
            ReportFolder.Write(path, report);
            Console.WriteLine(FigureRow.Markdown(report));
            Console.WriteLine($"report      {Path.Combine(path, ReportFolder.Page)}, {ReportFolder.Table} and charts as PNG beside it");
            Figures.WriteJson(result.GetValue(json), report);
        });
        return command;
    }

    private static string Quoted(string token) => token.Contains(' ', StringComparison.Ordinal) ? $"\"{token}\"" : token;
}
