using System.Diagnostics;
using System.Runtime.ExceptionServices;

namespace IlgpuResNet.Imaging;

/// <summary>
/// Decodes a chunk of files on all workers when asked, and does nothing in between. A chunk starts as one batch and grows while chunks take
/// so little time that starting the workers matters. Decoded files that fill half of the budget end a chunk, so that large images are not
/// decoded far ahead. Not thread-safe.
/// </summary>
internal sealed class ChunkDecoder(IEnumerable<string> paths, int workers, int batchSize, ReadAheadOptions options) : IDisposable
{
    /// <summary>Largest growth of a chunk at once: the first chunks are too short to predict the time of longer ones.</summary>
    private const double MostGrowth = 8;

    /// <summary>
    /// Chunks grow until they take this long, and shrink from twice this time on: the first result of a chunk waits for its last file.
    /// Short chunks cost more, because the runs after a chunk take twice as long until their threads have their cores again.
    /// </summary>
    private static readonly TimeSpan LongEnough = TimeSpan.FromMilliseconds(50);

    private readonly Lock gate = new();
    private readonly IEnumerator<string> next = paths.GetEnumerator();
    private readonly List<LoadedImage> files = [];
    private readonly int least = batchSize;
    private int most = batchSize;
    private long bytes;
    private bool ended;
    private ExceptionDispatchInfo? failure;

    /// <summary>
    /// Decodes and returns the next files in the order of their paths, valid until the next call; an empty list at the end.
    /// </summary>
    /// <exception cref="OperationCanceledException">The token was cancelled; files in progress are completed first.</exception>
    /// <remarks>An exception of the caller's enumeration of paths is rethrown after the files before it have been returned.</remarks>
    public IReadOnlyList<LoadedImage> Next(CancellationToken stopped)
    {
        files.Clear();
        bytes = 0;
        long start = Stopwatch.GetTimestamp();
        if (!ended) Parallel.For(0, workers, new ParallelOptions { MaxDegreeOfParallelism = workers }, _ => Decode(stopped));
        stopped.ThrowIfCancellationRequested();
        if (files.Count == 0) failure?.Throw();
        TimeSpan taken = Stopwatch.GetElapsedTime(start);
        if (files.Count == most && taken < LongEnough / 2) most = (int)(most * Math.Min(LongEnough / taken, MostGrowth));
        else if (taken > 2 * LongEnough) most = Math.Max(most / 2, least);
        return files;
    }

    /// <inheritdoc/>
    public void Dispose() => next.Dispose();

    /// <summary>Decodes files until the chunk is complete; one call per worker.</summary>
    private void Decode(CancellationToken stopped)
    {
        while (Begin(stopped) is var (place, path))
        {
            LoadedImage file = LoadedImage.Load(path, options);
            lock (gate)
            {
                files[place] = file;
                bytes += file.Bytes;
            }
        }
    }

    /// <summary>Takes the next path; null when the chunk is complete.</summary>
    private (int Place, string Path)? Begin(CancellationToken stopped)
    {
        lock (gate)
        {
            bool isFull = files.Count == most || (bytes >= options.DecodedBytes / 2 && files.Count > 0);
            if (ended || isFull || stopped.IsCancellationRequested) return null;
            try
            {
                ended = !next.MoveNext();
            }
            catch (Exception e)
            {
                ended = true;
                failure = ExceptionDispatchInfo.Capture(e);
            }
            if (ended) return null;
            files.Add(default);
            return (files.Count - 1, next.Current);
        }
    }
}
