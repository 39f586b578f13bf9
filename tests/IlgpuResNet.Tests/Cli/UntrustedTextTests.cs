using System.Text;
using System.Text.Json;
using System.Xml.Linq;
using IlgpuResNet.Cli;
using IlgpuResNet.Files;

namespace IlgpuResNet.Tests;

/// <summary>Names in files that try to steer a terminal, to break a format or to take hours to be shown.</summary>
[TestClass]
public sealed class UntrustedTextTests : CommandLineFixture
{
    private const string Title = "\u001b]0;owned\u0007";
    private const string TurnedAround = "\u202E";
    private const int LongName = 100_000;
    private const int LongestLine = 1000;
    private const int RunesPerText = 64;

    [TestMethod]
    public async Task Node_names_cannot_steer_the_terminal_or_forge_a_line()
    {
        string path = Write("steer.onnx", Network($"{Title}\nforged 1 2 3{TurnedAround}"));
        CommandLineResult result = await Run("info", "--weights", path);
        Assert.AreEqual(0, result.ExitCode, result.Error);
        StringAssert.Contains(result.Output, "?]0;owned??forged 1 2 3");
        AssertHarmless(result.Output);
    }

    [TestMethod]
    public async Task A_file_name_cannot_steer_the_terminal()
    {
        if (OperatingSystem.IsWindows()) Assert.Inconclusive("File names cannot have control characters on Windows.");
        string path = Write($"{Title}\nforged.onnx", Network("y"));
        CommandLineResult result = await Run("info", "--weights", path);
        Assert.AreEqual(0, result.ExitCode, result.Error);
        AssertHarmless(result.Output);
    }

    /// <summary>XML 1.0 has no U+FFFE and U+FFFF.</summary>
    [TestMethod]
    [DataRow("\uFFFF")]
    [DataRow("\uFFFE\u0000\uD800")]
    public async Task Characters_that_XML_lacks_do_not_break_a_plot(string name)
    {
        string path = Write("plot.onnx", Network($"a{name}b")), plot = InFolder("plot.svg");
        CommandLineResult result = await Run("info", "--weights", path, "--device", "cpu", "--plot", plot);
        Assert.AreEqual(0, result.ExitCode, result.Error);
        StringAssert.Contains(XDocument.Load(plot).Root!.Value, "a?");
    }

    [TestMethod]
    public async Task Json_has_the_exact_name_and_shows_none_of_its_invisible_characters()
    {
        const string name = "犬\u001b[31m\u202E\u200B\u0085\u009B\uFFFFé\U000E0041";
        string names = InFolder("names.txt");
        File.WriteAllText(names, string.Concat(Enumerable.Repeat($"{name.Replace("\u0085", "", StringComparison.Ordinal)}\n", 10)));
        CommandLineResult result = await Run("classify", Photo, "--weights", Weights, "--device", "cpu", "--labels", names, "--json");
        Assert.AreEqual(0, result.ExitCode, result.Error);
        AssertHarmless(result.Output);
        StringAssert.Contains(result.Output, "犬");
        JsonElement prediction = JsonDocument.Parse(result.Output).RootElement[0].GetProperty("predictions")[0];
        Assert.AreEqual(name.Replace("\u0085", "", StringComparison.Ordinal), prediction.GetProperty("label").GetString());
    }

    [TestMethod]
    public async Task A_long_name_is_cut_in_tables()
    {
        string names = InFolder("names.txt"), name = new('W', LongName);
        File.WriteAllText(names, string.Concat(Enumerable.Range(0, 10).Select(i => $"{i}{name}\n")));
        CommandLineResult result = await Run("classify", Photo, "--weights", Weights, "--device", "cpu", "--labels", names);
        Assert.AreEqual(0, result.ExitCode, result.Error);
        Assert.IsLessThan(LongestLine, result.Output.Split('\n').Max(line => line.Length));
        string path = Write("long.onnx", Network(name));
        result = await Run("info", "--weights", path);
        Assert.AreEqual(0, result.ExitCode, result.Error);
        Assert.IsLessThan(LongestLine, result.Output.Split('\n').Max(line => line.Length));
    }

    [TestMethod]
    public void An_exception_has_one_line_that_is_cut()
    {
        ResNetException[] errors = [new WeightsException(Hostile()), new DeviceMemoryException(Hostile(), 1, 1, null)];
        foreach (ResNetException error in errors)
        {
            AssertHarmless(error.Message);
            Assert.DoesNotContain("\n", error.Message);
            Assert.IsLessThan(LongName, error.Message.Length);
        }

        static string Hostile() => $"{Title}\n{TurnedAround}\uFFFF{new string('W', LongName)}";
    }

    /// <summary>The tool sees the public API alone and has a function of its own.</summary>
    [TestMethod]
    public void The_tool_cleans_text_as_the_library_does()
    {
        for (int first = 0; first <= 0x10FFFF; first += RunesPerText)
        {
            var text = new StringBuilder();
            for (int value = first; value < first + RunesPerText; value++)
            {
                if (Rune.IsValid(value)) text.Append(new Rune(value));
                else text.Append((char)value);
            }
            string hostile = text.ToString();
            Assert.AreEqual(FileText.OneLine(hostile), TerminalText.OneLine(hostile), $"U+{first:X}");
            AssertHarmless(TerminalText.OneLine(hostile));
            AssertHarmless(FileText.Clean(hostile));
        }
        string cut = new('W', LongName);
        Assert.AreEqual(FileText.OneLine(cut), TerminalText.OneLine(cut));
        Assert.AreEqual(FileText.Clean(cut), TerminalText.Short(cut));
    }

    /// <summary>A convolution whose node and output have a name.</summary>
    private static byte[] Network(string name) => new OnnxSketch()
        .Input("x", [1, 3, 8, 8])
        .Floats("w", [2, 3, 1, 1], 1, 2, 3, 4, 5, 6)
        .Named("Conv", "x w", name)
        .ToBytes();

    private static void AssertHarmless(string text)
    {
        foreach (Rune rune in text.EnumerateRunes())
        {
            bool isHarmless = rune.Value == '\n' || rune.Value == '\r'
                || (Rune.GetUnicodeCategory(rune) is not (System.Globalization.UnicodeCategory.Control
                    or System.Globalization.UnicodeCategory.Format or System.Globalization.UnicodeCategory.LineSeparator
                    or System.Globalization.UnicodeCategory.ParagraphSeparator)
                    && (rune.Value & 0xFFFE) != 0xFFFE && rune != Rune.ReplacementChar);
            Assert.IsTrue(isHarmless, $"U+{rune.Value:X4} in {Uri.EscapeDataString(text[..Math.Min(text.Length, 200)])}");
        }
        foreach (string line in text.Split('\n')) Assert.IsFalse(line.StartsWith("forged", StringComparison.Ordinal), line);
    }
}
