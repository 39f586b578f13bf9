using System.Runtime.CompilerServices;
using IlgpuResNet.Imaging;

namespace IlgpuResNet;

/// <summary>
/// Runs work of your own, such as embeddings, heat maps or measurements, on many image files, which are decoded ahead on worker threads.
/// For labels alone use <see cref="ImageClassifierFiles.ClassifyFilesAsync"/>.
/// </summary>
public static class ImagePipeline
{
    /// <summary>
    /// Decodes files, passes them to <paramref name="run"/> in batches, and returns its results in the order of the files. A GPU computes
    /// while the next files are decoded; on the processor decoding and runs alternate, because both need all cores. Files are read only a
    /// few batches ahead of the consumer. Each enumeration of the result starts anew.
    /// </summary>
    /// <typeparam name="TResult">Type of the results.</typeparam>
    /// <param name="paths">Paths of the files. They are enumerated on another thread.</param>
    /// <param name="batch">Largest number of files in one run.</param>
    /// <param name="device">Device that the runs use.</param>
    /// <param name="run">
    /// Computes one result for each file of a batch, files with an error included. It is called on another thread and, for a GPU, possibly
    /// again before its previous task has ended. An exception that it throws ends the enumeration.
    /// </param>
    /// <param name="options">Options of decoding, or null for the defaults.</param>
    /// <param name="cancellation">Ends the enumeration at once; a run in progress is completed in the background.</param>
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

    /// <summary>Returns the results of a pipeline, which is made anew for each enumeration.</summary>
    private static async IAsyncEnumerable<TResult> Enumerate<TResult>(
        Func<FilePipeline<TResult>> create, IEnumerable<string> paths, [EnumeratorCancellation] CancellationToken cancellation)
    {
        await foreach (TResult result in create().RunAsync(paths, cancellation).ConfigureAwait(false)) yield return result;
    }
}
