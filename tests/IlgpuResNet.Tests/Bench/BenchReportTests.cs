extern alias Bench;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Bench::IlgpuResNet.Bench;
using Bench::IlgpuResNet.Bench.Engines;
using Bench::IlgpuResNet.Bench.Reports;
using IlgpuResNet.Imaging;

namespace IlgpuResNet.Tests;

/// <summary>
/// The report of measurements: made of figures that a test makes up, so that each is known in the page, the table and the charts.
/// </summary>
[TestClass]
public sealed class BenchReportTests : IDisposable
{
    private const string DeviceName = "a <b>fast</b> & \"odd\" | device";

    private static readonly DeviceRun Device = new(
        "resnet18", "opencl:0", DeviceName, 7, 1234, "measured here",
        [
            new BatchRun(1, 101, 102, 10.27, 9.5, 9.25, 97.5625, 0.3125,
                [new StepRun("conv1", "F(4x4)", 5.125, 800, 1.5), new StepRun("pool<1>", "", 4.125, 0, 0)]),
            new BatchRun(4, 103, 104, 31.5, 30, 29, 126.984, 0.40625, [new StepRun("conv1", "direct", 17.375, 400, 0.75)]),
        ]);

    private static readonly BenchReport Whole = new(
        "resnet18", new DateTimeOffset(2026, 11, 26, 7, 30, 0, TimeSpan.FromHours(1)), "report --out \"a b\"",
        new Machine("A <Processor>", 3, 7.5, "An & System", ".NET 99", "0.1.0+0123abcd"),
        new PeerReport(
            "ONNX Runtime 9.8.7", 3, [new PeerTimes(8, new PairedRounds([20, 30, 40], [60, 40, 50]), 0.131)],
            new PairedRounds([311], [622]), new PairedRounds([251], [502])),
        [Device], ["GPU: none | was <found>."]);

    private readonly WeightsFolder folder = new();

    public void Dispose() => folder.Dispose();

    [TestMethod]
    public void Page_shows_every_figure_and_what_is_missing()
    {
        string text = Text(Page(Whole));
        foreach (string expected in new[]
        {
            "A <Processor>", "An & System", ".NET 99", "0.1.0+0123abcd", "2026-11-26 07:30 +01:00", "7.5 GiB", "report --out \"a b\"",
            DeviceName,
            // Medians, least and the median of the ratios 1/3, 3/4 and 4/5.
            "30.0 ms against 50.0 ms, ratio 0.75; minimum 20.0 ms against 40.0 ms; other work took 13 %",
            "311 ms against 622 ms, ratio 0.50", "251 MB against 502 MB, ratio 0.50",
            "bench compare --model resnet18 --threads 3 --batch 8 --rounds 3", "bench cold --model resnet18 --threads 3 --rounds 1",
            "bench run --model resnet18 --device opencl:0 --batch 4 --rounds 7", "10.3 ms, 97.6 images/s, 0.31 of the peak of 1234 GFLOP/s",
            "F(4x4)", "17.375", "pool<1>", "GPU: none | was <found>.",
        }) StringAssert.Contains(text, expected);
    }

    [TestMethod]
    public void Page_needs_nothing_but_itself()
    {
        string html = HtmlReport.Write(Whole);
        StringAssert.StartsWith(html, "<!DOCTYPE html>\n<html lang=\"en\">");
        XElement page = Page(Whole);
        foreach (XElement element in page.DescendantsAndSelf())
        {
            Assert.IsFalse(element.Name.LocalName is "script" or "link" or "img" or "iframe" or "object", element.Name.LocalName);
            foreach (XAttribute attribute in element.Attributes().Where(attribute => !attribute.IsNamespaceDeclaration))
            {
                Assert.IsFalse(attribute.Name.LocalName is "src" or "href" or "srcset", attribute.ToString());
                Assert.DoesNotContain("url(", attribute.Value);
            }
        }
        Assert.DoesNotContain("url(", page.Descendants("style").Single().Value);
        Assert.DoesNotContain("@import", page.Descendants("style").Single().Value);
    }

    [TestMethod]
    public void Page_without_a_peer_or_a_device_has_no_figures_of_them()
    {
        XElement page = Page(Whole with
        {
            Peers = null,
            Devices = [],
            Skipped = ["ONNX Runtime: its native library cannot be loaded.", "cpu: failed: for a reason."]
        });
        string text = Text(page);
        StringAssert.Contains(text, "ONNX Runtime: its native library cannot be loaded.");
        StringAssert.Contains(text, "cpu: failed: for a reason.");
        Assert.DoesNotContain("Against", text);
        Assert.DoesNotContain("images/s", text);
        Assert.IsEmpty(page.Descendants().Where(element => element.Name.LocalName == "svg"));
        Assert.DoesNotMatchRegex(new Regex(@"\d ms"), text);
    }

