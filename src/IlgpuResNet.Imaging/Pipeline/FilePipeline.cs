using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace IlgpuResNet.Imaging;

/// <summary>
/// Three stages with bounded queues between them: files are decoded on worker threads, batches of them run on a device, the consumer takes
/// results. The order is that of the files throughout. A consumer that waits or stops makes the stages before it wait or stop. For one enumeration: what a
/// stopped one leaves undone is not taken from its budget.
/// </summary>
/// <param name="batchSize">The most files of a run.</param>
/// <param name="options">How files are decoded.</param>
/// <param name="run">Gives one result for each file of a batch, and may be called for the next batch before it has ended: a GPU gets new images while it computes.</param>
/// <param name="onProcessor">
/// True when runs take all of the processor themselves: then decoding and runs take turns, for a run whose threads have to share their
/// cores waits at each of its steps for the one that was interrupted. A run that has ended when its call returns keeps to one thread.
/// </param>
internal sealed class FilePipeline<TResult>(int batchSize, ReadAheadOptions options, Func<IReadOnlyList<LoadedImage>, CancellationToken, Task<TResult[]>> run, bool onProcessor = false)
{
    /// <summary>Batches that wait between the device and the consumer; one more may run, and one be waited for.</summary>
    private const int WaitingBatches = 1;

    /// <summary>On the processor results of short runs are handed over together: whoever takes them needs a core that a run's threads then lack.</summary>
    private static readonly TimeSpan HandOverInterval = TimeSpan.FromMilliseconds(50);

    private readonly int workers = options.Workers ?? Environment.ProcessorCount;

    private readonly SemaphoreSlim idleWorkers = Permits(options.Workers ?? Environment.ProcessorCount);
    private readonly ByteBudget decodedBytes = new(options.DecodedBytes);

