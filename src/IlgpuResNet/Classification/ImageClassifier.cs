using System.Buffers;
using System.Collections.Immutable;
using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using IlgpuResNet.Classification;
using IlgpuResNet.Devices;
using IlgpuResNet.Diagnostics;
using IlgpuResNet.Files;
using IlgpuResNet.Kernels;
using Microsoft.Extensions.Logging;

namespace IlgpuResNet;

/// <summary>
/// Classifies images: a network on a device, with as many sessions as concurrent callers need. The package IlgpuResNet.Imaging adds methods
/// that classify image files and folders.
/// </summary>
/// <remarks>
/// Thread-safe. Concurrent callers get sessions of their own within <see cref="ClassifierOptions.MemoryBudget"/>, and a result has the same
/// bits whether or not others call. After a <see cref="DeviceException"/> the failed session is dropped and the next call makes a new one,
/// which reopens a lost device: the classifier stays usable.
/// </remarks>
public sealed class ImageClassifier : IDisposable
{
    private const int MostSessions = 8;

    /// <summary>
    /// A second session on the processor gains nothing: runs wait for each other, and both would share the same cores.
    /// </summary>
    private const int MostSessionsOnProcessor = 1;

    private readonly ILogger logger;
    private readonly bool ownsModel;
    private readonly SessionPool pool;

    /// <summary>
    /// Methods that the first session chose; further sessions reuse them, so that nothing is timed twice and results have the same bits.
    /// </summary>
    private ImmutableArray<Conv2dMethod> stepMethods;

    /// <summary>Makes a classifier of a network that the caller keeps. The caller disposes the network after the classifier.</summary>
    /// <param name="model">Network that classifies images.</param>
    /// <param name="device">Device to run on, or null for <see cref="ComputeDevice.Default"/>.</param>
    /// <param name="options">Options, or null for the defaults. Variant, preset and cache are ignored: the model has them already.</param>
    /// <exception cref="GraphException">The network computes no class scores for images of its size, or has one class only.</exception>
    /// <exception cref="DeviceException">The device cannot be opened or has too little memory.</exception>
    /// <exception cref="WeightsException">The weights file can no longer be read.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The batch or the memory budget is not positive.</exception>
    [RequiresDynamicCode(DynamicCode.Reason), RequiresUnreferencedCode(DynamicCode.Reason)]
    public ImageClassifier(Model model, ComputeDevice? device = null, ClassifierOptions? options = null)
        : this(model, device, options ?? new ClassifierOptions(), ownsModel: false)
    {
    }

    [RequiresDynamicCode(DynamicCode.Reason), RequiresUnreferencedCode(DynamicCode.Reason)]
    private ImageClassifier(Model model, ComputeDevice? device, ClassifierOptions options, bool ownsModel)
    {
        ArgumentNullException.ThrowIfNull(model);
        Batch = options.Batch ?? ClassifierOptions.BatchOf(model.Preset);
        ArgumentOutOfRangeException.ThrowIfLessThan(Batch, 1, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MemoryBudget, 1, nameof(options));
        Model = model;
        Device = device ?? ComputeDevice.Default;
        logger = GuardedLogger.Of(options.Logger);
        this.ownsModel = ownsModel;
        var session = new SessionOptions
        {
            MaxBatch = Batch,
            MemoryLimit = options.MemoryLimit,
            Threads = options.Threads,
            Numerics = options.Numerics,
            TuningFile = options.TuningFile,
            Logger = logger,
        };
        pool = new SessionPool(
            () => CreateSession(session), options.MemoryBudget, Device.SharesProcessor ? MostSessionsOnProcessor : MostSessions,
            logger, typeof(ImageClassifier));
    }

    /// <summary>The network that classifies.</summary>
    public Model Model { get; }

    /// <summary>The device that runs the network.</summary>
    public ComputeDevice Device { get; }

    /// <summary>Largest number of images of a folder in one run.</summary>
    public int Batch { get; }

    /// <inheritdoc cref="InferenceSession.Warnings"/>
    public IReadOnlyList<string> Warnings { get; private set; } = [];

    /// <summary>Number of sessions that exist now; 1 until callers overlap.</summary>
    internal int Sessions => pool.Sessions;

    /// <summary>Largest number of sessions.</summary>
    internal int MaxSessions => pool.Capacity;

    /// <summary>The app's logger, which cannot throw here.</summary>
    internal ILogger Logger => logger;