    [TestMethod]
    public void Table_keeps_its_columns_whatever_names_hold()
    {
        string[] lines = FigureRow.Markdown(Whole).Split('\n');
        string[] rows = [.. lines.Where(line => line.StartsWith('|'))];
        // Head, rule, one comparison, cold start, memory, two batches.
        Assert.HasCount(7, rows);
        foreach (string row in rows) Assert.HasCount(4, Regex.Matches(row, @"(?<!\\)\|"), row);
        StringAssert.Contains(rows[5], @"a &lt;b>fast&lt;/b> & ""odd"" \| device");
        StringAssert.Contains(string.Join('\n', lines), "- GPU: none \\| was &lt;found>.");
        Assert.AreEqual("## A &lt;Processor>, 3 threads", lines[0], "a section of docs/figures.md");
        CollectionAssert.Contains(lines, FigureRow.Head);
    }

    [TestMethod]
    public void Charts_are_pictures_of_their_drawings_and_hold_every_value()
    {
        string path = folder.PathOf("report");
        ReportFolder.Write(path, Whole);
        NamedChart[] charts = [.. ReportCharts.Of(Whole)];
        CollectionAssert.AreEquivalent(
            new[]
            {
                "peers-time", "peers-cold", "peers-memory", "opencl-0-batches", "opencl-0-peak", "opencl-0-layers-1",
                "opencl-0-layers-1-peak", "opencl-0-layers-4", "opencl-0-layers-4-peak",
            },
            charts.Select(chart => chart.Name).ToArray());
        foreach (NamedChart chart in charts)
        {
            PixelBuffer picture = ImageFile.Load(Path.Combine(path, $"{chart.Name}.png"));
            Assert.AreEqual((PngDrawing.Scale * chart.Drawing.Width, PngDrawing.Scale * chart.Drawing.Height),
                (picture.Width, picture.Height), chart.Name);
            Assert.IsGreaterThan(20, picture.Span.Pixels.ToArray().Distinct().Count(), "letters have many shades");
            DrawingAssert.IsInside(chart.Drawing);
        }
        Assert.HasCount(charts.Length + 2, Directory.GetFiles(path));
        string[] texts = [.. charts.Single(chart => chart.Name == "opencl-0-layers-1").Drawing.Texts.Select(text => text.Text)];
        CollectionAssert.IsSubsetOf(new[] { "conv1", "5.125", "pool<1>", "4.125" }, texts);
        // Bars are as long as their values: 5.125 to 4.125.
        DrawnRectangle[] bars = [.. charts.Single(chart => chart.Name == "opencl-0-layers-1").Drawing.Rectangles];
        Assert.AreEqual(4.125 / 5.125, bars[1].Width / bars[0].Width, 1e-9);
    }

    [TestMethod]
    public void Bars_of_nothing_or_with_long_names_stay_inside()
    {
        DrawingAssert.IsInside(BarChart.Draw("A title that is far too long for the width of a telephone's screen", "c",
            [new Bar(new string('w', 200), 0, "0"), new Bar("", 0, "0")]));
        DrawingAssert.IsInside(BarChart.Draw("t", "c", [new Bar(string.Concat(Enumerable.Repeat("\U0001F600", 200)) + "\u0007", 1, "1")]));
        DrawingAssert.IsInside(BarChart.Draw("t", "c", [new Bar("a", 0.5, "50 %"), new Bar("b", 2, "200 %")], mark: 1));
    }

    [TestMethod]
    public void Folders_that_hold_something_are_left_alone()
    {
        string path = folder.PathOf("taken");
        Directory.CreateDirectory(path);
        Assert.IsTrue(ReportFolder.IsFree(path));
        File.WriteAllText(Path.Combine(path, "mine.txt"), "mine");
        Assert.IsFalse(ReportFolder.IsFree(path));
        Assert.ThrowsExactly<IOException>(() => ReportFolder.Write(path, Whole));
        CollectionAssert.AreEqual(new[] { Path.Combine(path, "mine.txt") }, Directory.GetFiles(path));
        Assert.IsEmpty(Directory.GetFileSystemEntries(Path.GetDirectoryName(path)!, "*.part"));
    }

    private static XElement Page(BenchReport report) => XDocument.Parse(HtmlReport.Write(report)).Root!;

    /// <summary>The text that a reader sees, with a space between elements.</summary>
    private static string Text(XElement page) =>
        string.Join(' ', page.Element("body")!.DescendantNodes().OfType<XText>().Select(text => text.Value));
}
