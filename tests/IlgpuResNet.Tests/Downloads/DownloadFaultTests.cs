namespace IlgpuResNet.Tests.Downloads;

/// <summary>Every fault of a server ends in the complete file or in a clear error, never in a bad file under a good name.</summary>
[TestClass]
public sealed class DownloadFaultTests : DownloadFixture
{
    private const int Half = 40_000;

    [TestMethod]
    public async Task A_cut_connection_is_taken_up_where_it_broke()
    {
        await using var server = new FaultyServer(
            Answers.Cut(Answers.Good(Content), Half), Answers.Cut(Answers.Good(Content), 0), Answers.Cut(Answers.Good(Content), 1000),
            Answers.Good(Content));
        await AssertDownloads(server);
        CollectionAssert.AreEqual(new int?[] { null, Half, Half, Half + 1000 }, server.Requests.Select(request => request.From).ToArray());
    }

    [TestMethod]
    public async Task A_connection_that_is_always_cut_is_given_up_and_the_next_download_goes_on()
    {
        await using (var server = new FaultyServer(Answers.Cut(Answers.Good(Content), Half), Answers.Cut(Answers.Good(Content), 0)))
        {
            await AssertFails(server, $"the connection ended after {Half} of {Content.Length} bytes; given up at attempt 5");
            Assert.HasCount(5, server.Requests);
        }
        Assert.AreEqual(Half, new FileInfo(Part).Length);
        await using var better = new FaultyServer(Answers.Good(Content));
        await AssertDownloads(better);
        Assert.AreEqual(Half, better.Requests.Single().From);
    }

    [TestMethod]
    public async Task Any_number_of_attempts_may_be_asked_for()
    {
        await using var server = new FaultyServer(Answers.Cut(Answers.Good(Content), 0));
        // 2^63 ticks and more, were the pauses doubled each time.
        WeightsCache cache = CacheOf(server) with { MaxAttempts = 70, RetryDelay = TimeSpan.FromTicks(1) };
        StringAssert.Contains(
            (await Assert.ThrowsExactlyAsync<DownloadException>(() => cache.GetAsync(Weights))).Message, "given up at attempt 70");
    }

    [TestMethod]
    public async Task A_connection_cut_before_any_answer_is_tried_again()
    {
        await using var server = new FaultyServer((_, _, _) => Task.CompletedTask, Answers.Good(Content));
        await AssertDownloads(server);
    }

    [TestMethod]
    [DataRow(0)]
    [DataRow(Half)]
    public async Task A_server_that_falls_silent_is_left_and_asked_again(int bytes)
    {
        await using var server = new FaultyServer(Answers.Stall(Answers.Good(Content), bytes), Answers.Good(Content));
        await (CacheOf(server) with { StallTimeout = TimeSpan.FromMilliseconds(300) }).GetAsync(Weights);
        Assert.AreEqual(bytes == 0 ? null : bytes, server.Requests[1].From);
    }

    [TestMethod]
    public async Task A_server_that_never_speaks_is_given_up()
    {
        await using var server = new FaultyServer((_, _, stop) => Task.Delay(Timeout.Infinite, stop));
        WeightsCache cache = CacheOf(server) with { StallTimeout = TimeSpan.FromMilliseconds(50), MaxAttempts = 2 };
        DownloadException error = await Assert.ThrowsExactlyAsync<DownloadException>(() => cache.GetAsync(Weights));
        StringAssert.Contains(error.Message, "the server sent nothing for 0.05 s; given up at attempt 2");
    }

    [TestMethod]
    public async Task A_redirection_is_followed_and_one_without_end_is_not()
    {
        await using var good = new FaultyServer(Answers.Good(Content));
        await using (var server = new FaultyServer(Answers.Status("302 Found", $"Location: {good.Url}moved.pth")))
        {
            await AssertDownloads(server);
            Assert.AreEqual("/models/moved.pth", good.Requests.Single().Target);
        }
        File.Delete(Cached);
        await using var loop = new FaultyServer(Answers.Status("302 Found", "Location: again"));
        await AssertFails(loop, "redirects without end");
    }

    [TestMethod]
    public async Task A_length_that_is_too_long_does_not_spoil_a_file_that_is_whole()
    {
        await using var server = new FaultyServer(Answers.Lying(Content, Content.Length + 10), Answers.Good(Content));
        await AssertDownloads(server);
    }

    [TestMethod]
    public async Task A_length_that_is_always_too_long_is_given_up()
    {
        await using var server = new FaultyServer(Answers.Lying(Content, Content.Length + 10));
        await AssertFails(server, $"ended after {Content.Length} of {Content.Length + 10} bytes");
    }

    [TestMethod]
    public async Task A_length_that_is_too_short_gives_a_wrong_hash()
    {
        await using var server = new FaultyServer(Answers.Lying(Content, Content.Length - 10));
        await AssertFails(
            server, $"its SHA-256 should begin with {Weights.Sha256Prefix}, but the {Content.Length - 10} bytes received have");
        Assert.HasCount(1, server.Requests);
    }

    [TestMethod]
    public async Task Without_a_length_the_hash_tells_whether_the_end_was_the_end()
    {
        await using (var server =
            new FaultyServer(Answers.Cut(Answers.Unannounced(Content), Half), Answers.Unannounced(Content))) await AssertDownloads(server);
        File.Delete(Cached);
        await using var always = new FaultyServer(Answers.Cut(Answers.Unannounced(Content), Half));
        await AssertFails(always, $"but the {Half} bytes received have");
    }

