using System.Diagnostics;
using System.Net;

namespace IlgpuResNet.Tests.Downloads;

/// <summary>The cache: what it keeps, who may use it at once, how a download is watched and stopped.</summary>
[TestClass]
public sealed class WeightsCacheTests : DownloadFixture
{
    /// <summary>Test parameters of the process that is killed: the folder of the cache and the address of the server.</summary>
    private const string ChildFolder = nameof(ChildFolder);

    private const string ChildServer = nameof(ChildServer);

    public required TestContext TestContext { get; set; }

    [TestMethod]
    public async Task A_file_is_downloaded_once_and_used_without_a_network()
    {
        await using var server = new FaultyServer(Answers.Good(Content));
        using (Model model = await Model.LoadAsync(Weights, CacheOf(server)))
        {
            Assert.AreEqual(Weights.Preset, model.Preset);
            Assert.AreEqual(Weights.ParameterCount, model.ParameterCount);
        }
        await CacheOf(server).GetAsync(Weights);
        Assert.HasCount(1, server.Requests);
        Assert.IsTrue(CacheOf(server).Contains(Weights));
        using Model again = await Model.LoadAsync(Weights, new WeightsCache { Folder = Folder, Offline = true });
        Assert.AreEqual(10, again.NumClasses);
    }

    [TestMethod]
    public async Task Offline_and_not_there_is_an_error_that_says_where_it_should_be()
    {
        var cache = new WeightsCache { Folder = Path.Combine(Folder, "new"), Offline = true };
        DownloadException error = await Assert.ThrowsExactlyAsync<DownloadException>(() => cache.GetAsync(Weights));
        StringAssert.StartsWith(error.Message, $"tiny:TEST: {cache.PathOf(Weights)} is missing or damaged");
        Assert.IsFalse(Directory.Exists(cache.Folder));
    }

    [TestMethod]
    public async Task A_file_damaged_in_the_cache_is_found_when_asked_for_and_replaced()
    {
        File.WriteAllBytes(Cached, Damaged);
        await using var server = new FaultyServer(Answers.Good(Content));
        WeightsCache checking = CacheOf(server) with { VerifyCached = true };
        await Assert.ThrowsExactlyAsync<DownloadException>(() => (checking with { Offline = true }).GetAsync(Weights));
        await CacheOf(server).GetAsync(Weights);
        Assert.IsEmpty(server.Requests);
        await checking.GetAsync(Weights);
        await checking.GetAsync(Weights);
        Assert.HasCount(1, server.Requests);
        CollectionAssert.AreEqual(Content, File.ReadAllBytes(Cached));
    }

