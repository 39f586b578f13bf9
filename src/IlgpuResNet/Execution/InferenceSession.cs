using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using ILGPU;
using ILGPU.Runtime;
using IlgpuResNet.Devices;
using IlgpuResNet.Diagnostics;
using IlgpuResNet.Execution;
using IlgpuResNet.Files;
using IlgpuResNet.Graphs;
using IlgpuResNet.Kernels;
using IlgpuResNet.Planning;

namespace IlgpuResNet;

/// <summary>
/// A network ready to run on one device: kernels compiled, weights packed and uploaded, one arena for all activations.
/// Runs allocate, compile and look up nothing (preprocessing grows its staging memory when an image is larger than any before).
/// Thread-safe: calls from several threads run one after another and give the same bits as serial calls. So do runs of
/// several sessions on one device: however many there are, no more threads than processors are at work. Sessions of one
/// network with the same outputs on one device share its weights; those of an ONNX file, if the size of the image is the same, too.
/// </summary>
public sealed class InferenceSession : IDisposable
{
    private const int Logits = 0;

    private readonly Lock gate = new();
    private readonly Model model;
    private readonly Network network;
    private readonly DeviceRuntime runtime;
    private readonly BoundPlan bound;
    private readonly float[] scores;
    private readonly int[] order;
    private readonly SessionTrace trace;
    private bool disposed;

    /// <summary>Prepares everything a run needs.</summary>
    /// <param name="model">The network; it must outlive the session.</param>
    /// <param name="device">Where to run, or null for <see cref="ComputeDevice.Default"/>.</param>
    /// <param name="options">Batch, image size and outputs, or null for the logits of one image of the network's own size.</param>
    /// <exception cref="GraphException">The network cannot take images of that size or lacks an output, or the batch is not positive.</exception>
    /// <exception cref="DeviceException">The device cannot be opened, has too little memory, or not as many threads as the options ask for.</exception>
    /// <exception cref="WeightsException">The weights cannot be read any more.</exception>
    /// <exception cref="ObjectDisposedException">The network was disposed.</exception>
    [RequiresDynamicCode(DynamicCode.Reason), RequiresUnreferencedCode(DynamicCode.Reason)]
    public InferenceSession(Model model, ComputeDevice? device = null, SessionOptions? options = null)
        : this(model, device, options, network => network)
    {
    }

    /// <summary>The same for a network derived from the model's, such as one that gives more of its tensors.</summary>
    [RequiresDynamicCode(DynamicCode.Reason), RequiresUnreferencedCode(DynamicCode.Reason)]
    internal InferenceSession(Model model, ComputeDevice? device, SessionOptions? options, Func<Network, Network> derive)
    {
        ArgumentNullException.ThrowIfNull(model);
        model.ThrowIfDisposed();
        options ??= new SessionOptions();
        this.model = model;
        device ??= ComputeDevice.Default;
        // The device is opened while the graph is made, and its kernels are compiled while the weights are packed.
        device.Prepare();
        trace = new SessionTrace(options.Logger, model.Name, device.Id);
        using (TimedStep planning = trace.Planning())
        {
            network = derive(model.Bind(options.Height, options.Width, options.Outputs));
            Input = TensorInfo.Of(network.Input);
            Outputs = [.. network.Outputs.Select(TensorInfo.Of)];
            Threads = device.ThreadsOf(options.Threads);
            runtime = device.Open();
            Plan = SegmentSelector.Choose(runtime.Kernels.Planner, ExecutionPlan.Create(network, options.MaxBatch), options.Numerics);
            planning.Succeed();
        }
        try
        {
            using TimedStep preparing = trace.Preparing(Plan);
            bound = new BoundPlan(model, network, runtime, Plan, options, Threads);
            trace.Warn(Warnings);
            preparing.Succeed();
        }
        catch
        {
            // Who listens may throw.
            bound?.Dispose();
            throw;
        }
        scores = GC.AllocateUninitializedArray<float>(NumClasses);
        order = new int[NumClasses];
    }

    /// <summary>The steps a run walks, and where each tensor lies.</summary>
    public ExecutionPlan Plan { get; }

    /// <summary>Where it runs.</summary>
    public ComputeDevice Device => runtime.Device;

    /// <summary>The most images one run takes.</summary>
    public int MaxBatch => Plan.MaxBatch;

    /// <summary>Number of classes: the length of one image's scores; 0 of a network that is no classifier.</summary>
    public int NumClasses => network.IsClassifier ? network.Outputs[Logits].Count : 0;