    [TestMethod]
    public async Task A_server_without_ranges_starts_anew()
    {
        await using var server = new FaultyServer(Answers.Cut(Answers.Whole(Content), Half), Answers.Whole(Content));
        await AssertDownloads(server);
        Assert.AreEqual(Half, server.Requests[1].From);
    }

    [TestMethod]
    [DataRow(0)]
    [DataRow(Half + 1)]
    public async Task Another_range_than_was_asked_for_is_not_appended(int from)
    {
        await using var server =
            new FaultyServer(Answers.Cut(Answers.Whole(Content), Half), Answers.OtherRange(Content, from), Answers.Good(Content));
        await AssertDownloads(server);
        Assert.IsNull(server.Requests[2].From);
    }

    [TestMethod]
    public async Task A_wrong_file_is_refused_at_once_and_nothing_of_it_stays()
    {
        await using var server = new FaultyServer(Answers.Good(Damaged));
        await AssertFails(server, "the server has another file under this name");
        Assert.HasCount(1, server.Requests);
        Assert.IsFalse(File.Exists(Part));
    }

    [TestMethod]
    [DataRow(Half)]
    [DataRow(int.MaxValue)]
    public async Task What_an_earlier_download_left_wrong_is_thrown_away_and_fetched_anew(int length)
    {
        File.WriteAllBytes(Part, [.. Damaged.Reverse().Take(length)]);
        await using var server = new FaultyServer(Answers.Good(Content));
        await AssertDownloads(server);
        Assert.HasCount(2, server.Requests);
        Assert.IsNull(server.Requests[1].From);
    }

    [TestMethod]
    [DataRow("404 Not Found")]
    [DataRow("403 Forbidden")]
    [DataRow("206 Partial Content")]
    [DataRow("407 Proxy Authentication Required")]
    public async Task A_server_that_refuses_is_not_asked_again(string status)
    {
        await using var server = new FaultyServer(Answers.Status(status));
        await AssertFails(server, $"the server answers {status[..3]} ({status[4..]})");
        Assert.HasCount(1, server.Requests);
    }

    [TestMethod]
    [DataRow("429 Too Many Requests", "Retry-After: 0")]
    [DataRow("500 Internal Server Error", "X-Headers: none")]
    [DataRow("503 Service Unavailable", "Retry-After: Wed, 21 Oct 2015 07:28:00 GMT")]
    public async Task A_server_in_trouble_is_asked_again_and_given_up_in_the_end(string status, string header)
    {
        await using (var server = new FaultyServer(Answers.Status(status, header), Answers.Good(Content))) await AssertDownloads(server);
        File.Delete(Cached);
        await using var always = new FaultyServer(Answers.Status(status, header));
        await AssertFails(always, $"the server answers {status[..3]} ({status[4..]}); given up at attempt 5");
        Assert.HasCount(5, always.Requests);
    }

    [TestMethod]
    public async Task A_pause_longer_than_anyone_waits_ends_the_download()
    {
        await using var server = new FaultyServer(Answers.Status("429 Too Many Requests", "Retry-After: 3600"));
        await AssertFails(server, "asks to wait 01:00:00");
    }

    [TestMethod]
    public async Task A_file_far_too_long_is_refused_by_its_announcement_and_by_its_bytes()
    {
        await using (var server = new FaultyServer(Answers.Lying(Content, 1 << 30))) await AssertFails(
            server, $"announces {1 << 30} bytes");
        await using var endless = new FaultyServer(Answers.Endless);
        await AssertFails(endless, "sends more than");
        Assert.IsFalse(File.Exists(Part));
    }

    [TestMethod]
    public async Task Where_nobody_listens_the_error_says_so()
    {
        var server = new FaultyServer(Answers.Good(Content));
        await server.DisposeAsync();
        await AssertFails(server, "refused");
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    public async Task Any_row_of_faults_ends_in_the_file_or_an_error(int seed)
    {
        var random = new Random(seed);
        int complete = 0;
        for (int round = 0; round < 40; round++)
        {
            Answer[] answers = [.. Enumerable.Range(0, random.Next(1, 8)).Select(_ => RandomFault(random)), Answers.Good(Content)];
            await using var server = new FaultyServer(answers);
            try
            {
                Assert.AreEqual(Cached, await (CacheOf(server) with { StallTimeout = TimeSpan.FromMilliseconds(500) }).GetAsync(Weights));
                CollectionAssert.AreEqual(Content, File.ReadAllBytes(Cached), $"seed {seed}, round {round}");
                complete++;
                File.Delete(Cached);
            }
            catch (DownloadException)
            {
                Assert.IsFalse(File.Exists(Cached), $"seed {seed}, round {round}");
            }
        }
        Assert.IsTrue(complete is > 5 and < 40, $"seed {seed}: {complete} of 40 rounds were complete; both ends should be seen");
    }

    private static Answer RandomFault(Random random)
    {
        byte[] file = random.Next(6) == 0 ? Damaged : Content;
        int bytes = random.Next(file.Length);
        return random.Next(8) switch
        {
            0 => Answers.Cut(Answers.Good(file), bytes),
            1 => Answers.Cut(Answers.Whole(file), bytes),
            2 => Answers.Cut(Answers.Unannounced(file), bytes),
            3 => Answers.Lying(file, bytes),
            4 => Answers.Lying(file, file.Length + bytes),
            5 => Answers.OtherRange(file, bytes),
            6 => Answers.Status("503 Service Unavailable"),
            _ => Answers.Cut(Answers.Good(Damaged), bytes),
        };
    }
}
