using System.Runtime.CompilerServices;
using IlgpuResNet.Imaging;

namespace IlgpuResNet;

/// <summary>
/// Runs any work on many image files, decoded ahead on worker threads: embeddings, heat maps, measurements. For labels alone,
/// <see cref="ImageClassifierFiles.ClassifyFilesAsync"/> does it all.
/// </summary>
public static class ImagePipeline
{
    /// <summary>
    /// Decodes files, gives them to <paramref name="run"/> in batches, and hands out its results in the order of the files. While a GPU
    /// computes, the next files are decoded; on the processor decoding and runs take turns, because both need all cores. Files are read a
    /// few batches ahead of the consumer and no further. Each enumeration of the result starts anew.
    /// </summary>
    /// <typeparam name="TResult">Type of the results.</typeparam>
    /// <param name="paths">The files; enumerated on another thread.</param>
    /// <param name="batch">The most files of one run.</param>
    /// <param name="device">The device that the runs use.</param>
    /// <param name="run">
    /// Gives one result for each file of a batch, those with an error included. It is called on another thread, and for a GPU perhaps again
    /// before its task has ended. What it throws ends the enumeration.
    /// </param>
    /// <param name="options">How files are decoded, or null for the defaults.</param>
    /// <param name="cancellation">Ends the enumeration at once; a run under way is completed in the background.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="batch"/> or a number of the options is below 1.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static IAsyncEnumerable<TResult> RunAsync<TResult>(
        IEnumerable<string> paths,
        int batch,
        ComputeDevice device,
        Func<IReadOnlyList<LoadedImage>, CancellationToken, Task<TResult[]>> run,
        ReadAheadOptions? options = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(paths);
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(run);
        ArgumentOutOfRangeException.ThrowIfLessThan(batch, 1);
        options ??= new ReadAheadOptions();
        options.Validate();
        return Enumerate(() => new FilePipeline<TResult>(batch, options, run, onProcessor: !device.IsGpu), paths, cancellation);
    }

    /// <summary>The results of a pipeline that each enumeration makes for itself.</summary>
    private static async IAsyncEnumerable<TResult> Enumerate<TResult>(
        Func<FilePipeline<TResult>> create, IEnumerable<string> paths, [EnumeratorCancellation] CancellationToken cancellation)
    {
        await foreach (TResult result in create().RunAsync(paths, cancellation).ConfigureAwait(false)) yield return result;
    }
}
