using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using ILGPU.Runtime;
using IlgpuResNet.Devices;
using IlgpuResNet.Diagnostics;
using IlgpuResNet.Execution;
using IlgpuResNet.Files;
using IlgpuResNet.Graphs;
using IlgpuResNet.Kernels;
using IlgpuResNet.Pixels;
using IlgpuResNet.Planning;

namespace IlgpuResNet;

/// <summary>
/// Runs a network on one device. The constructor compiles kernels, packs and uploads weights, and allocates one arena for all activations;
/// a run then allocates, compiles and looks up nothing, except that preparing an image larger than any before grows staging memory.
/// </summary>
/// <remarks>
/// Thread-safe: calls from several threads run one after another and give the same bits as serial calls. Runs of several sessions on one
/// device take turns as well, so there are never more threads at work than processors, however many sessions there are. Sessions of one
/// network with the same outputs on one device share its weights; sessions of an ONNX file must also have the same image size.
/// </remarks>
// In a run, this class checks the arguments and lets one caller in at a time; SessionRun does the work.
public sealed class InferenceSession : IDisposable
{
    private const int Logits = 0;

    private readonly Lock gate = new();
    private readonly Model model;
    private readonly Network network;
    private readonly DeviceRuntime runtime;
    private readonly SessionLease lease;
    private readonly BoundPlan bound;
    private readonly SessionRun run;
    private readonly float[] scores;
    private readonly int[] order;
    private bool disposed;

    /// <summary>Prepares everything that a run needs.</summary>
    /// <param name="model">The network; it must outlive the session.</param>
    /// <param name="device">Where to run, or null for <see cref="ComputeDevice.Default"/>.</param>
    /// <param name="options">Batch, image size and outputs, or null for the logits of one image of the network's own size.</param>
    /// <exception cref="GraphException">
    /// The network cannot take images of that size or lacks an output, or the batch is not positive.
    /// </exception>
    /// <exception cref="DeviceException">
    /// The device cannot be opened, has too little memory, or has fewer threads than the options ask for.
    /// </exception>
    /// <exception cref="WeightsException">
    /// The weights cannot be read any more, or the session would take more memory than <see cref="SessionOptions.MemoryLimit"/> allows.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The network was disposed.</exception>
    [RequiresDynamicCode(DynamicCode.Reason), RequiresUnreferencedCode(DynamicCode.Reason)]
    public InferenceSession(Model model, ComputeDevice? device = null, SessionOptions? options = null)
        : this(model, device, options, network => network)
    {
    }

