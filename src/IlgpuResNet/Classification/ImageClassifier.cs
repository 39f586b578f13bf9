using System.Buffers;
using System.Collections.Immutable;
using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using IlgpuResNet.Classification;
using IlgpuResNet.Devices;
using IlgpuResNet.Diagnostics;
using IlgpuResNet.Kernels;

namespace IlgpuResNet;

/// <summary>
/// Says what is in images: a network on a device with as many sessions as its callers need. Image files and folders are classified by the
/// methods that IlgpuResNet.Imaging adds.
/// </summary>
/// <remarks>
/// Thread-safe. Callers at the same time share sessions within <see cref="ClassifierOptions.MemoryBudget"/>; a result has the same bits
/// whoever else calls. After a <see cref="DeviceException"/> the session concerned is given up, and the next call makes a new one, which opens
/// a lost device anew: the classifier stays usable.
/// </remarks>
public sealed class ImageClassifier : IDisposable
{
    private const int MostSessions = 8;

    /// <summary>Sessions on the processor take turns; a second one only made the first's threads share their cores with one more.</summary>
    private const int MostSessionsOnProcessor = 1;

    private readonly ClassifierOptions options;
    private readonly bool ownsModel;
    private readonly SessionPool pool;

    /// <summary>The first session's, for the others: what was timed is not timed again, and results have the same bits.</summary>
    private ImmutableArray<Conv2dMethod> stepMethods;

