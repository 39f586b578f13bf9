using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime;
using IlgpuResNet.Devices;
using IlgpuResNet.Graphs;
using IlgpuResNet.Imaging;
using IlgpuResNet.Labels;
using IlgpuResNet.Models;

namespace IlgpuResNet.Execution;

/// <summary>
/// A network ready to run on one device: kernels compiled, weights packed and uploaded, one arena for all activations.
/// Runs allocate, compile and look up nothing (preprocessing grows its staging memory when an image is larger than any before).
/// Thread-safe: calls from several threads run one after another and give the same bits as serial calls. Sessions of one
/// network on one device share its weights.
/// </summary>
public sealed class InferenceSession : IDisposable
{
    private readonly Lock gate = new();
    private readonly ResNet model;
    private readonly DeviceRuntime runtime;
    private readonly AcceleratorStream stream;
    private readonly MemoryBuffer1D<float, Stride1D.Dense> arena;
    private readonly Preprocessor preprocessor;
    private readonly ImmutableArray<BoundStep> steps;
    private readonly ArrayView<float> input;
    private readonly ArrayView<float> logitsView;
    private readonly ArrayView<float> probabilitiesView;
    private readonly float[] staging;
    private readonly float[] scores;
    private bool disposed;

    /// <summary>Prepares everything a run needs.</summary>
    /// <param name="model">The network; it must outlive the session.</param>
    /// <param name="device">Where to run, or null for <see cref="ComputeDevice.Default"/>.</param>
    /// <param name="options">Batch and image size, or null for one image of the preset's size.</param>
    /// <exception cref="GraphException">The network cannot take images of that size, or the batch is not positive.</exception>
    /// <exception cref="DeviceException">The device cannot be opened or has too little memory.</exception>
    /// <exception cref="WeightsException">The weights cannot be read any more.</exception>
    /// <exception cref="ObjectDisposedException">The network was disposed.</exception>
    public InferenceSession(ResNet model, ComputeDevice? device = null, SessionOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        model.ThrowIfDisposed();
        options ??= new SessionOptions();
        this.model = model;
        Plan = ExecutionPlan.Create(model.Graph, options.Height ?? model.Preset.CropSize, options.Width ?? model.Preset.CropSize, options.MaxBatch);
        runtime = (device ?? ComputeDevice.Default).Open();
        DeviceWeights weights = runtime.AcquireWeights(model.Graph, Plan);
        try
        {
            Warnings = [.. weights.Warnings.Select(warning => $"{model.Weights.Source}: {warning}")];
            stream = runtime.Accelerator.CreateStream();
            arena = runtime.Allocate(Plan.ArenaLength, $"the activations of {MaxBatch} images");
            ArrayView<float> view = arena.View.BaseView;
            steps = [.. Plan.Steps.Select(step => BoundStep.Create(runtime.Kernels, step, view, weights, MaxBatch))];
            TensorSlot logits = Plan.Outputs[ResNetGraph.LogitsName], probabilities = Plan.Outputs[ResNetGraph.ProbabilitiesName];
            input = view.SubView(Plan.Input.Offset, Plan.Input.Shape.Count * MaxBatch);
            logitsView = view.SubView(logits.Offset, logits.Shape.Count * MaxBatch);
            probabilitiesView = view.SubView(probabilities.Offset, probabilities.Shape.Count * MaxBatch);
            staging = GC.AllocateUninitializedArray<float>((int)input.Length, pinned: true);
            scores = GC.AllocateUninitializedArray<float>(NumClasses);
            preprocessor = new Preprocessor(runtime.Accelerator, stream, model.Preset);
        }
        catch (Exception e)
        {
            arena?.Dispose();
            stream?.Dispose();
            runtime.ReleaseWeights(model.Graph);
            if (e is ResNetException) throw;
            throw new DeviceException($"{Device.Id}: a session of {model.Config.Name} for {Plan.MaxBatch} images cannot be made: {DeviceRuntime.FirstLine(e)} Use a smaller batch or image, or another device.", e);
        }
    }