    /// <summary>Starts the stages; they end with the enumeration, at the latest after the run under way.</summary>
    public async IAsyncEnumerable<TResult> RunAsync(IEnumerable<string> paths, [EnumeratorCancellation] CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Channel<Task<TResult[]>> batches = Bounded<Task<TResult[]>>(WaitingBatches);
        CancellationToken stopped = stop.Token;
        _ = Task.Run(() => BatchAsync(onProcessor ? InTurn(paths, stopped).ToAsyncEnumerable() : AheadAsync(paths, stopped), batches.Writer, stopped), CancellationToken.None);
        try
        {
            await foreach (Task<TResult[]> batch in batches.Reader.ReadAllAsync(cancellation).ConfigureAwait(false))
            {
                foreach (TResult result in await batch.WaitAsync(cancellation).ConfigureAwait(false))
                {
                    cancellation.ThrowIfCancellationRequested();
                    yield return result;
                }
            }
        }
        finally
        {
            await stop.CancelAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Files that are decoded whatever else is done.</summary>
    private async IAsyncEnumerable<LoadedImage> AheadAsync(IEnumerable<string> paths, [EnumeratorCancellation] CancellationToken stopped)
    {
        Channel<Task<LoadedImage>> files = Bounded<Task<LoadedImage>>(workers + 2 * batchSize);
        _ = Task.Run(() => DecodeAsync(paths, files.Writer, stopped), CancellationToken.None);
        await foreach (Task<LoadedImage> decoding in files.Reader.ReadAllAsync(stopped).ConfigureAwait(false))
            yield return await decoding.WaitAsync(stopped).ConfigureAwait(false);
    }

    /// <summary>Files that are decoded on all workers, some at a time, while the next is asked for and at no other time.</summary>
    private IEnumerable<LoadedImage> InTurn(IEnumerable<string> paths, CancellationToken stopped)
    {
        using var chunks = new ChunkDecoder(paths, workers, batchSize, options);
        while (chunks.Next(stopped) is { Count: > 0 } files)
        {
            foreach (LoadedImage file in files)
            {
                decodedBytes.Add(file.Bytes);
                yield return file;
            }
        }
    }

    /// <summary>Begins one file after the other, in order: that the bytes of later ones never keep an earlier one waiting is what prevents a deadlock.</summary>
    private async Task DecodeAsync(IEnumerable<string> paths, ChannelWriter<Task<LoadedImage>> decoded, CancellationToken stopped)
    {
        try
        {
            foreach (string path in paths)
            {
                await decodedBytes.WaitAsync(stopped).ConfigureAwait(false);
                await idleWorkers.WaitAsync(stopped).ConfigureAwait(false);
                Task<LoadedImage> decoding = Task.Run(() => Decode(path), CancellationToken.None);
                await decoded.WriteAsync(decoding, stopped).ConfigureAwait(false);
            }
            decoded.Complete();
        }
        catch (Exception e)
        {
            // The enumeration of the paths is the caller's code, and may throw anything.
            decoded.Complete(e);
        }
    }

    private LoadedImage Decode(string path)
    {
        try
        {
            LoadedImage file = LoadedImage.Load(path, options.ApplyOrientation);
            decodedBytes.Add(file.Bytes);
            return file;
        }
        finally
        {
            idleWorkers.Release();
        }
    }

    private async Task BatchAsync(IAsyncEnumerable<LoadedImage> decoded, ChannelWriter<Task<TResult[]>> batches, CancellationToken stopped)
    {
        var kept = new List<TResult>();
        long handedOver = 0;
        Exception? failure = null;
        var batch = new List<LoadedImage>(batchSize);
        long bytes = 0;
        try
        {
            await foreach (LoadedImage file in decoded.ConfigureAwait(false))
            {
                batch.Add(file);
                bytes += file.Bytes;
                if (batch.Count < batchSize && bytes < options.DecodedBytes / 2) continue;
                await HandOverBatchAsync().ConfigureAwait(false);
            }
        }
        catch (Exception e)
        {
            failure = e;
        }
        try
        {
            // What came before the end, or before a failure, is whole.
            if (batch.Count > 0 && !stopped.IsCancellationRequested) await HandOverBatchAsync().ConfigureAwait(false);
            await HandOverKeptAsync().ConfigureAwait(false);
        }
        catch (Exception e)
        {
            failure ??= e;
        }
        batches.Complete(failure);

        async Task HandOverBatchAsync()
        {
            Task<TResult[]> running = RunAsync(batch, bytes, stopped);
            // A batch whose run fails is not run again.
            batch = new List<LoadedImage>(batchSize);
            bytes = 0;
            if (!onProcessor)
            {
                await batches.WriteAsync(running, stopped).ConfigureAwait(false);
                return;
            }
            kept.AddRange(await running.WaitAsync(stopped).ConfigureAwait(false));
            if (Stopwatch.GetElapsedTime(handedOver) >= HandOverInterval) await HandOverKeptAsync().ConfigureAwait(false);
        }

        async Task HandOverKeptAsync()
        {
            if (kept.Count == 0) return;
            await batches.WriteAsync(Task.FromResult(kept.ToArray()), stopped).ConfigureAwait(false);
            kept.Clear();
            handedOver = Stopwatch.GetTimestamp();
        }
    }

    private async Task<TResult[]> RunAsync(IReadOnlyList<LoadedImage> batch, long bytes, CancellationToken stopped)
    {
        try
        {
            return await run(batch, stopped).ConfigureAwait(false);
        }
        finally
        {
            decodedBytes.Release(bytes);
        }
    }

    /// <summary>Never disposed: work that was given up returns its permit later, and without a wait handle there is nothing to free.</summary>
    private static SemaphoreSlim Permits(int count) => new(count);

    private static Channel<T> Bounded<T>(int capacity) =>
        Channel.CreateBounded<T>(new BoundedChannelOptions(capacity) { SingleReader = true, SingleWriter = true });
}