    /// <summary>Classifies with a network that the caller keeps, and disposes after the classifier.</summary>
    /// <param name="model">A classifier of images.</param>
    /// <param name="device">Where to run, or null for <see cref="ComputeDevice.Default"/>.</param>
    /// <param name="options">How to work, or null for the defaults. Variant and preset are the model's.</param>
    /// <exception cref="GraphException">The network gives no class scores for images of its size, or those of one class alone.</exception>
    /// <exception cref="DeviceException">The device cannot be opened or has too little memory.</exception>
    /// <exception cref="WeightsException">The weights cannot be read any more.</exception>
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
        this.options = options;
        this.ownsModel = ownsModel;
        var session = new SessionOptions
        {
            MaxBatch = Batch,
            Threads = options.Threads,
            Numerics = options.Numerics,
            TuningFile = options.TuningFile,
            Logger = options.Logger,
        };
        pool = new SessionPool(
            () => CreateSession(session), options.MemoryBudget, Device.SharesProcessor ? MostSessionsOnProcessor : MostSessions,
            options.Logger);
    }

    /// <summary>The network.</summary>
    public Model Model { get; }

    /// <summary>Where it runs.</summary>
    public ComputeDevice Device { get; }

    /// <summary>The most images one run of a folder takes.</summary>
    public int Batch { get; }

    /// <inheritdoc cref="InferenceSession.Warnings"/>
    public IReadOnlyList<string> Warnings { get; private set; } = [];

    /// <summary>Sessions there are now; 1 until callers come at the same time.</summary>
    internal int Sessions => pool.Sessions;

    /// <summary>The most sessions there can be.</summary>
    internal int MaxSessions => pool.Capacity;

    /// <summary>Loads a network and brings it to a device.</summary>
    /// <param name="weights">
    /// Path of a <c>.safetensors</c>, <c>.pth</c> or <c>.onnx</c> file, or a name that <see cref="ResNetWeights.Parse"/> knows, such as
    /// <c>resnet50</c>: weights that torchvision publishes, downloaded unless <see cref="ClassifierOptions.Cache"/> has them. A file comes before a name.
    /// </param>
    /// <param name="device">Where to run, or null for <see cref="ComputeDevice.Default"/>: the first GPU, else the processor.</param>
    /// <param name="options">How to work, or null for the defaults.</param>
    /// <exception cref="DownloadException">The weights of that name are not in the cache and cannot be had.</exception>
    /// <exception cref="ResNetException">As for <see cref="Model.Load"/>, and for the constructor.</exception>
    /// <exception cref="ArgumentException">The path is empty, or the batch or the memory budget not positive.</exception>
    [RequiresDynamicCode(DynamicCode.Reason), RequiresUnreferencedCode(DynamicCode.Reason)]
    public static ImageClassifier Load(string weights, ComputeDevice? device = null, ClassifierOptions? options = null)
    {
        options ??= new ClassifierOptions();
        device = Prepare(device);
        return LoadFile(ResNetWeights.ResolveAsync(weights, options.Cache).GetAwaiter().GetResult(), device, options);
    }

    /// <summary>The same on another thread.</summary>
    /// <param name="weights">A file or a name, as above.</param>
    /// <param name="device">Where to run, or null for <see cref="ComputeDevice.Default"/>: the first GPU, else the processor.</param>
    /// <param name="options">How to work, or null for the defaults.</param>
    /// <param name="progress">Is told of a download as it proceeds.</param>
    /// <param name="cancellation">Ends the wait at once, and a download, of which the next goes on; a network that is being loaded is freed in the background.</param>
    /// <inheritdoc cref="Load"/>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    [RequiresDynamicCode(DynamicCode.Reason), RequiresUnreferencedCode(DynamicCode.Reason)]
    public static async Task<ImageClassifier> LoadAsync(
        string weights, ComputeDevice? device = null, ClassifierOptions? options = null, IProgress<DownloadProgress>? progress = null, CancellationToken cancellation = default)
    {
        options ??= new ClassifierOptions();
        string file = await ResNetWeights.ResolveAsync(weights, options.Cache, progress, cancellation).ConfigureAwait(false);
        Task<ImageClassifier> loading = Task.Run(() => LoadFile(file, Prepare(device), options), cancellation);
        try
        {
            return await loading.WaitAsync(cancellation).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            _ = loading.ContinueWith(loaded => loaded.Result.Dispose(), CancellationToken.None, TaskContinuationOptions.OnlyOnRanToCompletion, TaskScheduler.Default);
            throw;
        }
    }

    /// <summary>The most probable classes of one image, most probable first.</summary>
    /// <param name="image">An image of any size, borrowed for the call.</param>
    /// <param name="topK">How many; all classes when there are not as many.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="topK"/> is below 1.</exception>
    /// <exception cref="ImageException">The image cannot be prepared.</exception>
    /// <exception cref="DeviceException">The device failed; see the remarks on the class.</exception>
    /// <exception cref="ObjectDisposedException">The classifier was disposed.</exception>
    public Prediction[] Classify(PixelSpan image, int topK = 5)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(topK, 1);
        var predictions = new Prediction[Math.Min(topK, Model.NumClasses)];
        Classify(image, predictions);
        return predictions;
    }

    /// <summary>The same without an allocation: as many classes as the span has room for.</summary>
    /// <param name="image">An image of any size, borrowed for the call.</param>
    /// <param name="predictions">Receives the most probable classes, most probable first.</param>
    /// <returns>How many were written.</returns>
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
            options.Logger.GaveUp(Model.Name, e.Message);
            throw;
        }
        finally
        {
            GiveBack(session, failed);
        }
    }

    /// <summary>The most probable classes of one image, computed on another thread.</summary>
    /// <param name="image">An image of any size; its bytes must stay as they are until the task has ended, after a cancellation until the run under way has.</param>
    /// <param name="topK">How many; all classes when there are not as many.</param>
    /// <param name="cancellation">Ends the task at once; a run under way on the device is completed in the background.</param>
    /// <inheritdoc cref="Classify(PixelSpan, int)"/>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public async Task<Prediction[]> ClassifyAsync(PixelBuffer image, int topK = 5, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(topK, 1);
        ClassifiedBatch batch = await ClassifyBatchAsync([image], topK, cancellation).ConfigureAwait(false);
        return batch.Errors[0] is { } error ? throw error : batch.Predictions[0];
    }

    /// <summary>Frees everything; calls under way are completed. May be called again.</summary>
    public void Dispose()
    {
        pool.Dispose();
        if (ownsModel) Model.Dispose();
    }

    /// <summary>The answers for up to <see cref="Batch"/> images in one run on another thread; images that cannot be prepared have errors instead.</summary>
    internal async Task<ClassifiedBatch> ClassifyBatchAsync(PixelBuffer[] images, int topK, CancellationToken cancellation)
    {
        // The wait for a session holds no thread; a new session, and the run, take one of the pool.
        Task<ClassifiedBatch> run = Task.Run(
            async () => ClassifyBatch(await pool.RentAsync(cancellation).ConfigureAwait(false), images, topK, cancellation), cancellation);
        return await run.WaitAsync(cancellation).ConfigureAwait(false);
    }

    /// <summary>The same on this thread.</summary>
    internal ClassifiedBatch ClassifyBatch(PixelBuffer[] images, int topK, CancellationToken cancellation) =>
        ClassifyBatch(pool.Rent(cancellation), images, topK, cancellation);

    /// <summary>The device, which is opened while the network's file is read.</summary>
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
        Model model = Model.Load(path, options.Variant, options.Preset);
        try
        {
            options.Logger.Loaded(model.Name, model.Weights.Source, model.NumClasses, Stopwatch.GetElapsedTime(start).TotalMilliseconds);
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
            throw new GraphException($"{Model.Weights.Source}: gives one score, and as a choice among one class its probability would always be 1; make an {nameof(InferenceSession)} and put its logit through a sigmoid.");
        var created = new InferenceSession(Model, Device, session with { StepMethods = stepMethods });
        if (created.NumClasses == Model.ClassNames.Length && created.NumClasses > 0)
        {
            if (stepMethods.IsDefault) (stepMethods, Warnings) = (created.StepMethods, created.Warnings);
            return created;
        }
        created.Dispose();
        throw new GraphException($"{Model.Weights.Source}: it has {Model.ClassNames.Length} classes and gives {created.NumClasses} class scores, so it is no classifier; make an {nameof(InferenceSession)} and ask it for the outputs.");
    }

    private void GiveBack(InferenceSession session, bool failed)
    {
        if (failed) pool.Discard(session);
        else pool.Return(session);
    }

    /// <summary>Runs a session that was rented, and gives it back.</summary>
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
            options.Logger.GaveUp(Model.Name, e.Message);
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
        float[] probabilities = ArrayPool<float>.Shared.Rent(images.Length * session.NumClasses);
        try
        {
            session.Run(images, [], probabilities.AsSpan(0, images.Length * session.NumClasses));
            for (int i = 0; i < images.Length; i++)
                batch.Predictions[i] = TopK.Predictions(probabilities.AsSpan(i * session.NumClasses, session.NumClasses), Model.ClassNames, topK);
        }
        catch (ImageException e) when (images.Length == 1)
        {
            batch.Errors[0] = e;
        }
        catch (ImageException)
        {
            // One image of the batch cannot be prepared: each alone shows which.
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

    /// <summary>What came of each image of a run: its answers or its error.</summary>
    internal readonly record struct ClassifiedBatch(Prediction[][] Predictions, ImageException?[] Errors);
}