    /// <summary>The steps a run walks, and where each tensor lies.</summary>
    public ExecutionPlan Plan { get; }

    /// <summary>Where it runs.</summary>
    public ComputeDevice Device => runtime.Device;

    /// <summary>The most images one run takes.</summary>
    public int MaxBatch => Plan.MaxBatch;

    /// <summary>Number of classes: the length of one image's scores.</summary>
    public int NumClasses => model.Config.NumClasses;

    /// <summary>What is suspicious about the weights, one line each; empty when nothing is.</summary>
    public IReadOnlyList<string> Warnings { get; }

    /// <summary>Runs the network on prepared input, such as a PyTorch tensor's memory.</summary>
    /// <param name="images">Float32 <c>[N, C, H, W]</c>, normalised as the weights want it; N is inferred from its length.</param>
    /// <param name="logits">Receives <c>[N, classes]</c> scores; may be empty.</param>
    /// <param name="probabilities">Receives <c>[N, classes]</c> softmax probabilities; may be empty.</param>
    /// <exception cref="GraphException">The lengths do not fit, or N is 0 or above <see cref="MaxBatch"/>.</exception>
    /// <exception cref="DeviceException">The device failed.</exception>
    /// <exception cref="ObjectDisposedException">The session was disposed.</exception>
    public void Run(ReadOnlySpan<float> images, Span<float> logits, Span<float> probabilities = default)
    {
        MapShape shape = Plan.Input.Shape;
        (long count, long rest) = Math.DivRem(images.Length, shape.Count);
        if (rest != 0)
            throw new GraphException($"The input must be [N, {shape.C}, {shape.H}, {shape.W}], a multiple of {shape.Count} floats, but has {images.Length}.");
        int batch = CheckBatch(count, logits, probabilities);
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            ToChannelsLast(images, staging, batch, shape);
            try
            {
                using ScopedAcceleratorBinding binding = runtime.Accelerator.BindScoped();
                input.SubView(0, images.Length).CopyFromCPU(stream, (ReadOnlySpan<float>)staging.AsSpan(0, images.Length));
                lock (runtime.Gate) Launch(batch, !probabilities.IsEmpty);
                Download(logits, probabilities);
            }
            catch (Exception e) when (IsDeviceFailure(e))
            {
                throw Failed(e);
            }
        }
    }

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
        int batch = CheckBatch(images.Length, logits, probabilities);
        lock (gate) RunImages(images, default, batch, logits, probabilities);
    }

    /// <summary>The same for one image that is only borrowed, such as a locked bitmap or a video frame.</summary>
    /// <inheritdoc cref="Run(ReadOnlySpan{PixelBuffer}, Span{float}, Span{float})"/>
    public void Run(PixelSpan image, Span<float> logits, Span<float> probabilities = default)
    {
        CheckBatch(1, logits, probabilities);
        lock (gate) RunImages([], image, 1, logits, probabilities);
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
                lock (runtime.Gate) preprocessor.Upload(image, input, 0);
                Span<float> channelsLast = staging.AsSpan(0, prepared.Length);
                input.SubView(0, prepared.Length).CopyToCPU(stream, channelsLast);
                for (int i = 0; i < channelsLast.Length; i++) prepared[i % shape.C * (shape.H * shape.W) + i / shape.C] = channelsLast[i];
            }
            catch (Exception e) when (IsDeviceFailure(e))
            {
                throw Failed(e);
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
        lock (gate)
        {
            Run(image, [], scores);
            return TopK.Predictions(scores, model.ClassNames, topK);
        }
    }

    /// <summary>Frees the arena, and the weights with the last session that shares them. May be called again.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            if (disposed) return;
            disposed = true;
            preprocessor.Dispose();
            arena.Dispose();
            stream.Dispose();
            runtime.ReleaseWeights(model.Graph);
        }
    }

    /// <summary>Runs the kept images, or the borrowed one when there are none: a span of spans is not to be had.</summary>
    private void RunImages(ReadOnlySpan<PixelBuffer> kept, PixelSpan borrowed, int batch, Span<float> logits, Span<float> probabilities)
    {
        CheckTakesImages();
        try
        {
            using ScopedAcceleratorBinding binding = runtime.Accelerator.BindScoped();
            lock (runtime.Gate)
            {
                for (int i = 0; i < batch; i++) preprocessor.Upload(kept.IsEmpty ? borrowed : kept[i].Span, input, i);
                Launch(batch, !probabilities.IsEmpty);
            }
            Download(logits, probabilities);
        }
        catch (Exception e) when (IsDeviceFailure(e))
        {
            throw Failed(e);
        }
    }

    private int CheckBatch(long batch, Span<float> logits, Span<float> probabilities)
    {
        if (batch < 1 || batch > MaxBatch)
            throw new GraphException($"This session takes 1 to {MaxBatch} images a run, but {batch} were given; make it with a larger MaxBatch or split the images.");
        if (logits.IsEmpty && probabilities.IsEmpty)
            throw new GraphException("A run has nowhere to leave its result; give a span for the logits or for the probabilities.");
        CheckLength(batch, logits, nameof(logits));
        CheckLength(batch, probabilities, nameof(probabilities));
        return (int)batch;
    }

    private void CheckTakesImages()
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        MapShape shape = Plan.Input.Shape;
        if (shape.C != Preprocessor.Channels)
            throw new GraphException($"{model.Config.Name} takes {shape.C} channels, but images give {Preprocessor.Channels}; prepare the input yourself and run it as floats.");
        if (shape.H != model.Preset.CropSize || shape.W != model.Preset.CropSize)
            throw new GraphException($"The session takes {shape}, but the model's preset makes [{model.Preset.CropSize}, {model.Preset.CropSize}, {shape.C}]; prepare the images yourself, or make the session without a size.");
    }

    private void CheckLength(long batch, Span<float> destination, string name)
    {
        if (!destination.IsEmpty && destination.Length != batch * NumClasses)
            throw new GraphException($"The {name} of {batch} images are {batch * NumClasses} floats, but the span has {destination.Length}.");
    }

    /// <summary>Enqueues all steps; softmax, the last, only when somebody wants it.</summary>
    private void Launch(int batch, bool softmax)
    {
        runtime.Kernels.BeginSequence();
        int count = steps.Length - (softmax ? 0 : 1);
        for (int i = 0; i < count; i++) steps[i].Launch(stream, batch);
        runtime.Kernels.EndSequence(stream);
    }

    private void Download(Span<float> logits, Span<float> probabilities)
    {
        if (!logits.IsEmpty) logitsView.SubView(0, logits.Length).CopyToCPU(stream, logits);
        if (!probabilities.IsEmpty) probabilitiesView.SubView(0, probabilities.Length).CopyToCPU(stream, probabilities);
    }

    /// <summary><c>[N, C, H, W]</c> to <c>[N, H, W, C]</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ToChannelsLast(ReadOnlySpan<float> source, Span<float> destination, int batch, MapShape shape)
    {
        int pixels = shape.H * shape.W, channels = shape.C;
        for (int n = 0; n < batch; n++)
        {
            ReadOnlySpan<float> from = source.Slice(n * pixels * channels, pixels * channels);
            Span<float> to = destination.Slice(n * pixels * channels, pixels * channels);
            for (int c = 0; c < channels; c++)
            {
                ReadOnlySpan<float> plane = from.Slice(c * pixels, pixels);
                for (int i = 0; i < plane.Length; i++) to[i * channels + c] = plane[i];
            }
        }
    }

    private static bool IsDeviceFailure(Exception e) => e is not ResNetException and not ObjectDisposedException;

    private DeviceException Failed(Exception e) =>
        new($"{Device.Id}: the device failed while running {model.Config.Name}: {DeviceRuntime.FirstLine(e)} Dispose the session and make a new one.", e);
}