    [TestMethod]
    public async Task Many_at_once_share_one_download()
    {
        await using var server = new FaultyServer(Answers.Cut(Answers.Good(Content), 1000), Answers.Good(Content));
        WeightsCache cache = CacheOf(server);
        string[] paths = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => cache.GetAsync(Weights))));
        Assert.IsTrue(Array.TrueForAll(paths, path => path == Cached));
        Assert.HasCount(2, server.Requests);
    }

    [TestMethod]
    public async Task A_download_reports_its_progress_to_the_end()
    {
        await using var server = new FaultyServer(Answers.Cut(Answers.Good(Content), 50_000), Answers.Good(Content));
        var reports = new Reports();
        await CacheOf(server).GetAsync(Weights, reports);
        Assert.AreEqual(0, reports.All[0].BytesReceived);
        Assert.AreEqual(Content.Length, reports.All[^1].BytesReceived);
        Assert.AreEqual(TimeSpan.Zero, reports.All[^1].TimeLeft);
        Assert.IsTrue(reports.All.TrueForAll(report => report.TotalBytes == Content.Length));
        Assert.IsTrue(reports.All.Zip(reports.All.Skip(1)).All(pair => pair.First.BytesReceived <= pair.Second.BytesReceived));
    }

    [TestMethod]
    public void The_time_left_follows_from_the_rate()
    {
        Assert.AreEqual(TimeSpan.FromSeconds(3), new DownloadProgress(100, 400, 100).TimeLeft);
        Assert.IsNull(new DownloadProgress(100, 400, 0).TimeLeft);
        Assert.IsNull(new DownloadProgress(100, null, 100).TimeLeft);
        Assert.IsNull(new DownloadProgress(0, long.MaxValue, 1e-300).TimeLeft);
    }

    [TestMethod]
    public async Task A_cancelled_download_stops_at_once_and_the_next_goes_on()
    {
        await using var server = new FaultyServer(Answers.Stall(Answers.Good(Content), 50_000), Answers.Good(Content));
        using var cancellation = new CancellationTokenSource();
        var reports = new Reports { Reported = progress => { if (progress.BytesReceived == 50_000) cancellation.Cancel(); } };
        await Assert.ThrowsAsync<OperationCanceledException>(() => CacheOf(server).GetAsync(Weights, reports, cancellation.Token));
        Assert.IsFalse(File.Exists(Cached));
        await AssertDownloads(server);
        Assert.AreEqual(50_000, server.Requests[1].From);
    }

    /// <summary>A killed process leaves the bytes that it had received, and no lock that keeps others out.</summary>
    [TestMethod]
    public async Task A_killed_process_leaves_what_another_goes_on_with()
    {
        await using var server = new FaultyServer(Answers.Stall(Answers.Good(Content), 50_000), Answers.Good(Content));
        string[] arguments =
        [
            "--filter", $"FullyQualifiedName~{nameof(Downloads_until_it_is_killed)}", "--no-ansi",
            "--test-parameter", $"{ChildFolder}={Folder}", "--test-parameter", $"{ChildServer}={server.Url}",
        ];
        using Process process = Process.Start(OwnProcess.StartInfo(arguments))!;
        var clock = Stopwatch.StartNew();
        while (!(File.Exists(Part) && new FileInfo(Part).Length == 50_000) && clock.Elapsed < Patience) await Task.Delay(20);
        // The other process holds the file: this one waits.
        Task<string> waiting = CacheOf(server).GetAsync(Weights);
        await Task.Delay(300);
        bool hasWaited = !waiting.IsCompleted && server.Requests.Length == 1;
        process.Kill(entireProcessTree: true);
        Assert.AreEqual(Cached, await waiting.WaitAsync(Patience));
        Assert.IsTrue(hasWaited);
        CollectionAssert.AreEqual(Content, File.ReadAllBytes(Cached));
        Assert.AreEqual(50_000, server.Requests[1].From);
    }

    /// <summary>
    /// Runs in another process for <see cref="A_killed_process_leaves_what_another_goes_on_with"/>; does nothing by itself.
    /// </summary>
    [TestMethod]
    public async Task Downloads_until_it_is_killed()
    {
        if (!TestContext.Properties.TryGetValue(ChildFolder, out object? folder)
            || !TestContext.Properties.TryGetValue(ChildServer, out object? server)) return;
        await new WeightsCache { Folder = (string)folder!, Mirror = new Uri((string)server!) }.GetAsync(Weights);
        Assert.Fail("The download ended, though its server does not go on.");
    }

    [TestMethod]
    public async Task A_clients_proxy_is_gone_through()
    {
        await using var proxy = new FaultyServer(Answers.Good(Content));
        using var client = new HttpClient(new SocketsHttpHandler { Proxy = new WebProxy(proxy.Url) });
        await (CacheOf(proxy) with { HttpClient = client, Mirror = new Uri("http://weights.invalid/some/where/") }).GetAsync(Weights);
        Assert.AreEqual($"http://weights.invalid/some/where/{Weights.FileName}", proxy.Requests.Single().Target);
    }

    [TestMethod]
    public async Task A_clients_shorter_time_limit_counts()
    {
        await using var server = new FaultyServer((_, _, stop) => Task.Delay(Timeout.Infinite, stop), Answers.Good(Content));
        using var client = new HttpClient { Timeout = TimeSpan.FromMilliseconds(200) };
        await (CacheOf(server) with { HttpClient = client }).GetAsync(Weights);
        Assert.HasCount(2, server.Requests);
    }

    [TestMethod]
    public async Task A_folder_that_cannot_be_made_is_an_error()
    {
        await using var server = new FaultyServer(Answers.Good(Content));
        string file = Path.Combine(Folder, "file");
        File.WriteAllText(file, "");
        DownloadException error =
            await Assert.ThrowsExactlyAsync<DownloadException>(() => (CacheOf(server) with { Folder = file }).GetAsync(Weights));
        StringAssert.Contains(error.Message, $"{Path.Combine(file, Weights.FileName)}: cannot be written");
    }

    [TestMethod]
    public async Task Only_addresses_of_the_web_are_downloaded_from()
    {
        var cache = new WeightsCache { Folder = Folder, Mirror = new Uri("ftp://127.0.0.1/models") };
        StringAssert.Contains(
            (await Assert.ThrowsExactlyAsync<DownloadException>(() => cache.GetAsync(Weights))).Message, "Give an http or https address.");
    }

    [TestMethod]
    public async Task A_mirror_needs_a_whole_address_and_keeps_its_query()
    {
        var cache = new WeightsCache { Folder = Folder, Mirror = new Uri("some/where", UriKind.Relative) };
        StringAssert.Contains((await Assert.ThrowsExactlyAsync<DownloadException>(() => cache.GetAsync(Weights))).Message,
            "some/where: is no address of a mirror");
        await using var server = new FaultyServer(Answers.Good(Content));
        await (CacheOf(server) with { Mirror = new Uri($"{server.Url}?key=1") }).GetAsync(Weights);
        Assert.AreEqual($"/models/{Weights.FileName}?key=1", server.Requests.Single().Target);
    }

    [TestMethod]
    public async Task A_file_comes_before_a_name_and_what_is_neither_stays_as_it_is()
    {
        var cache = new WeightsCache { Folder = Folder, Offline = true };
        string named = cache.PathOf(ResNetWeights.ImageNet1KV1.ResNet18);
        File.WriteAllBytes(named, Content);
        Assert.AreEqual(named, await ResNetWeights.ResolveAsync("resnet18", cache));
        Assert.AreEqual(named, await ResNetWeights.ResolveAsync(named, cache));
        Assert.AreEqual("other.pth", await ResNetWeights.ResolveAsync("other.pth", cache));
        using Model model = await Model.LoadAsync("resnet18:IMAGENET1K_V1", cache);
        Assert.AreEqual(10, model.NumClasses);
    }

    [TestMethod]
    public void The_default_folder_is_the_users() =>
        StringAssert.EndsWith(WeightsCache.DefaultFolder, Path.Combine("ilgpu-resnet", "weights"));

    private sealed class Reports : IProgress<DownloadProgress>
    {
        public List<DownloadProgress> All { get; } = [];

        public Action<DownloadProgress> Reported { get; init; } = _ => { };

        public void Report(DownloadProgress value)
        {
            All.Add(value);
            Reported(value);
        }
    }
}
