using System.Text.Json;
using IlgpuResNet.Cli;

namespace IlgpuResNet.Tests.SimulatedCuda;

/// <summary>The tool as a user starts it, on the simulated driver.</summary>
[TestClass]
public sealed class SimulatedToolTests
{
    private const double MostError = 1e-5;

    private static readonly string Images = Path.Combine(AppContext.BaseDirectory, "data", "fashion-mnist");

    [TestMethod]
    public async Task Classify_gives_the_processors_scores()
    {
        string[] command = ["classify", Directory.GetFiles(Images, "*.png")[0], "--top", "10", "--json", "--device"];
        using var expected = new StringWriter();
        Assert.AreEqual(0, await Program.RunAsync([.. command, "cpu"], expected, TextWriter.Null));

        SimulatedProcess tool = SimulatedProcess.Run("devices=H100;timing=random;seed=2", ["ilgpu-resnet.dll", .. command, "cuda:0"]);

        Assert.AreEqual(0, tool.ExitCode, tool.Output);
        Assert.IsTrue(tool.IsFaultless, tool.Report);
        Assert.IsLessThan(MostError, SimulatedNetworkTests.RelativeError(Logits(expected.ToString()), Logits(tool.Output)));
    }

    [TestMethod]
    public void Devices_lists_every_simulated_device()
    {
        SimulatedProcess tool = SimulatedProcess.Run("devices=T4,RTX4090", "ilgpu-resnet.dll", "devices");
        Assert.AreEqual(0, tool.ExitCode, tool.Output);
        StringAssert.Contains(tool.Output, "cuda:0");
        StringAssert.Contains(tool.Output, "Tesla T4");
        StringAssert.Contains(tool.Output, "cuda:1");
        StringAssert.Contains(tool.Output, "RTX 4090");
        Assert.IsTrue(tool.IsFaultless, tool.Report);
    }

    private static float[] Logits(string json)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        return SimulatedNetworkTests.LogitsOf([.. document.RootElement[0].GetProperty("predictions").EnumerateArray()
            .Select(prediction => (prediction.GetProperty("index").GetInt32(), prediction.GetProperty("probability").GetSingle()))]);
    }
}
