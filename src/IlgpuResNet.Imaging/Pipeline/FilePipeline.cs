using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using IlgpuResNet.Diagnostics;

namespace IlgpuResNet.Imaging;

/// <summary>
/// Classifies files in three stages with bounded queues between them: worker threads decode files, a device runs batches of them, and the
/// consumer takes results in the order of the files. A consumer that waits or stops makes the earlier stages wait or stop. An instance
/// serves one enumeration: a stopped one does not return its unfinished work to the budget.
/// </summary>
/// <param name="batchSize">Largest number of files in a run.</param>
/// <param name="options">Options of decoding.</param>
/// <param name="run">
/// Computes one result for each file of a batch. It may be called for the next batch before the task of the previous one has ended, so that
/// a GPU receives images while it computes.
/// </param>
/// <param name="onProcessor">
/// True when runs use all cores of the processor. Decoding and runs then alternate, because a run whose threads share their cores waits at
/// each step for the thread that was interrupted. A run whose task is complete when the call returns keeps to one thread.
/// </param>
internal sealed class FilePipeline<TResult>(
    int batchSize,
    ReadAheadOptions options,
    Func<IReadOnlyList<LoadedImage>, CancellationToken, Task<TResult[]>> run,
    bool onProcessor = false)
{
    /// <summary>Batches that wait between device and consumer; one more may be running, and the consumer may wait for another.</summary>
    private const int WaitingBatches = 1;

    /// <summary>
    /// Results of short runs on the processor are passed on together: the consumer needs a core, which a run's threads then lack.
    /// </summary>
    private static readonly TimeSpan HandOverInterval = TimeSpan.FromMilliseconds(50);

    private readonly int workers = options.Workers ?? Environment.ProcessorCount;

    private readonly SemaphoreSlim idleWorkers = Permits(options.Workers ?? Environment.ProcessorCount);
    private readonly ByteBudget decodedBytes = new(options.DecodedBytes);

    /// <summary>Starts the stages. They end with the enumeration, at the latest after the run in progress.</summary>
    public async IAsyncEnumerable<TResult> RunAsync(IEnumerable<string> paths, [EnumeratorCancellation] CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Channel<Task<TResult[]>> batches = Bounded<Task<TResult[]>>(WaitingBatches);
        CancellationToken stopped = stop.Token;
        IAsyncEnumerable<LoadedImage> decoded = onProcessor ? InTurn(paths, stopped).ToAsyncEnumerable() : AheadAsync(paths, stopped);
        _ = Task.Run(() => BatchAsync(decoded, batches.Writer, stopped), CancellationToken.None);
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

    /// <summary>Decodes files concurrently with runs.</summary>
    private async IAsyncEnumerable<LoadedImage> AheadAsync(IEnumerable<string> paths, [EnumeratorCancellation] CancellationToken stopped)
    {
        Channel<Task<LoadedImage>> files = Bounded<Task<LoadedImage>>(workers + 2 * batchSize);
        _ = Task.Run(() => DecodeAsync(paths, files.Writer, stopped), CancellationToken.None);
        await foreach (Task<LoadedImage> decoding in files.Reader.ReadAllAsync(stopped).ConfigureAwait(false))
            yield return await decoding.WaitAsync(stopped).ConfigureAwait(false);
    }

    /// <summary>Decodes files on all workers, a chunk at a time, only while the next file is awaited.</summary>
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

    /// <summary>
    /// Starts to decode the files in order: later files never hold the bytes that an earlier one waits for, which prevents a deadlock.
    /// </summary>
    private async Task DecodeAsync(IEnumerable<string> paths, ChannelWriter<Task<LoadedImage>> decoded, CancellationToken stopped)
    {
        try
        {
            foreach (string path in paths)
            {
                await decodedBytes.WaitAsync(stopped).ConfigureAwait(false);
                await idleWorkers.WaitAsync(stopped).ConfigureAwait(false);
                Task<LoadedImage> decoding = Task.Run(() => Decode(path), CancellationToken.None).Observed();
                await decoded.WriteAsync(decoding, stopped).ConfigureAwait(false);
            }
            decoded.Complete();
        }
        catch (Exception e)
        {
            // The enumeration of the paths is code of the caller and may throw anything.
            decoded.Complete(e);
        }
    }

    private LoadedImage Decode(string path)
    {
        try
        {
            LoadedImage file = LoadedImage.Load(path, options);
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
            // Files before the end, or before a failure, are still classified.
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
            Task<TResult[]> running = RunAsync(batch, bytes, stopped).Observed();
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

    /// <summary>
    /// Makes a semaphore that is never disposed: abandoned work returns its permit later, and without a wait handle there is nothing to
    /// free.
    /// </summary>
    private static SemaphoreSlim Permits(int count) => new(count);

    private static Channel<T> Bounded<T>(int capacity) =>
        Channel.CreateBounded<T>(new BoundedChannelOptions(capacity) { SingleReader = true, SingleWriter = true });
}
