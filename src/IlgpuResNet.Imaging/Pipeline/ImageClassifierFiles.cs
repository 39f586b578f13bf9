using System.Runtime.CompilerServices;
using IlgpuResNet.Diagnostics;

namespace IlgpuResNet;

/// <summary>Extends <see cref="ImageClassifier"/> by methods that classify image files, single ones or folders.</summary>
public static class ImageClassifierFiles
{
    /// <summary>Classifies an image file and returns the most probable classes, most probable first.</summary>
    /// <param name="classifier">Classifier to use.</param>
    /// <param name="path">Path of the file.</param>
    /// <param name="topK">Number of classes to return; all classes when the network has fewer.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="topK"/> is below 1.</exception>
    /// <exception cref="ImageException">
    /// The file is missing, unreadable, not an image, damaged or too large, or cannot be preprocessed.
    /// </exception>
    /// <exception cref="DeviceException">The device failed; the next call makes a new session.</exception>
    /// <exception cref="ObjectDisposedException">The classifier was disposed.</exception>
    public static Prediction[] Classify(this ImageClassifier classifier, string path, int topK = 5)
    {
        ArgumentNullException.ThrowIfNull(classifier);
        return classifier.Classify(ImageFile.Load(path), topK);
    }

    /// <summary>Classifies an image file that a stream holds, from its position to its end.</summary>
    /// <param name="classifier">Classifier to use.</param>
    /// <param name="stream">Content of an image file. The stream stays open.</param>
    /// <param name="topK">Number of classes to return; all classes when the network has fewer.</param>
    /// <inheritdoc cref="Classify(ImageClassifier, string, int)"/>
    public static Prediction[] Classify(this ImageClassifier classifier, Stream stream, int topK = 5)
    {
        ArgumentNullException.ThrowIfNull(classifier);
        return classifier.Classify(ImageFile.Load(stream), topK);
    }