    /// <summary>What a run takes.</summary>
    public TensorInfo Input { get; }

    /// <summary>What a run gives, in order: <see cref="SessionOptions.Outputs"/>, or what the network is made to give.</summary>
    public ImmutableArray<TensorInfo> Outputs { get; }

    /// <summary>What is suspicious about the weights, or wrong with the tuning file, one line each; empty when nothing is.</summary>
    public IReadOnlyList<string> Warnings => bound.Warnings;

    /// <summary>Runs the network on prepared input, such as a PyTorch tensor's memory.</summary>
    /// <param name="images">Float32 <c>[N, C, H, W]</c>, normalised as the weights want it; N is inferred from its length.</param>
    /// <param name="logits">Receives <c>[N, classes]</c> scores; may be empty.</param>
    /// <param name="probabilities">Receives <c>[N, classes]</c> softmax probabilities; may be empty.</param>
    /// <exception cref="GraphException">The lengths do not fit, or N is 0 or above <see cref="MaxBatch"/>.</exception>
    /// <exception cref="DeviceException">The device failed.</exception>
    /// <exception cref="ObjectDisposedException">The session was disposed.</exception>
    public void Run(ReadOnlySpan<float> images, Span<float> logits, Span<float> probabilities = default)
    {
        var results = new SessionResults { Logits = logits, Probabilities = probabilities };
        RunFloats(images, results);
    }

    /// <summary>Runs the network on prepared input and gives all of <see cref="Outputs"/>.</summary>
    /// <param name="images">Float32 <c>[N, C, H, W]</c>, or <c>[N, ...]</c> as an ONNX file's input has it; N is inferred from its length.</param>
    /// <param name="outputs">Receive <c>[N, ...]</c> each, in the order of <see cref="Outputs"/>; an empty one is left out.</param>
    /// <exception cref="GraphException">The lengths do not fit, or N is 0 or above <see cref="MaxBatch"/>.</exception>
    /// <exception cref="DeviceException">The device failed.</exception>
    /// <exception cref="ObjectDisposedException">The session was disposed.</exception>
    public void Run(ReadOnlySpan<float> images, ReadOnlySpan<Memory<float>> outputs) => RunFloats(images, new SessionResults { Outputs = outputs });

    /// <summary>Prepares images on the device as the model's preset says and runs the network.</summary>
    /// <param name="images">One to <see cref="MaxBatch"/> images of any size.</param>
    /// <param name="logits">Receives <c>[N, classes]</c> scores; may be empty.</param>
    /// <param name="probabilities">Receives <c>[N, classes]</c> softmax probabilities; may be empty.</param>
    /// <exception cref="ImageException">An image cannot be prepared.</exception>
    /// <exception cref="GraphException">The number of images or a length does not fit, or the session does not take what the preset makes.</exception>
    /// <exception cref="DeviceException">The device failed.</exception>
    /// <exception cref="ObjectDisposedException">The session was disposed.</exception>
    public void Run(ReadOnlySpan<PixelBuffer> images, Span<float> logits, Span<float> probabilities = default)
    {
        var results = new SessionResults { Logits = logits, Probabilities = probabilities };
        int batch = CheckBatch(images.Length, results);
        lock (gate) RunImages(images, default, batch, results);
    }

    /// <summary>Prepares images on the device as the model's preset says, runs the network and gives all of <see cref="Outputs"/>.</summary>
    /// <param name="images">One to <see cref="MaxBatch"/> images of any size.</param>
    /// <param name="outputs">Receive <c>[N, ...]</c> each, in the order of <see cref="Outputs"/>; an empty one is left out.</param>
    /// <inheritdoc cref="Run(ReadOnlySpan{PixelBuffer}, Span{float}, Span{float})"/>
    public void Run(ReadOnlySpan<PixelBuffer> images, ReadOnlySpan<Memory<float>> outputs)
    {
        var results = new SessionResults { Outputs = outputs };
        int batch = CheckBatch(images.Length, results);
        lock (gate) RunImages(images, default, batch, results);
    }

    /// <summary>The same for one image that is only borrowed, such as a locked bitmap or a video frame.</summary>
    /// <inheritdoc cref="Run(ReadOnlySpan{PixelBuffer}, Span{float}, Span{float})"/>
    public void Run(PixelSpan image, Span<float> logits, Span<float> probabilities = default)
    {
        var results = new SessionResults { Logits = logits, Probabilities = probabilities };
        CheckBatch(1, results);
        lock (gate) RunImages([], image, 1, results);
    }