    /// <summary>Loads a network and prepares it on a device, so that calls only compute.</summary>
    /// <param name="weights">
    /// Path of a <c>.safetensors</c>, <c>.pth</c> or <c>.onnx</c> file, or a name that <see cref="ResNetWeights.Parse"/> accepts, such as
    /// <c>resnet50</c>. A name stands for weights that torchvision publishes; they are downloaded once into
    /// <see cref="ClassifierOptions.Cache"/>. If both exist, the file is used.
    /// </param>
    /// <param name="device">
    /// Device to run on, or null for <see cref="ComputeDevice.Default"/>: the first GPU, otherwise the processor.
    /// </param>
    /// <param name="options">Options, or null for the defaults.</param>
    /// <exception cref="DownloadException">The weights of that name are not in the cache and cannot be downloaded.</exception>
    /// <exception cref="ResNetException">
    /// The file cannot be used, as <see cref="Model.Load(string, ModelOptions)"/> explains, or the constructor fails.
    /// </exception>
    /// <exception cref="ArgumentException">The path is empty, or the batch or the memory budget is not positive.</exception>
    [RequiresDynamicCode(DynamicCode.Reason), RequiresUnreferencedCode(DynamicCode.Reason)]
    public static ImageClassifier Load(string weights, ComputeDevice? device = null, ClassifierOptions? options = null)
    {
        options ??= new ClassifierOptions();
        device = Prepare(device);
        return LoadFile(ResNetWeights.ResolveAsync(weights, options.Cache).GetAwaiter().GetResult(), device, options);
    }

    /// <summary>Loads a network and prepares it on a device, without blocking the calling thread.</summary>
    /// <param name="weights">
    /// Path of a <c>.safetensors</c>, <c>.pth</c> or <c>.onnx</c> file, or the name of published weights, such as <c>resnet50</c>.
    /// </param>
    /// <param name="device">
    /// Device to run on, or null for <see cref="ComputeDevice.Default"/>: the first GPU, otherwise the processor.
    /// </param>
    /// <param name="options">Options, or null for the defaults.</param>
    /// <param name="progress">Receives the progress of a download.</param>
    /// <param name="cancellation">
    /// Ends the task at once. A download stops and the next call resumes it; a network that is being loaded is freed in the background.
    /// </param>
    /// <inheritdoc cref="Load"/>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    [RequiresDynamicCode(DynamicCode.Reason), RequiresUnreferencedCode(DynamicCode.Reason)]
    public static async Task<ImageClassifier> LoadAsync(
        string weights, ComputeDevice? device = null, ClassifierOptions? options = null, IProgress<DownloadProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        options ??= new ClassifierOptions();
        string file = await ResNetWeights.ResolveAsync(weights, options.Cache, progress, cancellation).ConfigureAwait(false);
        Task<ImageClassifier> loading = Task.Run(() => LoadFile(file, Prepare(device), options), cancellation).Observed();
        try
        {
            return await loading.WaitAsync(cancellation).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            _ = loading.ContinueWith(
                loaded => loaded.Result.Dispose(),
                CancellationToken.None,
                TaskContinuationOptions.OnlyOnRanToCompletion,
                TaskScheduler.Default);
            throw;
        }
    }

