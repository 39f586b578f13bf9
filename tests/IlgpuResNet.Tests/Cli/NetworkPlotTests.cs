using System.Globalization;
using System.Xml.Linq;
using IlgpuResNet.Cli;
using IlgpuResNet.Imaging;
using IlgpuResNet.Planning;

namespace IlgpuResNet.Tests;

/// <summary><c>info --plot</c>: what the picture holds, of which kinds, and how it fails.</summary>
[TestClass]
public sealed class NetworkPlotTests : CommandLineFixture
{
    private static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    [TestMethod]
    public void Picture_has_each_step_with_its_time_and_memory()
    {
        using ResNet model = ResNet.Create(ResNetConfig.ResNet50);
        ExecutionPlan plan = ExecutionPlan.Create(model);
        // Softmax is not run, so there is one time less.
        double[] ms = [.. Enumerable.Range(0, plan.Steps.Length - 1).Select(i => 0.5 + i / 8.0)];
        Drawing drawing = NetworkFigure.Draw("a name", "a device, so many runs", new StepTimes(plan, 77.3, 70, [.. ms]));
        DrawingAssert.IsInside(drawing);
        string[] texts = [.. drawing.Texts.Select(text => text.Text)];
        for (int i = 0; i < ms.Length; i++)
        {
            CollectionAssert.Contains(texts, plan.Steps[i].Node.Name);
            CollectionAssert.Contains(texts, ms[i].ToString("F3", CultureInfo.InvariantCulture));
        }
        CollectionAssert.Contains(texts, "a device, so many runs");
        StringAssert.Contains(string.Join('\n', texts), "77.3 ms a run");
        // A node and two bars for each step; a bar is as long as its time.
        double[] times = [.. drawing.Rectangles.Where(rectangle => rectangle.Ink is Ink.First).Select(rectangle => rectangle.Width)];
        Assert.HasCount(ms.Length, times);
        Assert.AreEqual(ms[0] / ms[^1], times[0] / times[^1], 1e-9);
        // 16 blocks add, and four of them have a projection that reads what the block's first step reads.
        Assert.HasCount(16, drawing.Lines.Where(line => line.Ink is Ink.Second));
    }

    [TestMethod]
    public async Task Svg_and_png_are_written()
    {
        string svg = InFolder("plot.svg"), png = InFolder("plot.PNG");
        foreach (string path in new[] { svg, png })
        {
            CommandLineResult result = await Run(
                "info", "--weights", Weights, "--device", "cpu", "--height", "64", "--width", "64", "--batch", "1", "--plot", path);
            Assert.AreEqual(0, result.ExitCode, result.Error);
            StringAssert.Contains(result.Output, path);
        }
        XElement root = XDocument.Load(svg).Root!;
        Assert.AreEqual(Svg + "svg", root.Name);
        string text = string.Join('\n', root.Descendants(Svg + "text").Select(element => element.Value));
        StringAssert.Contains(text, "layer4.2.conv3");
        StringAssert.Contains(text, "faster half of 20 runs");
        PixelBuffer picture = ImageFile.Load(png);
        Assert.AreEqual(PngDrawing.Scale * (int)root.Attribute("width")!, picture.Width);
        Assert.AreEqual(PngDrawing.Scale * (int)root.Attribute("height")!, picture.Height);
    }

    [TestMethod]
    public async Task A_picture_that_cannot_be_written_is_an_error()
    {
        string path = InFolder("nowhere/plot.png");
        AssertFails(await Run("info", "--weights", Weights, "--device", "cpu", "--height", "32", "--width", "32", "--plot", path),
            $"{path}: the image cannot be written: its folder does not exist.");
    }

    [TestMethod]
    [DataRow("--plot draws .png, .svg files, but has 'a.jpg'", "--plot", "a.jpg")]
    [DataRow("--plot must be a path, but is empty", "--plot", "")]
    [DataRow("--device has no meaning without --plot", "--device", "cpu")]
    [DataRow("--threads has no meaning without --plot", "--threads", "1")]
    public async Task Wrong_options_are_named(string message, params string[] arguments)
    {
        CommandLineResult result = await Run(["info", .. arguments]);
        Assert.AreEqual(Program.WrongUsage, result.ExitCode, result.Error);
        AssertOneLine(result.Error, message);
    }
}