    /// <summary>The same, giving all of <see cref="Outputs"/>.</summary>
    /// <param name="image">An image of any size.</param>
    /// <param name="outputs">Receive <c>[1, ...]</c> each, in the order of <see cref="Outputs"/>; an empty one is left out.</param>
    /// <inheritdoc cref="Run(ReadOnlySpan{PixelBuffer}, Span{float}, Span{float})"/>
    public void Run(PixelSpan image, ReadOnlySpan<Memory<float>> outputs)
    {
        var results = new SessionResults { Outputs = outputs };
        CheckBatch(1, results);
        lock (gate) RunImages([], image, 1, results);
    }

    /// <summary>What the network gets to see of an image, for comparison with other implementations: bit-equal to torchvision's.</summary>
    /// <param name="image">An image of any size.</param>
    /// <param name="prepared">Receives <c>[3, crop, crop]</c>, the tensor that torchvision's transforms make.</param>
    /// <exception cref="ResNetException">As for <see cref="Run(PixelSpan, Span{float}, Span{float})"/>.</exception>
    /// <exception cref="ObjectDisposedException">The session was disposed.</exception>
    public void Prepare(PixelSpan image, Span<float> prepared)
    {
        MapShape shape = Plan.Input.Shape;
        if (prepared.Length != shape.Count)
            throw new GraphException($"The prepared image is [{shape.C}, {shape.H}, {shape.W}], {shape.Count} floats, but the span has {prepared.Length}.");
        lock (gate)
        {
            CheckTakesImages();
            try
            {
                using ScopedAcceleratorBinding binding = runtime.Accelerator.BindScoped();
                bound.Preprocessor.Begin();
                lock (runtime.Gate)
                {
                    BeginSequence();
                    bound.Preprocessor.Upload(image, bound.Input, 0);
                    runtime.Kernels.EndSequence(bound.Stream);
                }
                Span<float> channelsLast = bound.Staging.Floats(prepared.Length);
                bound.Input.SubView(0, prepared.Length).CopyToCPU(bound.Stream, channelsLast);
                bound.Preprocessor.End();
                for (int i = 0; i < channelsLast.Length; i++) prepared[i % shape.C * (shape.H * shape.W) + i / shape.C] = channelsLast[i];
            }
            catch (Exception e) when (IsDeviceFailure(e))
            {
                throw runtime.Failed(model.Name, e);
            }
        }
    }