    /// <summary>Classifies one image and returns the most probable classes, most probable first.</summary>
    /// <param name="image">An image of any size. Its pixels are read during the call only.</param>
    /// <param name="topK">Number of classes to return; all classes when the network has fewer.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="topK"/> is below 1.</exception>
    /// <exception cref="ImageException">The image cannot be preprocessed.</exception>
    /// <exception cref="DeviceException">The device failed; the next call makes a new session.</exception>
    /// <exception cref="ObjectDisposedException">The classifier was disposed.</exception>
    public Prediction[] Classify(PixelSpan image, int topK = 5)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(topK, 1);
        var predictions = new Prediction[Math.Min(topK, Model.NumClasses)];
        Classify(image, predictions);
        return predictions;
    }

    /// <summary>Classifies one image without allocating memory, into as many predictions as the span holds.</summary>
    /// <param name="image">An image of any size. Its pixels are read during the call only.</param>
    /// <param name="predictions">Receives the most probable classes, most probable first.</param>
    /// <returns>Number of predictions written.</returns>
    /// <inheritdoc cref="Classify(PixelSpan, int)"/>
    public int Classify(PixelSpan image, Span<Prediction> predictions)
    {
        InferenceSession session = pool.Rent();
        bool failed = false;
        try
        {
            return session.Classify(image, predictions);
        }
        catch (DeviceException e)
        {
            failed = true;
            logger.GaveUp(FileText.Clean(Model.Name), e.Message);
            throw;
        }
        finally
        {
            GiveBack(session, failed);
        }
    }

    /// <summary>Classifies one image on a thread of the pool and returns the most probable classes, most probable first.</summary>
    /// <param name="image">
    /// An image of any size. Its pixels must not change until the task has ended; after a cancellation, until the run that had started has
    /// ended.
    /// </param>
    /// <param name="topK">Number of classes to return; all classes when the network has fewer.</param>
    /// <param name="cancellation">Ends the task at once; a run that has started on the device is completed in the background.</param>
    /// <inheritdoc cref="Classify(PixelSpan, int)"/>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public async Task<Prediction[]> ClassifyAsync(PixelBuffer image, int topK = 5, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(topK, 1);
        ClassifiedBatch batch = await ClassifyBatchAsync([image], topK, cancellation).ConfigureAwait(false);
        return batch.Errors[0] is { } error ? throw error : batch.Predictions[0];
    }

    /// <summary>Frees all sessions after the calls in progress. May be called more than once.</summary>
    public void Dispose()
    {
        pool.Dispose();
        if (ownsModel) Model.Dispose();
    }

    /// <summary>
    /// Classifies up to <see cref="Batch"/> images in one run on a thread of the pool. An image that cannot be preprocessed has an error
    /// instead of predictions.
    /// </summary>
    internal async Task<ClassifiedBatch> ClassifyBatchAsync(PixelBuffer[] images, int topK, CancellationToken cancellation)
    {
        // The wait for a session holds no thread; a new session, and the run, take one of the pool.
        Task<ClassifiedBatch> run = Task.Run(
            async () => ClassifyBatch(await pool.RentAsync(cancellation).ConfigureAwait(false), images, topK, cancellation), cancellation);
        return await run.Observed().WaitAsync(cancellation).ConfigureAwait(false);
    }

    /// <summary>Classifies up to <see cref="Batch"/> images in one run on the calling thread.</summary>
    internal ClassifiedBatch ClassifyBatch(PixelBuffer[] images, int topK, CancellationToken cancellation) =>
        ClassifyBatch(pool.Rent(cancellation), images, topK, cancellation);

    /// <summary>Starts to open the device while the network's file is read.</summary>
    [RequiresDynamicCode(DynamicCode.Reason), RequiresUnreferencedCode(DynamicCode.Reason)]
    private static ComputeDevice Prepare(ComputeDevice? device)
    {
        device ??= ComputeDevice.Default;
        device.Prepare();
        return device;
    }

    [RequiresDynamicCode(DynamicCode.Reason), RequiresUnreferencedCode(DynamicCode.Reason)]
    private static ImageClassifier LoadFile(string path, ComputeDevice device, ClassifierOptions options)
    {
        long start = Stopwatch.GetTimestamp();
        Model model = Model.Load(
            path, new ModelOptions { Variant = options.Variant, Preset = options.Preset, Key = options.Key });
        try
        {
            double milliseconds = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            string name = FileText.Clean(model.Name), source = FileText.OneLine(model.Weights.Source);
            GuardedLogger.Of(options.Logger).Loaded(name, source, model.NumClasses, milliseconds);
            return new ImageClassifier(model, device, options, ownsModel: true);
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    [RequiresDynamicCode(DynamicCode.Reason), RequiresUnreferencedCode(DynamicCode.Reason)]
    private InferenceSession CreateSession(SessionOptions session)
    {
        if (Model.NumClasses == 1)
        {
            throw new GraphException(
                $"{Model.Weights.Source}: gives one score, and the softmax of one class is always 1; "
                + $"make an {nameof(InferenceSession)} and apply a sigmoid to its logit.");
        }
        var created = new InferenceSession(Model, Device, session with { StepMethods = stepMethods });
        if (created.NumClasses == Model.ClassNames.Length && created.NumClasses > 0)
        {
            if (stepMethods.IsDefault) (stepMethods, Warnings) = (created.StepMethods, created.Warnings);
            return created;
        }
        created.Dispose();
        throw new GraphException(
            $"{Model.Weights.Source}: it has {Model.ClassNames.Length} classes and gives {created.NumClasses} class scores, "
            + $"so it is no classifier; make an {nameof(InferenceSession)} and ask it for the outputs.");
    }

    private void GiveBack(InferenceSession session, bool failed)
    {
        if (failed) pool.Discard(session);
        else pool.Return(session);
    }

    /// <summary>Runs a rented session and gives it back.</summary>
    private ClassifiedBatch ClassifyBatch(InferenceSession session, PixelBuffer[] images, int topK, CancellationToken cancellation)
    {
        bool failed = false;
        try
        {
            cancellation.ThrowIfCancellationRequested();
            return ClassifyBatch(session, images, topK);
        }
        catch (DeviceException e)
        {
            failed = true;
            logger.GaveUp(FileText.Clean(Model.Name), e.Message);
            throw;
        }
        finally
        {
            GiveBack(session, failed);
        }
    }

    private ClassifiedBatch ClassifyBatch(InferenceSession session, ReadOnlySpan<PixelBuffer> images, int topK)
    {
        var batch = new ClassifiedBatch(new Prediction[images.Length][], new ImageException?[images.Length]);
        int classes = session.NumClasses;
        float[] probabilities = ArrayPool<float>.Shared.Rent(images.Length * classes);
        try
        {
            session.Run(images, [], probabilities.AsSpan(0, images.Length * classes));
            for (int i = 0; i < images.Length; i++)
                batch.Predictions[i] = TopK.Predictions(probabilities.AsSpan(i * classes, classes), Model.ClassNames, topK);
        }
        catch (ImageException e) when (images.Length == 1)
        {
            batch.Errors[0] = e;
        }
        catch (ImageException)
        {
            // One image of the batch cannot be preprocessed: running each alone shows which.
            for (int i = 0; i < images.Length; i++)
            {
                ClassifiedBatch single = ClassifyBatch(session, images.Slice(i, 1), topK);
                (batch.Predictions[i], batch.Errors[i]) = (single.Predictions[0], single.Errors[0]);
            }
        }
        finally
        {
            ArrayPool<float>.Shared.Return(probabilities);
        }
        return batch;
    }

    /// <summary>Predictions or error of each image of a run.</summary>
    internal readonly record struct ClassifiedBatch(Prediction[][] Predictions, ImageException?[] Errors);
}