    /// <summary>Classifies an image file on threads of the pool and returns the most probable classes, most probable first.</summary>
    /// <param name="classifier">Classifier to use.</param>
    /// <param name="path">Path of the file.</param>
    /// <param name="topK">Number of classes to return; all classes when the network has fewer.</param>
    /// <param name="cancellation">Ends the task at once; work in progress is completed in the background.</param>
    /// <inheritdoc cref="Classify(ImageClassifier, string, int)"/>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static async Task<Prediction[]> ClassifyAsync(
        this ImageClassifier classifier, string path, int topK = 5, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(classifier);
        Task<PixelBuffer> loading = Task.Run(() => ImageFile.Load(path), cancellation).Observed();
        PixelBuffer image = await loading.WaitAsync(cancellation).ConfigureAwait(false);
        return await classifier.ClassifyAsync(image, topK, cancellation).ConfigureAwait(false);
    }

    /// <summary>
    /// Classifies an image file that a stream holds, from its position to its end, on threads of the pool. The stream must stay open until
    /// the task has ended; after a cancellation, until the read in progress has ended.
    /// </summary>
    /// <param name="classifier">Classifier to use.</param>
    /// <param name="stream">Content of an image file. The stream stays open.</param>
    /// <param name="topK">Number of classes to return; all classes when the network has fewer.</param>
    /// <param name="cancellation">Ends the task at once; work in progress is completed in the background.</param>
    /// <inheritdoc cref="Classify(ImageClassifier, string, int)"/>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static async Task<Prediction[]> ClassifyAsync(
        this ImageClassifier classifier, Stream stream, int topK = 5, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(classifier);
        Task<PixelBuffer> loading = Task.Run(() => ImageFile.Load(stream), cancellation).Observed();
        PixelBuffer image = await loading.WaitAsync(cancellation).ConfigureAwait(false);
        return await classifier.ClassifyAsync(image, topK, cancellation).ConfigureAwait(false);
    }

    /// <summary>
    /// Classifies the image files of a folder, which <see cref="ImageFiles.Enumerate"/> lists, as <see cref="ClassifyFilesAsync"/> does.
    /// </summary>
    /// <param name="classifier">Classifier to use.</param>
    /// <param name="folder">Path of a folder, or of one file.</param>
    /// <param name="topK">Number of classes per file; all classes when the network has fewer.</param>
    /// <param name="progress">Receives the progress after each result.</param>
    /// <param name="options">Options of decoding, or null for the defaults.</param>
    /// <param name="cancellation">Ends the enumeration at once.</param>
    /// <inheritdoc cref="ClassifyFilesAsync"/>
    public static IAsyncEnumerable<ClassifiedImage> ClassifyFolderAsync(
        this ImageClassifier classifier,
        string folder,
        int topK = 5,
        IProgress<FileProgress>? progress = null,
        ReadAheadOptions? options = null,
        CancellationToken cancellation = default) =>
        classifier.ClassifyFilesAsync(ImageFiles.Enumerate(folder), topK, progress, options, cancellation);

    /// <summary>
    /// Classifies image files and returns one result per file, in the order of the files. Files are decoded on worker threads, on a GPU
    /// while it computes, on the processor between its runs, and only a few batches ahead of the consumer. A file that cannot be read,
    /// decoded or preprocessed has an error in its result, and the others continue.
    /// </summary>
    /// <param name="classifier">Classifier to use.</param>
    /// <param name="paths">Paths of the files. They are enumerated on another thread.</param>
    /// <param name="topK">Number of classes per file; all classes when the network has fewer.</param>
    /// <param name="progress">Receives the progress after each result.</param>
    /// <param name="options">Options of decoding, or null for the defaults.</param>
    /// <param name="cancellation">
    /// Ends the enumeration at once; a run that has started on the device is completed in the background.
    /// </param>
    /// <paramref name="topK"/> or a number of the options is below 1.
    /// <exception cref="ImageException">The folder is missing or cannot be read.</exception>
    /// <exception cref="DeviceException">The device failed; the next call makes a new session.</exception>
    /// <exception cref="ObjectDisposedException">The classifier was disposed.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static IAsyncEnumerable<ClassifiedImage> ClassifyFilesAsync(
        this ImageClassifier classifier,
        IEnumerable<string> paths,
        int topK = 5,
        IProgress<FileProgress>? progress = null,
        ReadAheadOptions? options = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(classifier);
        ArgumentNullException.ThrowIfNull(paths);
        ArgumentOutOfRangeException.ThrowIfLessThan(topK, 1);
        bool onProcessor = !classifier.Device.IsGpu;
        IAsyncEnumerable<ClassifiedImage> results = ImagePipeline.RunAsync(
            paths,
            classifier.Batch,
            classifier.Device,
            (files, stopped) => classifier.ClassifyAsync(files, topK, onProcessor, stopped),
            options,
            cancellation);
        return Report(results, paths, progress, cancellation);
    }

    /// <summary>Passes results on and reports the progress after each.</summary>
    private static async IAsyncEnumerable<ClassifiedImage> Report(
        IAsyncEnumerable<ClassifiedImage> results,
        IEnumerable<string> paths,
        IProgress<FileProgress>? progress,
        [EnumeratorCancellation] CancellationToken cancellation)
    {
        int? total = paths.TryGetNonEnumeratedCount(out int count) ? count : null;
        int done = 0, failed = 0;
        await foreach (ClassifiedImage image in results.WithCancellation(cancellation).ConfigureAwait(false))
        {
            done++;
            if (image.Error is not null) failed++;
            Callback.Report(progress, new FileProgress(done, failed, total));
            yield return image;
        }
    }

    /// <summary>
    /// Classifies a batch of decoded files: on a thread of the pool, or on the calling thread when the processor has nothing else to do
    /// meanwhile.
    /// </summary>
    private static async Task<ClassifiedImage[]> ClassifyAsync(
        this ImageClassifier classifier, IReadOnlyList<LoadedImage> files, int topK, bool onThisThread, CancellationToken cancellation)
    {
        ClassifiedImage[] results = [.. files.Select(file => new ClassifiedImage(file.Path, [], file.Error))];
        int[] places = [.. Enumerable.Range(0, files.Count).Where(i => files[i].Image is not null)];
        if (places.Length == 0) return results;
        PixelBuffer[] images = [.. places.Select(place => files[place].Image!.Value)];
        ImageClassifier.ClassifiedBatch batch = onThisThread
            ? classifier.ClassifyBatch(images, topK, cancellation)
            : await classifier.ClassifyBatchAsync(images, topK, cancellation).ConfigureAwait(false);
        for (int row = 0; row < places.Length; row++)
        {
            string path = files[places[row]].Path;
            results[places[row]] = batch.Errors[row] is { } error
                ? new ClassifiedImage(path, [], new ImageException($"{path}: {error.Message}", error))
                : new ClassifiedImage(path, batch.Predictions[row], null);
        }
        return results;
    }
}
