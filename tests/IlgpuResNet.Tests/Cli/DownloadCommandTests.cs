using System.Text.RegularExpressions;
using IlgpuResNet.Cli;
using IlgpuResNet.Weights;
using IlgpuResNet.Weights.Torch;
using Spectre.Console;

namespace IlgpuResNet.Tests.Downloads;

/// <summary>The tool's <c>download</c>, and names of weights in place of files.</summary>
[TestClass]
public sealed class DownloadCommandTests : CommandLineFixture
{
    [TestMethod]
    public async Task Download_lists_all_weights_and_which_are_here()
    {
        Put(ResNetWeights.ImageNet1KV2.ResNet50);
        CommandLineResult result = await Run("download", "--cache", Folder);
        Assert.AreEqual(0, result.ExitCode, result.Error);
        foreach (ResNetWeights weights in ResNetWeights.All) StringAssert.Contains(result.Output, weights.Name);
        Assert.MatchesRegex(@"resnet50:IMAGENET1K_V2 +25\.6 +80\.858 +95\.434 +232 +224 +yes", result.Output);
        Assert.HasCount(1, Regex.Matches(result.Output, "yes"));
    }

    [TestMethod]
    public async Task A_name_stands_for_the_file_in_the_cache_in_every_command()
    {
        Put(ResNetWeights.ImageNet1KV2.ResNet50);
        string[] named = ["--cache", Folder, "--offline"];
        string tensor = InFolder("x.npy"), onnx = InFolder("x.onnx");
        foreach (string[] command in (string[][])
        [
            ["info", "--weights", "resnet50"],
            ["classify", Photo, "--weights", "resnet50:IMAGENET1K_V2", "--device", "cpu"],
            ["embed", Photo, "--weights", "ResNet50_Weights.IMAGENET1K_V2", "--output", InFolder("e.npy"), "--device", "cpu"],
            ["prepare", Photo, "--weights", "resnet50", "--output", tensor, "--device", "cpu"],
            ["run", "resnet50", "--input", tensor, "--output", InFolder("y.npy"), "--device", "cpu"],
            ["convert", "resnet50", onnx],
        ])
        {
            CommandLineResult result = await Run([.. command, .. named]);
            Assert.AreEqual(0, result.ExitCode, $"{string.Join(' ', command)}: {result.Error}");
            Assert.AreEqual("", result.Error);
        }
        Assert.IsTrue(File.Exists(onnx));
    }

    [TestMethod]
    public async Task Weights_that_are_not_here_are_asked_for_only_with_a_network()
    {
        AssertFails(await Run("classify", Photo, "--weights", "resnet18", "--cache", Folder, "--offline"), "resnet18:IMAGENET1K_V1: ");
        AssertFails(await Run("download", "resnet18", "--cache", Folder, "--offline"), "downloads are off");
    }

    [TestMethod]
    public async Task A_wrong_file_from_a_mirror_is_an_error_and_stays_nowhere()
    {
        await using var server = new FaultyServer(Answers.Good(new byte[1000]));
        CommandLineResult result = await Run("download", "resnet18", "--cache", Folder, "--mirror", server.Url.AbsoluteUri);
        Assert.AreEqual(Program.Failure, result.ExitCode);
        string[] lines = result.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.AreEqual(
            $"note: downloading resnet18:IMAGENET1K_V1, 1,000 bytes, to {InFolder("resnet18-f37072fd.pth")}", lines[0].TrimEnd());
        StringAssert.Contains(lines[1], "its SHA-256 should begin with f37072fd");
        Assert.HasCount(2, lines);
        Assert.IsFalse(File.Exists(InFolder("resnet18-f37072fd.pth")));
    }

    [TestMethod]
    public async Task The_proxy_is_gone_through()
    {
        await using var proxy = new FaultyServer(Answers.Status("404 Not Found"));
        AssertFails(await Run(
            "download", "resnet18", "--cache", Folder, "--mirror", "http://weights.invalid/x", "--proxy", proxy.Url.AbsoluteUri), "404");
        Assert.AreEqual("http://weights.invalid/x/resnet18-f37072fd.pth", proxy.Requests.Single().Target);
    }

    [TestMethod]
    public async Task A_proxy_that_asks_is_told_the_name_and_password_of_its_address()
    {
        await using var proxy = new FaultyServer(Answers.Status(
            "407 Proxy Authentication Required", "Proxy-Authenticate: Basic realm=\"proxy\""), Answers.Status("404 Not Found"));
        string address = proxy.Url.AbsoluteUri.Replace("//", "//me:p%40ss@", StringComparison.Ordinal);
        AssertFails(
            await Run("download", "resnet18", "--cache", Folder, "--mirror", "http://weights.invalid/x", "--proxy", address), "404");
        Assert.AreEqual($"Basic {Convert.ToBase64String("me:p@ss"u8)}", proxy.Requests[^1].ProxyAuthorization);
    }

    [TestMethod]
    [DataRow("download resnet51", "there are no weights 'resnet51'; the names are resnet18:IMAGENET1K_V1,")]
    [DataRow("download resnet18 --mirror nowhere", "--mirror must be an address")]
    [DataRow("download resnet18 --proxy file:///x", "--proxy must be an address")]
    [DataRow("download --nonsense", "there is no option '--nonsense'")]
    public async Task Wrong_usage_is_told(string command, string message)
    {
        CommandLineResult result = await Run(command.Split(' '));
        Assert.AreEqual(Program.WrongUsage, result.ExitCode);
        AssertOneLine(result.Error, message);
    }

    private void Put(ResNetWeights weights)
    {
        using StateDict thin = StateDict.Load(Weights);
        TorchZipWriter.Write(thin, InFolder(weights.FileName));
    }
}

/// <summary>The bar that a person sees.</summary>
[TestClass]
public sealed class DownloadDisplayTests : DownloadFixture
{
    [TestMethod]
    public async Task The_bar_shows_name_size_rate_and_time_left()
    {
        using var output = new StringWriter();
        IAnsiConsole ansi = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.Yes,
            ColorSystem = ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.Yes,
            Out = new AnsiConsoleOutput(output)
        });
        ansi.Profile.Width = 120;
        // Long enough for the bar to be drawn: it is several times a second.
        await using var server = new FaultyServer(Answers.Stall(Answers.Good(Content), 50_000), Answers.Good(Content));
        await DownloadDisplay.GetWithBarAsync(
            ansi, CacheOf(server) with { StallTimeout = TimeSpan.FromSeconds(1) }, Weights, CancellationToken.None);
        StringAssert.Contains(output.ToString(), "tiny:TEST");
        Assert.MatchesRegex(@"\d+(\.\d+)?/\d+(\.\d+)? KB", output.ToString());
        Assert.MatchesRegex(@"\d+\.\d MB/s, \d\d:\d\d left", output.ToString());
    }
}
