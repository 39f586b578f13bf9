using IlgpuResNet.Imaging;

namespace IlgpuResNet.Bench.Reports;

/// <summary>Writes a report's files into a temporary folder, which gets its name once all of them are complete.</summary>
internal static class ReportFolder
{
    public const string Page = "report.html", Table = "figures.md";

    /// <summary>True for a path with nothing at it or an empty folder: nothing would be overwritten.</summary>
    public static bool IsFree(string path) =>
        !File.Exists(path) && (!Directory.Exists(path) || !Directory.EnumerateFileSystemEntries(path).Any());

    /// <summary>Writes the page, the table and the charts.</summary>
    /// <exception cref="IOException">A file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">Permission is denied.</exception>
    /// <exception cref="ImageException">A chart cannot be drawn.</exception>
    public static void Write(string path, BenchReport report)
    {
        string target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)), aside = $"{target}.{Path.GetRandomFileName()}.part";
        Directory.CreateDirectory(aside);
        try
        {
            File.WriteAllText(Path.Combine(aside, Page), HtmlReport.Write(report));
            File.WriteAllText(Path.Combine(aside, Table), FigureRow.Markdown(report));
            foreach (NamedChart chart in ReportCharts.Of(report))
            {
                using FileStream png = File.Create(Path.Combine(aside, $"{chart.Name}.png"));
                PngDrawing.Write(chart.Drawing, png);
            }
            // An empty folder is replaced; deleting one that was filled meanwhile throws.
            if (Directory.Exists(target)) Directory.Delete(target);
            Directory.Move(aside, target);
        }
        catch
        {
            Directory.Delete(aside, recursive: true);
            throw;
        }
    }
}
