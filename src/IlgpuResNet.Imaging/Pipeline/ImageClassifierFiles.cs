using System.Runtime.CompilerServices;

namespace IlgpuResNet;

/// <summary>Classifies image files with an <see cref="ImageClassifier"/>, one or a folder of them.</summary>
public static class ImageClassifierFiles
{
    /// <summary>The most probable classes of an image file, most probable first.</summary>
    /// <param name="classifier">What to classify with.</param>
    /// <param name="path">Path of the file.</param>
    /// <param name="topK">How many; all classes when there are not as many.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="topK"/> is below 1.</exception>
    /// <exception cref="ImageException">The file is missing, unreadable, not an image, damaged or too large, or cannot be prepared.</exception>
    /// <exception cref="DeviceException">The device failed; the classifier makes a new session at its next call.</exception>
    /// <exception cref="ObjectDisposedException">The classifier was disposed.</exception>
    public static Prediction[] Classify(this ImageClassifier classifier, string path, int topK = 5)
    {
        ArgumentNullException.ThrowIfNull(classifier);
        return classifier.Classify(ImageFile.Load(path), topK);
    }

    /// <summary>The same of an image file's bytes, from a stream's position to its end; the stream stays open.</summary>
    /// <param name="classifier">What to classify with.</param>
    /// <param name="stream">The bytes.</param>
    /// <param name="topK">How many; all classes when there are not as many.</param>
    /// <inheritdoc cref="Classify(ImageClassifier, string, int)"/>
    public static Prediction[] Classify(this ImageClassifier classifier, Stream stream, int topK = 5)
    {
        ArgumentNullException.ThrowIfNull(classifier);
        return classifier.Classify(ImageFile.Load(stream), topK);
    }

    /// <summary>The same on other threads.</summary>
    /// <param name="classifier">What to classify with.</param>
    /// <param name="path">Path of the file.</param>
    /// <param name="topK">How many; all classes when there are not as many.</param>
    /// <param name="cancellation">Ends the task at once; what is under way is completed in the background.</param>
    /// <inheritdoc cref="Classify(ImageClassifier, string, int)"/>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static async Task<Prediction[]> ClassifyAsync(this ImageClassifier classifier, string path, int topK = 5, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(classifier);
        PixelBuffer image = await Task.Run(() => ImageFile.Load(path), cancellation).WaitAsync(cancellation).ConfigureAwait(false);
        return await classifier.ClassifyAsync(image, topK, cancellation).ConfigureAwait(false);
    }

    /// <summary>
    /// The same of an image file's bytes, from a stream's position to its end. The stream stays open, and must until the task has ended, after a cancellation until the
    /// read under way has.
    /// </summary>
    /// <param name="classifier">What to classify with.</param>
    /// <param name="stream">The bytes.</param>
    /// <param name="topK">How many; all classes when there are not as many.</param>
    /// <param name="cancellation">Ends the task at once; what is under way is completed in the background.</param>
    /// <inheritdoc cref="Classify(ImageClassifier, string, int)"/>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static async Task<Prediction[]> ClassifyAsync(this ImageClassifier classifier, Stream stream, int topK = 5, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(classifier);
        PixelBuffer image = await Task.Run(() => ImageFile.Load(stream), cancellation).WaitAsync(cancellation).ConfigureAwait(false);
        return await classifier.ClassifyAsync(image, topK, cancellation).ConfigureAwait(false);
    }

    /// <summary>Classifies the images of a folder as <see cref="ClassifyFilesAsync"/> does, those that <see cref="ImageFiles.Enumerate"/> finds.</summary>
    /// <param name="classifier">What to classify with.</param>
    /// <param name="folder">The folder, or one file.</param>
    /// <param name="topK">How many classes of each; all when there are not as many.</param>
    /// <param name="progress">Is told after each result.</param>
    /// <param name="options">How files are decoded, or null for the defaults.</param>
    /// <param name="cancellation">Ends the enumeration at once.</param>
    /// <inheritdoc cref="ClassifyFilesAsync"/>
    public static IAsyncEnumerable<ClassifiedImage> ClassifyFolderAsync(
        this ImageClassifier classifier, string folder, int topK = 5, IProgress<FileProgress>? progress = null, ReadAheadOptions? options = null, CancellationToken cancellation = default) =>
        classifier.ClassifyFilesAsync(ImageFiles.Enumerate(folder), topK, progress, options, cancellation);

    /// <summary>
    /// Classifies files, a result for each in their order. Others are decoded on worker threads while a GPU computes, between runs of the processor, a few batches ahead of
    /// the consumer and no further. A file that cannot be read, decoded or prepared has its error in its result, and the others go on.
    /// </summary>
    /// <param name="classifier">What to classify with.</param>
    /// <param name="paths">The files; enumerated on another thread.</param>
    /// <param name="topK">How many classes of each; all when there are not as many.</param>
    /// <param name="progress">Is told after each result.</param>
    /// <param name="options">How files are decoded, or null for the defaults.</param>
    /// <param name="cancellation">Ends the enumeration at once; a run under way on the device is completed in the background.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="topK"/> or a number of the options is below 1.</exception>
    /// <exception cref="ImageException">The folder is missing or may not be read.</exception>
    /// <exception cref="DeviceException">The device failed; the classifier makes a new session at its next call.</exception>
    /// <exception cref="ObjectDisposedException">The classifier was disposed.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static IAsyncEnumerable<ClassifiedImage> ClassifyFilesAsync(
        this ImageClassifier classifier, IEnumerable<string> paths, int topK = 5, IProgress<FileProgress>? progress = null, ReadAheadOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(classifier);
        ArgumentNullException.ThrowIfNull(paths);
        ArgumentOutOfRangeException.ThrowIfLessThan(topK, 1);
        bool onProcessor = !classifier.Device.IsGpu;
        IAsyncEnumerable<ClassifiedImage> results = ImagePipeline.RunAsync(
            paths, classifier.Batch, classifier.Device, (files, stopped) => classifier.ClassifyAsync(files, topK, onProcessor, stopped), options, cancellation);
        return Report(results, paths, progress, cancellation);
    }

    /// <summary>Hands out results and reports the progress after each.</summary>
    private static async IAsyncEnumerable<ClassifiedImage> Report(
        IAsyncEnumerable<ClassifiedImage> results, IEnumerable<string> paths, IProgress<FileProgress>? progress, [EnumeratorCancellation] CancellationToken cancellation)
    {
        int? total = paths.TryGetNonEnumeratedCount(out int count) ? count : null;
        int done = 0, failed = 0;
        await foreach (ClassifiedImage image in results.WithCancellation(cancellation).ConfigureAwait(false))
        {
            done++;
            if (image.Error is not null) failed++;
            progress?.Report(new FileProgress(done, failed, total));
            yield return image;
        }
    }

    /// <summary>The answers for a batch of files, on another thread unless the processor has nothing else to do meanwhile.</summary>
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
