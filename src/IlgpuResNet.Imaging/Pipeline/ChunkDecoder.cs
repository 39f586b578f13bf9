using System.Diagnostics;
using System.Runtime.ExceptionServices;

namespace IlgpuResNet.Imaging;

/// <summary>
/// Decodes some files at a time on all workers, and nothing in between. A chunk is one batch at first and grows while chunks take so little time that starting
/// the workers counts. Files that fill half of the budget end it: large ones are not decoded far ahead. Not thread-safe.
/// </summary>
internal sealed class ChunkDecoder(IEnumerable<string> paths, int workers, int batchSize, ReadAheadOptions options) : IDisposable
{
    /// <summary>The most that a chunk grows by: the first ones are over too soon to tell how long more would take.</summary>
    private const double MostGrowth = 8;

    /// <summary>
    /// Chunks grow until they take this long, one of twice the time shrinks: the first of its results wait for the last to be decoded. On the other
    /// hand some runs after each chunk take twice as long, until the run's threads have their cores again.
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

    /// <summary>The next files in the order of their paths, valid until the next call; none at the end.</summary>
    /// <exception cref="OperationCanceledException">Cancelled; the files under way are completed first.</exception>
    /// <remarks>What the enumeration of the paths throws, which may be anything, is thrown after the files before it have been given.</remarks>
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

    /// <summary>One worker's part.</summary>
    private void Decode(CancellationToken stopped)
    {
        while (Begin(stopped) is var (place, path))
        {
            LoadedImage file = LoadedImage.Load(path, options.ApplyOrientation);
            lock (gate)
            {
                files[place] = file;
                bytes += file.Bytes;
            }
        }
    }

    /// <summary>Takes the next file; null when the chunk is complete.</summary>
    private (int Place, string Path)? Begin(CancellationToken stopped)
    {
        lock (gate)
        {
            if (ended || files.Count == most || bytes >= options.DecodedBytes / 2 && files.Count > 0 || stopped.IsCancellationRequested) return null;
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
