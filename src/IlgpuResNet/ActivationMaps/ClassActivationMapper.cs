using System.Diagnostics.CodeAnalysis;
using IlgpuResNet.Devices;
using IlgpuResNet.Graphs;

namespace IlgpuResNet;

/// <summary>
/// Classifies images and says which parts of them spoke for a class: class activation maps (Zhou et al. 2016, "Learning Deep Features for
/// Discriminative Localization", arXiv:1512.04150). They are exact, no estimate, for networks that end in an average pool over the last
/// feature map and one fully connected layer, which all ResNets do: pool and layer are linear, so they may be exchanged, and a logit is the mean of a map.
/// </summary>
/// <remarks>
/// Thread-safe: runs of one mapper take turns. It is an <see cref="InferenceSession"/> with the feature map as one more output; it has its own copy
/// of the weights on the device, and the fully connected layer's in memory. After a <see cref="DeviceException"/> make a new one.
/// </remarks>
public sealed class ClassActivationMapper : IDisposable
{
    private readonly InferenceSession session;
    private readonly PooledClassifier classifier;

    /// <summary>Prepares everything a run needs.</summary>
    /// <param name="model">A classifier; it must outlive the mapper.</param>
    /// <param name="device">Where to run, or null for <see cref="ComputeDevice.Default"/>.</param>
    /// <param name="options">
    /// How to run, or null for the defaults. A run takes one image and gives what it gives: <see cref="SessionOptions.MaxBatch"/> and
    /// <see cref="SessionOptions.Outputs"/> are ignored.
    /// </param>
    /// <exception cref="GraphException">The network does not end in an average pool and a fully connected layer, or cannot take images of that size.</exception>
    /// <exception cref="DeviceException">The device cannot be opened, has too little memory, or not as many threads as the options ask for.</exception>
    /// <exception cref="WeightsException">The weights cannot be read any more.</exception>
    /// <exception cref="ObjectDisposedException">The network was disposed.</exception>
    [RequiresDynamicCode(DynamicCode.Reason), RequiresUnreferencedCode(DynamicCode.Reason)]
    public ClassActivationMapper(Model model, ComputeDevice? device = null, SessionOptions? options = null)
    {
        PooledClassifier? found = null;
        options = (options ?? new SessionOptions()) with { MaxBatch = 1, Outputs = [] };
        session = new InferenceSession(model, device, options, network =>
        {
            found = PooledClassifier.Find(network, model.Weights.Source);
            return found.WithMap(network);
        });
        classifier = found!;
        Model = model;
    }

    /// <summary>The network.</summary>
    public Model Model { get; }

    /// <summary>Where it runs.</summary>
    public ComputeDevice Device => session.Device;

    /// <inheritdoc cref="InferenceSession.Warnings"/>
    public IReadOnlyList<string> Warnings => session.Warnings;

    /// <summary>Room for the results of a run, to be used again and again: then runs allocate nothing.</summary>
    public ClassActivations CreateActivations() => new(classifier, Model);

    /// <summary>Prepares an image as the network's preset says and runs the network.</summary>
    /// <param name="image">An image of any size, borrowed for the call.</param>
    /// <returns>What was found in it, and the map of each class.</returns>
    /// <exception cref="ImageException">The image cannot be prepared.</exception>
    /// <exception cref="GraphException">The mapper was made for another size than the preset's.</exception>
    /// <exception cref="DeviceException">The device failed.</exception>
    /// <exception cref="ObjectDisposedException">The mapper was disposed.</exception>
    public ClassActivations Run(PixelSpan image)
    {
        ClassActivations activations = CreateActivations();
        Run(image, activations);
        return activations;
    }

    /// <summary>The same without an allocation.</summary>
    /// <param name="image">An image of any size, borrowed for the call.</param>
    /// <param name="activations">Receives the results; of <see cref="CreateActivations"/> of this mapper, and in use by nobody else.</param>
    /// <inheritdoc cref="Run(PixelSpan)"/>
    public void Run(PixelSpan image, ClassActivations activations)
    {
        session.Run(image, PlacesOf(activations));
        activations.Preset = Model.Preset;
    }

    /// <summary>Runs the network on prepared input, such as a PyTorch tensor's memory. Its maps lie over the whole input.</summary>
    /// <param name="image">Float32 <c>[1, C, H, W]</c>, normalised as the weights want it.</param>
    /// <exception cref="GraphException">The length does not fit.</exception>
    /// <inheritdoc cref="Run(PixelSpan)"/>
    public ClassActivations Run(ReadOnlySpan<float> image)
    {
        ClassActivations activations = CreateActivations();
        Run(image, activations);
        return activations;
    }

    /// <summary>The same without an allocation.</summary>
    /// <param name="image">Float32 <c>[1, C, H, W]</c>, normalised as the weights want it.</param>
    /// <param name="activations">Receives the results; of <see cref="CreateActivations"/> of this mapper, and in use by nobody else.</param>
    /// <inheritdoc cref="Run(ReadOnlySpan{float})"/>
    public void Run(ReadOnlySpan<float> image, ClassActivations activations)
    {
        session.Run(image, PlacesOf(activations));
        activations.Preset = null;
    }

    /// <summary>The same on another thread.</summary>
    /// <param name="image">An image of any size; its bytes must stay as they are until the task has ended, after a cancellation until the run under way has.</param>
    /// <param name="cancellation">Ends the task at once; a run under way on the device is completed in the background.</param>
    /// <inheritdoc cref="Run(PixelSpan)"/>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public Task<ClassActivations> RunAsync(PixelBuffer image, CancellationToken cancellation = default) =>
        Task.Run(() => Run(image), cancellation).WaitAsync(cancellation);

    /// <summary>Frees everything but results, after the run under way. May be called again.</summary>
    public void Dispose() => session.Dispose();

    private ReadOnlySpan<Memory<float>> PlacesOf(ClassActivations activations)
    {
        ArgumentNullException.ThrowIfNull(activations);
        return activations.IsOf(classifier)
            ? activations.Places
            : throw new GraphException($"These activations were made by another mapper than this one of {Model.Name}; use {nameof(CreateActivations)} of the same.");
    }
}
