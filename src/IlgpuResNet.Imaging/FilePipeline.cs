using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace IlgpuResNet.Imaging;

/// <summary>
/// Three stages at work at once, with bounded queues between them: files are decoded on worker threads, batches of them run on a device, the consumer takes
/// results. The order is that of the files throughout. A consumer that waits or stops makes the stages before it wait or stop.
/// </summary>
/// <param name="batchSize">The most files of a run.</param>
/// <param name="options">How files are decoded.</param>
/// <param name="run">Gives one result for each file of a batch, and may be called for the next batch before it has ended: a GPU gets new images while it computes.</param>
/// <param name="onProcessor">
/// True when runs take all of the processor themselves: then nothing is decoded during one, for a run whose threads have to share their
/// cores waits at each of its steps for the one that was interrupted.
/// </param>
internal sealed class FilePipeline<TResult>(int batchSize, ReadAheadOptions options, Func<IReadOnlyList<DecodedFile>, CancellationToken, Task<TResult[]>> run, bool onProcessor = false)
{
    /// <summary>Batches that wait between the device and the consumer; one more may run, and one be waited for.</summary>
    private const int WaitingBatches = 1;

    private readonly int workers = options.Workers ?? Environment.ProcessorCount;
    private readonly SemaphoreSlim idleWorkers = Permits(options.Workers ?? Environment.ProcessorCount);
    private readonly SemaphoreSlim turn = Permits(1);
    private readonly ByteBudget decodedBytes = new(options.DecodedBytes);

    /// <summary>Starts the stages; they end with the enumeration, at the latest after the run under way.</summary>
    public async IAsyncEnumerable<TResult> RunAsync(IEnumerable<string> paths, [EnumeratorCancellation] CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Channel<Task<DecodedFile>> files = Bounded<Task<DecodedFile>>(workers + 2 * batchSize);
        Channel<Task<TResult[]>> batches = Bounded<Task<TResult[]>>(WaitingBatches);
        CancellationToken stopped = stop.Token;
        _ = Task.Run(() => DecodeAsync(paths, files.Writer, stopped), CancellationToken.None);
        _ = Task.Run(() => BatchAsync(files.Reader, batches.Writer, stopped), CancellationToken.None);
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

    /// <summary>Begins one file after the other, in order: that the bytes of later ones never keep an earlier one waiting is what prevents a deadlock.</summary>
    private async Task DecodeAsync(IEnumerable<string> paths, ChannelWriter<Task<DecodedFile>> decoded, CancellationToken stopped)
    {
        try
        {
            foreach (string path in paths)
            {
                await decodedBytes.WaitAsync(stopped).ConfigureAwait(false);
                await idleWorkers.WaitAsync(stopped).ConfigureAwait(false);
                Task<DecodedFile> decoding = Task.Run(() => Decode(path), CancellationToken.None);
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

    private DecodedFile Decode(string path)
    {
        try
        {
            DecodedFile file = DecodedFile.Load(path, options.ApplyOrientation);
            decodedBytes.Add(file.Bytes);
            return file;
        }
        finally
        {
            idleWorkers.Release();
        }
    }

    private async Task BatchAsync(ChannelReader<Task<DecodedFile>> decoded, ChannelWriter<Task<TResult[]>> batches, CancellationToken stopped)
    {
        try
        {
            var batch = new List<DecodedFile>(batchSize);
            long bytes = 0;
            await foreach (Task<DecodedFile> decoding in decoded.ReadAllAsync(stopped).ConfigureAwait(false))
            {
                DecodedFile file = await decoding.WaitAsync(stopped).ConfigureAwait(false);
                batch.Add(file);
                bytes += file.Bytes;
                if (batch.Count < batchSize && bytes < options.DecodedBytes / 2) continue;
                await batches.WriteAsync(RunAsync(batch, bytes, stopped), stopped).ConfigureAwait(false);
                batch = new List<DecodedFile>(batchSize);
                bytes = 0;
            }
            if (batch.Count > 0) await batches.WriteAsync(RunAsync(batch, bytes, stopped), stopped).ConfigureAwait(false);
            batches.Complete();
        }
        catch (Exception e)
        {
            batches.Complete(e);
        }
    }

    private async Task<TResult[]> RunAsync(IReadOnlyList<DecodedFile> batch, long bytes, CancellationToken stopped)
    {
        try
        {
            return await (onProcessor ? RunAloneAsync(batch, stopped) : run(batch, stopped)).ConfigureAwait(false);
        }
        finally
        {
            decodedBytes.Release(bytes);
        }
    }

    /// <summary>Runs when all workers have ended what they were at, and keeps them from beginning more.</summary>
    private async Task<TResult[]> RunAloneAsync(IReadOnlyList<DecodedFile> batch, CancellationToken stopped)
    {
        await turn.WaitAsync(stopped).ConfigureAwait(false);
        int held = 0;
        try
        {
            for (; held < workers; held++) await idleWorkers.WaitAsync(stopped).ConfigureAwait(false);
            return await run(batch, stopped).ConfigureAwait(false);
        }
        finally
        {
            if (held > 0) idleWorkers.Release(held);
            turn.Release();
        }
    }

    /// <summary>Never disposed: work that was given up returns its permit later, and without a wait handle there is nothing to free.</summary>
    private static SemaphoreSlim Permits(int count) => new(count);

    private static Channel<T> Bounded<T>(int capacity) =>
        Channel.CreateBounded<T>(new BoundedChannelOptions(capacity) { SingleReader = true, SingleWriter = true });
}