    /// <summary>Prepares runs of a network derived from the model's, such as one with more outputs.</summary>
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
        var trace = new SessionTrace(options.Logger, model.Name, device.Id);
        for (bool again = false; ; again = true)
        {
            try
            {
                MemoryAllowance allowance;
                using (TimedStep planning = trace.Planning())
                {
                    network = model.Bind(options.Height, options.Width, options.Outputs);
                    allowance = new MemoryAllowance(model, options, network.InputShape);
                    // Before anything reads a filter as a whole, or plans for the device.
                    allowance.Check(MemoryAllowance.FilterBytes(network.Graph), 0);
                    network = derive(network);
                    Input = TensorInfo.Of(network.Input);
                    Outputs = [.. network.Outputs.Select(TensorInfo.Of)];
                    Threads = device.ThreadsOf(options.Threads);
                    runtime = device.Acquire();
                    lease = new SessionLease(new SessionParts(runtime));
                    Plan = SegmentSelector.Choose(
                        runtime.Kernels.Planner, Planned(network, options.MaxBatch, allowance), options.Numerics);
                    planning.Succeed();
                }
                using TimedStep preparing = trace.Preparing(Plan);
                bound = new BoundPlan(model, network, lease, Plan, options, Threads, allowance);
                trace.Warn(Warnings);
                preparing.Succeed();
                break;
            }
            catch (Exception e)
            {
                // A logger or activity listener may throw; free what was allocated.
                lease?.Dispose();
                lease = null!;
                // The device may have been lost while nobody used it. Opened anew, it is tried once more.
                if (e is not DeviceLostException || again) throw;
            }
        }
        run = new SessionRun(runtime, bound, network.Input, model.Name, Threads, trace);
        scores = GC.AllocateUninitializedArray<float>(NumClasses);
        order = new int[NumClasses];
    }

    /// <summary>The steps that a run walks, and the place of each tensor.</summary>
    public ExecutionPlan Plan { get; }

    /// <summary>The device that runs the network.</summary>
    public ComputeDevice Device => runtime.Device;

    /// <summary>Most images that one run takes.</summary>
    public int MaxBatch => Plan.MaxBatch;

    /// <summary>Number of classes: the length of one image's scores; 0 when the network is no classifier.</summary>
    public int NumClasses => network.IsClassifier ? network.Outputs[Logits].Count : 0;

    /// <summary>Name and shape of the input.</summary>
    public TensorInfo Input { get; }

    /// <summary>Names and shapes of the outputs, in order: <see cref="SessionOptions.Outputs"/>, or the network's own.</summary>
    public ImmutableArray<TensorInfo> Outputs { get; }

    /// <summary>Warnings about the weights, such as values that are not finite, the tuning file and the driver, one line each.</summary>
    public IReadOnlyList<string> Warnings => bound.Warnings;

    /// <summary>Runs the network on prepared input, such as the memory of a PyTorch tensor.</summary>
    /// <param name="images">Float32 <c>[N, C, H, W]</c>, normalised as the weights require; N follows from the length.</param>
    /// <param name="logits">Receives <c>[N, classes]</c> scores; may be empty.</param>
    /// <param name="probabilities">Receives <c>[N, classes]</c> softmax probabilities; may be empty.</param>
    /// <exception cref="GraphException">The lengths do not fit, or N is 0 or above <see cref="MaxBatch"/>.</exception>
    /// <exception cref="DeviceException">The device failed.</exception>
    /// <exception cref="ObjectDisposedException">The session was disposed.</exception>
    public void Run(ReadOnlySpan<float> images, Span<float> logits, Span<float> probabilities = default) =>
        Run(new RunInput(images), BatchOf(images), new RunDestinations(logits, probabilities));

    /// <summary>Runs the network on prepared input and gives all of <see cref="Outputs"/>.</summary>
    /// <param name="images">
    /// Float32 <c>[N, C, H, W]</c>, or <c>[N, ...]</c> as an ONNX file declares its input; N follows from the length.
    /// </param>
    /// <param name="outputs">Receive <c>[N, ...]</c> each, in the order of <see cref="Outputs"/>; an empty one is left out.</param>
    /// <exception cref="GraphException">The lengths do not fit, or N is 0 or above <see cref="MaxBatch"/>.</exception>
    /// <exception cref="DeviceException">The device failed.</exception>
    /// <exception cref="ObjectDisposedException">The session was disposed.</exception>
    public void Run(ReadOnlySpan<float> images, ReadOnlySpan<Memory<float>> outputs) =>
        Run(new RunInput(images), BatchOf(images), new RunDestinations(outputs));

    /// <summary>Prepares images on the device by the model's preset and runs the network.</summary>
    /// <param name="images">One to <see cref="MaxBatch"/> images of any size.</param>
    /// <param name="logits">Receives <c>[N, classes]</c> scores; may be empty.</param>
    /// <param name="probabilities">Receives <c>[N, classes]</c> softmax probabilities; may be empty.</param>
    /// <exception cref="ImageException">An image cannot be prepared.</exception>
    /// <exception cref="GraphException">
    /// The number of images or a length does not fit, or the preset does not make the session's input.
    /// </exception>
    /// <exception cref="DeviceException">The device failed.</exception>
    /// <exception cref="ObjectDisposedException">The session was disposed.</exception>
    public void Run(ReadOnlySpan<PixelBuffer> images, Span<float> logits, Span<float> probabilities = default) =>
        Run(new RunInput(images), images.Length, new RunDestinations(logits, probabilities));

    /// <summary>Prepares images on the device by the model's preset, runs the network and gives all of <see cref="Outputs"/>.</summary>
    /// <param name="images">One to <see cref="MaxBatch"/> images of any size.</param>
    /// <param name="outputs">Receive <c>[N, ...]</c> each, in the order of <see cref="Outputs"/>; an empty one is left out.</param>
    /// <inheritdoc cref="Run(ReadOnlySpan{PixelBuffer}, Span{float}, Span{float})"/>
    public void Run(ReadOnlySpan<PixelBuffer> images, ReadOnlySpan<Memory<float>> outputs) =>
        Run(new RunInput(images), images.Length, new RunDestinations(outputs));

    /// <summary>Prepares one borrowed image, such as a locked bitmap or a video frame, on the device and runs the network.</summary>
    /// <param name="image">An image of any size; its bytes are no longer needed when this returns.</param>
    /// <param name="logits">Receives <c>[1, classes]</c> scores; may be empty.</param>
    /// <param name="probabilities">Receives <c>[1, classes]</c> softmax probabilities; may be empty.</param>
    /// <inheritdoc cref="Run(ReadOnlySpan{PixelBuffer}, Span{float}, Span{float})"/>
    public void Run(PixelSpan image, Span<float> logits, Span<float> probabilities = default) =>
        Run(new RunInput(image), 1, new RunDestinations(logits, probabilities));

    /// <summary>Prepares one borrowed image on the device, runs the network and gives all of <see cref="Outputs"/>.</summary>
    /// <param name="image">An image of any size; its bytes are no longer needed when this returns.</param>
    /// <param name="outputs">Receive <c>[1, ...]</c> each, in the order of <see cref="Outputs"/>; an empty one is left out.</param>
    /// <inheritdoc cref="Run(ReadOnlySpan{PixelBuffer}, Span{float}, Span{float})"/>
    public void Run(PixelSpan image, ReadOnlySpan<Memory<float>> outputs) => Run(new RunInput(image), 1, new RunDestinations(outputs));

    /// <summary>
    /// Prepares an image as a run does and returns the network's input, for comparison with other implementations: it has the same bits as
    /// torchvision's.
    /// </summary>
    /// <param name="image">An image of any size.</param>
    /// <param name="prepared">Receives <c>[3, crop, crop]</c>, the tensor that torchvision's transforms make.</param>
    /// <exception cref="ResNetException">As for <see cref="Run(PixelSpan, Span{float}, Span{float})"/>.</exception>
    /// <exception cref="ObjectDisposedException">The session was disposed.</exception>
    public void Prepare(PixelSpan image, Span<float> prepared)
    {
        MapShape shape = Plan.Input.Shape;
        if (prepared.Length != shape.Count)
            throw new GraphException(
                $"The prepared image is [{shape.C}, {shape.H}, {shape.W}], {shape.Count} floats, but the span has {prepared.Length}.");
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            CheckTakesImages();
            run.Prepare(image, prepared);
        }
    }

    /// <summary>Returns the most probable classes of one image, most probable first.</summary>
    /// <param name="image">An image of any size.</param>
    /// <param name="topK">Number of classes; all of them when the network has fewer.</param>
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

    /// <summary>Writes the most probable classes of one image to a span, as many as it has room for, without an allocation.</summary>
    /// <param name="image">An image of any size.</param>
    /// <param name="predictions">Receives the most probable classes, most probable first.</param>
    /// <returns>Number of classes written.</returns>
    /// <exception cref="ResNetException">As for <see cref="Run(PixelSpan, Span{float}, Span{float})"/>.</exception>
    /// <exception cref="ObjectDisposedException">The session was disposed.</exception>
    public int Classify(PixelSpan image, Span<Prediction> predictions)
    {
        if (NumClasses != model.ClassNames.Length)
            throw new GraphException(
                $"{model.Weights.Source}: it has {model.ClassNames.Length} classes, but gives {NumClasses} scores for images of this size; "
                + "make the session for the network's own size.");
        lock (gate)
        {
            Run(image, [], scores);
            return TopK.Predictions(scores, model.ClassNames, predictions, order);
        }
    }

    /// <summary>True when the device is lost, so that runs only fail.</summary>
    internal bool IsLost => runtime.IsLost;

    /// <summary>
    /// Frees the arena, and the weights with the last session that shares them. May be called again. A session that nobody disposes is
    /// freed some time after nobody refers to it any more.
    /// </summary>
    public void Dispose()
    {
        lock (gate)
        {
            if (disposed) return;
            disposed = true;
            lease.Dispose();
        }
    }

    /// <inheritdoc cref="BoundPlan.MemoryBytes"/>
    internal long MemoryBytes => bound.MemoryBytes;

    /// <summary>Processor threads that work on a run; null on a device that is not the processor.</summary>
    internal int? Threads { get; }

    /// <inheritdoc cref="BoundPlan.WeightsTime"/>
    internal TimeSpan WeightsTime => bound.WeightsTime;

    /// <summary>The device's kernels, for measurements.</summary>
    internal IKernelFamily Kernels => runtime.Kernels;

    /// <inheritdoc cref="BoundPlan.StepMethods"/>
    internal ImmutableArray<Conv2dMethod> StepMethods => bound.StepMethods;

    /// <summary>
    /// For measurements on a device that launches each step by itself: called with null before the first step, and with the step's number
    /// after each launch.
    /// </summary>
    internal Action<AcceleratorStream, int?>? Mark
    {
        get => run.Mark;
        set => run.Mark = value;
    }

    /// <summary>Plans a network whose activations are allowed; a step's workspace comes on top, and is not known yet.</summary>
    private static ExecutionPlan Planned(Network network, int maxBatch, MemoryAllowance allowance)
    {
        ExecutionPlan plan = ExecutionPlan.Create(network, maxBatch);
        allowance.Check(0, MemoryAllowance.ActivationBytes(plan, workspaceLength: 0, stagingLength: 0));
        return plan;
    }

    private void Run(in RunInput source, long batch, in RunDestinations destinations)
    {
        CheckBatch(batch, destinations);
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            if (source.IsImages) CheckTakesImages();
            run.Run(source, (int)batch, destinations);
        }
    }

    private long BatchOf(ReadOnlySpan<float> images)
    {
        (long batch, long rest) = Math.DivRem(images.Length, network.Input.Count);
        return rest == 0
            ? batch
            : throw new GraphException(
                $"The input must be [{(network.Input.HasBatch ? "N, " : "")}{string.Join(", ", network.Input.Shape)}], "
                + $"a multiple of {network.Input.Count} floats, but has {images.Length}.");
    }

    private void CheckBatch(long batch, in RunDestinations destinations)
    {
        if (batch < 1 || batch > MaxBatch)
            throw new GraphException(
                $"This session takes 1 to {MaxBatch} images a run, but {batch} were given; "
                + "make it with a larger MaxBatch or split the images.");
        if (!destinations.AreMemories && !network.IsClassifier)
        {
            IEnumerable<string> outputs = Outputs.Select(output => $"'{FileText.Clean(output.Name)}' [{string.Join(", ", output.Shape)}]");
            throw new GraphException(
                $"{model.Weights.Source}: this session gives {string.Join(", ", outputs)} and no class scores; ask it for these.");
        }
        destinations.Check(bound.Outputs, (int)batch);
    }

    /// <summary>Fails unless the network's input has the size and channels that the model's preset makes.</summary>
    private void CheckTakesImages()
    {
        MapShape input = Plan.Input.Shape;
        (int height, int width) = (model.Preset.InputHeight, model.Preset.InputWidth);
        if (input.C != ImageResampling.Channels)
            throw new GraphException(
                $"{model.Name} takes {input.C} channels, but images give {ImageResampling.Channels}; "
                + "prepare the input yourself and run it as floats.");
        if (input.H != height || input.W != width)
            throw new GraphException(
                $"{model.Weights.Source}: takes images of {input}, but its preset makes [{height}, {width}, {input.C}]; "
                + "use a preset with that crop, a session of the preset's size, or prepare the images yourself.");
    }
}