    /// <summary>The most probable classes of one image, most probable first.</summary>
    /// <param name="image">An image of any size.</param>
    /// <param name="topK">How many; all classes when there are not as many.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="topK"/> is below 1.</exception>
    /// <exception cref="ResNetException">As for <see cref="Run(PixelSpan, Span{float}, Span{float})"/>.</exception>
    /// <exception cref="ObjectDisposedException">The session was disposed.</exception>
    public Prediction[] Classify(PixelSpan image, int topK = 5)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(topK, 1);
        var predictions = new Prediction[Math.Min(topK, NumClasses)];
        Classify(image, predictions);
        return predictions;
    }

    /// <summary>The same without an allocation: as many classes as the span has room for.</summary>
    /// <param name="image">An image of any size.</param>
    /// <param name="predictions">Receives the most probable classes, most probable first.</param>
    /// <returns>How many were written.</returns>
    /// <exception cref="ResNetException">As for <see cref="Run(PixelSpan, Span{float}, Span{float})"/>.</exception>
    /// <exception cref="ObjectDisposedException">The session was disposed.</exception>
    public int Classify(PixelSpan image, Span<Prediction> predictions)
    {
        if (NumClasses != model.ClassNames.Length)
            throw new GraphException($"{model.Weights.Source}: it has {model.ClassNames.Length} classes, but gives {NumClasses} scores for images of this size; make the session for the network's own size.");
        lock (gate)
        {
            Run(image, [], scores);
            return TopK.Predictions(scores, model.ClassNames, predictions, order);
        }
    }

    /// <summary>Frees the arena, and the weights with the last session that shares them. May be called again.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            if (disposed) return;
            disposed = true;
            bound.Dispose();
        }
    }

    /// <summary>Bytes that it holds besides its weights, on the device and pinned beside it; what brings images in grows with them.</summary>
    internal long MemoryBytes => bound.MemoryBytes;

    /// <summary>Processor threads that work on a run; null on a device that is not the processor.</summary>
    internal int? Threads { get; }

    /// <summary>What packing and uploading its weights took the session that did it, for measurements.</summary>
    internal TimeSpan WeightsTime => bound.WeightsTime;

    /// <summary>The kernels it runs, for measurements.</summary>
    internal IKernelFamily Kernels => runtime.Kernels;

    /// <summary>How each step of its plan is computed, in order; the default where it is no convolution.</summary>
    internal ImmutableArray<Conv2dMethod> StepMethods => bound.StepMethods;

    /// <summary>
    /// For measurements on a device that launches each step by itself: called before the first step, with null, and after each step for some images, with its number.
    /// </summary>
    internal Action<AcceleratorStream, int?>? Mark
    {
        get => bound.Mark;
        set => bound.Mark = value;
    }

    private void RunFloats(ReadOnlySpan<float> images, in SessionResults results)
    {
        (long count, long rest) = Math.DivRem(images.Length, network.Input.Count);
        if (rest != 0)
            throw new GraphException($"The input must be [{(network.Input.HasBatch ? "N, " : "")}{string.Join(", ", network.Input.Shape)}], a multiple of {network.Input.Count} floats, but has {images.Length}.");
        int batch = CheckBatch(count, results);
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            ArrayView<float> place = bound.Input.SubView(0, images.Length);
            Span<float> inPlace = runtime.Memory(place), staged = inPlace.IsEmpty ? bound.Staging.Floats(images.Length) : inPlace;
            network.Input.Scatter(images, staged);
            RunTrace run = trace.StartRun(batch);
            try
            {
                using ScopedAcceleratorBinding binding = runtime.Accelerator.BindScoped();
                if (inPlace.IsEmpty) bound.Staging.Upload(bound.Stream, place);
                lock (runtime.Gate)
                {
                    runtime.Kernels.BeginSequence(Threads);
                    bound.Launch(batch, results);
                }
                bound.Staging.Download(bound.Stream, bound.Outputs, batch, results);
                run.Succeeded = true;
            }
            catch (Exception e) when (IsDeviceFailure(e))
            {
                throw runtime.Failed(model.Name, e);
            }
            finally
            {
                run.Stop();
            }
        }
    }

    /// <summary>Runs the kept images, or the borrowed one when there are none: a span of spans is not to be had.</summary>
    private void RunImages(ReadOnlySpan<PixelBuffer> kept, PixelSpan borrowed, int batch, in SessionResults results)
    {
        CheckTakesImages();
        RunTrace run = trace.StartRun(batch);
        try
        {
            using ScopedAcceleratorBinding binding = runtime.Accelerator.BindScoped();
            lock (runtime.Gate)
            {
                bound.Preprocessor.Begin();
                for (int i = 0; i < batch; i++)
                {
                    PixelSpan image = kept.IsEmpty ? borrowed : kept[i].Span;
                    // The last images' sequence goes on with the network.
                    if (i == 0 || !bound.Preprocessor.Joins(image))
                    {
                        if (i > 0) runtime.Kernels.EndSequence(bound.Stream);
                        BeginSequence();
                    }
                    bound.Preprocessor.Upload(image, bound.Input, i, batch - 1 - i);
                }
                bound.Launch(batch, results);
            }
            bound.Staging.Download(bound.Stream, bound.Outputs, batch, results);
            bound.Preprocessor.End();
            run.Succeeded = true;
        }
        catch (Exception e) when (IsDeviceFailure(e))
        {
            throw runtime.Failed(model.Name, e);
        }
        finally
        {
            run.Stop();
        }
    }

    private void BeginSequence()
    {
        runtime.Kernels.BeginSequence(Threads);
        bound.Preprocessor.BeginSequence();
    }

    private int CheckBatch(long batch, in SessionResults results)
    {
        if (batch < 1 || batch > MaxBatch)
            throw new GraphException($"This session takes 1 to {MaxBatch} images a run, but {batch} were given; make it with a larger MaxBatch or split the images.");
        if (results.Outputs.IsEmpty && !network.IsClassifier)
            throw new GraphException($"{model.Weights.Source}: this session gives {string.Join(", ", Outputs.Select(output => $"'{FileText.Clean(output.Name)}' [{string.Join(", ", output.Shape)}]"))} and no class scores; ask it for these.");
        results.Check(bound.Outputs, (int)batch);
        return (int)batch;
    }

    private void CheckTakesImages()
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        Preprocessor.CheckMakes(Plan.Input.Shape, model);
    }

    private static bool IsDeviceFailure(Exception e) => e is not ResNetException and not ObjectDisposedException;
}
