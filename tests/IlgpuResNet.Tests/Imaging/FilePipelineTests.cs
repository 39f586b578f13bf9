using IlgpuResNet.Imaging;

namespace IlgpuResNet.Tests;

/// <summary>Decoding, running and consuming at the same time: order, bounds, errors and ends.</summary>
[TestClass]
public sealed class FilePipelineTests
{
    private const int Seed = 7_102;
    private const int Batch = 3;

    /// <summary>For what must happen; nothing is timed.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>Long enough for what must not happen.</summary>
    private static readonly TimeSpan AWhile = TimeSpan.FromMilliseconds(200);

    private static readonly ReadAheadOptions TwoWorkers = new() { Workers = 2 };

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public async Task Results_have_the_order_of_the_files_and_bad_files_keep_their_place(bool onProcessor)
    {
        var random = new Random(Seed);
        string[] paths = [.. Enumerable.Range(0, 100).Select(
            i => i % 7 == 3 ? $"missing-{i}.jpg" : SmallClassifier.Photos[random.Next(SmallClassifier.Photos.Length)])];
        int[] delays = [.. paths.Select(_ => random.Next(3))];
        int batches = 0;
        var pipeline = new FilePipeline<LoadedImage>(Batch, new ReadAheadOptions { Workers = 4 }, async (files, _) =>
        {
            // Later batches may end before earlier ones.
            await Task.Delay(delays[Interlocked.Increment(ref batches)], CancellationToken.None);
            return [.. files];
        }, onProcessor);
        var results = new List<LoadedImage>();
        await foreach (LoadedImage file in pipeline.RunAsync(paths, CancellationToken.None)) results.Add(file);
        CollectionAssert.AreEqual(paths, results.ConvertAll(file => file.Path), $"seed {Seed}");
        foreach (LoadedImage file in results)
        {
            Assert.AreEqual(file.Path.StartsWith("missing", StringComparison.Ordinal), file.Error is not null, file.Path);
            Assert.AreEqual(file.Error is null, file.Image is not null, file.Path);
        }
    }

    [TestMethod]
    public async Task The_public_method_enumerates_anew_each_time_and_checks_its_arguments()
    {
        IAsyncEnumerable<string> names = ImagePipeline.RunAsync(
            SmallClassifier.Photos, Batch, ComputeDevice.Cpu,
            (files, _) => Task.FromResult<string[]>([.. files.Select(file => file.Path)]));
        for (int pass = 0; pass < 2; pass++) CollectionAssert.AreEqual(SmallClassifier.Photos, await names.ToArrayAsync());
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Run(0, new ReadAheadOptions()));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Run(1, new ReadAheadOptions { Workers = 0 }));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Run(1, new ReadAheadOptions { DecodedBytes = 0 }));

        static IAsyncEnumerable<int> Run(int batch, ReadAheadOptions options) =>
            ImagePipeline.RunAsync([], batch, ComputeDevice.Cpu, (_, _) => Task.FromResult<int[]>([]), options);
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public async Task Files_are_begun_no_further_ahead_than_the_queues_hold(bool onProcessor)
    {
        int begun = 0;
        var never = new TaskCompletionSource<int[]>();
        var pipeline = new FilePipeline<int>(Batch, TwoWorkers, (_, _) => never.Task, onProcessor);
        using var stop = new CancellationTokenSource();
        await using IAsyncEnumerator<int> results = pipeline.RunAsync(Endless(() => begun++), stop.Token).GetAsyncEnumerator();
        ValueTask<bool> first = results.MoveNextAsync();
        await Task.Delay(AWhile);
        // Three batches (waited for, waiting, waiting to wait), the queue of files, one that waits to enter it, and the enumerator's next.
        int most = onProcessor ? Batch : 3 * Batch + 2 + 2 * Batch + 2;
        Assert.IsLessThanOrEqualTo(most, Volatile.Read(ref begun));
        await stop.CancelAsync();
        await Assert.ThrowsAsync<OperationCanceledException>(async () => await first);
    }

    [TestMethod]
    public async Task Nothing_is_decoded_during_a_run_on_the_processor()
    {
        int begun = 0, runs = 0, most = 0;
        var pipeline = new FilePipeline<bool>(Batch, TwoWorkers, async (files, _) =>
        {
            int before = Volatile.Read(ref begun);
            await Task.Delay(AWhile / 10, CancellationToken.None);
            most = Math.Max(most, Volatile.Read(ref begun) - before);
            runs++;
            return new bool[files.Count];
        }, onProcessor: true);
        await foreach (bool _ in pipeline.RunAsync(
            Endless(() => Interlocked.Increment(ref begun)).Take(10 * Batch), CancellationToken.None))
        {
        }
        Assert.AreEqual(10, runs);
        Assert.AreEqual(0, most);
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public async Task A_batch_runs_early_when_its_images_fill_half_the_budget(bool onProcessor)
    {
        long bytes = LoadedImage.Load(SmallClassifier.Photos[0], new ReadAheadOptions()).Bytes;
        CollectionAssert.AreEqual(new[] { 3, 3, 1 }, await BatchesWith(decodedBytes: 100 * bytes));
        CollectionAssert.AreEqual(new[] { 2, 2, 2, 1 }, await BatchesWith(decodedBytes: 4 * bytes));
        CollectionAssert.AreEqual(new[] { 1, 1, 1, 1, 1, 1, 1 }, await BatchesWith(decodedBytes: 1));

        async Task<int[]> BatchesWith(long decodedBytes)
        {
            var sizes = new List<int>();
            var pipeline = new FilePipeline<bool>(Batch, new ReadAheadOptions { Workers = 4, DecodedBytes = decodedBytes }, (files, _) =>
            {
                lock (sizes) sizes.Add(files.Count);
                return Task.FromResult(new bool[files.Count]);
            }, onProcessor);
            await foreach (bool _ in pipeline.RunAsync(Enumerable.Repeat(SmallClassifier.Photos[0], 7), CancellationToken.None))
            {
            }
            return [.. sizes];
        }
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public async Task Cancelling_does_not_wait_for_the_run_under_way(bool onProcessor)
    {
        using var cancellation = new CancellationTokenSource();
        var running = new TaskCompletionSource();
        var never = new TaskCompletionSource<bool[]>();
        var pipeline = new FilePipeline<bool>(Batch, TwoWorkers, (_, _) =>
        {
            running.TrySetResult();
            return never.Task;
        }, onProcessor);
        await using IAsyncEnumerator<bool> results = pipeline.RunAsync(SmallClassifier.Photos, cancellation.Token).GetAsyncEnumerator();
        ValueTask<bool> first = results.MoveNextAsync();
        await running.Task.WaitAsync(Patience);
        await cancellation.CancelAsync();
        await Assert.ThrowsAsync<OperationCanceledException>(async () => await first.AsTask().WaitAsync(Patience));
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public async Task Leaving_the_enumeration_ends_the_stages_before_it(bool onProcessor)
    {
        var ended = new TaskCompletionSource();
        await foreach (LoadedImage _ in Identity(onProcessor).RunAsync(Paths(), CancellationToken.None)) break;
        await ended.Task.WaitAsync(Patience);

        IEnumerable<string> Paths()
        {
            try
            {
                while (true) yield return SmallClassifier.Photos[0];
            }
            finally
            {
                ended.SetResult();
            }
        }
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public async Task Errors_of_the_paths_and_of_a_run_reach_the_consumer_after_what_came_before_them(bool onProcessor)
    {
        // The last file before the failure waits for others to fill its batch.
        const int Before = Batch + 1;
        var results = new List<LoadedImage>();
        var paths = await Assert.ThrowsExactlyAsync<InvalidTimeZoneException>(async () =>
        {
            await foreach (LoadedImage file in Identity(onProcessor).RunAsync(FailingAfter(Before), CancellationToken.None))
                results.Add(file);
        });
        Assert.AreEqual("of the caller", paths.Message);
        Assert.HasCount(Before, results);

        int batches = 0, handed = 0;
        var failing = new FilePipeline<bool>(Batch, TwoWorkers, (files, _) =>
            Interlocked.Increment(ref batches) == 2 ? Task.FromException<bool[]>(new DeviceException("failed"))
                : Task.FromResult(new bool[files.Count]), onProcessor);
        await Assert.ThrowsExactlyAsync<DeviceException>(async () =>
        {
            await foreach (bool _ in failing.RunAsync(SmallClassifier.Photos, CancellationToken.None)) handed++;
        });
        Assert.AreEqual(Batch, handed);

        static IEnumerable<string> FailingAfter(int count)
        {
            for (int i = 0; i < count; i++) yield return SmallClassifier.Photos[i];
            throw new InvalidTimeZoneException("of the caller");
        }
    }

    private static FilePipeline<LoadedImage> Identity(bool onProcessor) =>
        new(Batch, TwoWorkers, (files, _) => Task.FromResult<LoadedImage[]>([.. files]), onProcessor);

    private static IEnumerable<string> Endless(Action begin)
    {
        while (true)
        {
            begin();
            yield return SmallClassifier.Photos[0];
        }
    }
}
