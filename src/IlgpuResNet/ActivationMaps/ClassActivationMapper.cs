using System.Diagnostics.CodeAnalysis;
using IlgpuResNet.Devices;
using IlgpuResNet.Diagnostics;
using IlgpuResNet.Graphs;

namespace IlgpuResNet;

/// <summary>
/// Classifies images and shows which parts of an image speak for a class, as class activation maps (Zhou et al. 2016, "Learning Deep
/// Features for Discriminative Localization", arXiv:1512.04150). The maps are exact for networks that end in an average pool over the last
/// feature map and one fully connected layer, as all ResNets do: both are linear, so their order may be exchanged, and a logit is the mean
/// of a map plus a bias.
/// </summary>
/// <remarks>
/// Thread-safe: concurrent runs of one mapper wait for each other. A mapper is an <see cref="InferenceSession"/> with the feature map as a
/// further output. It has its own copy of the weights on the device, and of the fully connected layer's weights in host memory. After a
/// <see cref="DeviceException"/> make a new mapper.
/// </remarks>
public sealed class ClassActivationMapper : IDisposable
{
    private readonly InferenceSession session;
    private readonly PooledClassifier classifier;

    /// <summary>Opens the device, uploads the weights and compiles the kernels, so that runs only compute.</summary>
    /// <param name="model">A classifier. The caller disposes it after the mapper.</param>
    /// <param name="device">Device to run on, or null for <see cref="ComputeDevice.Default"/>.</param>
    /// <param name="options">
    /// Options of the session, or null for the defaults. <see cref="SessionOptions.MaxBatch"/> and <see cref="SessionOptions.Outputs"/> are
    /// ignored: a run takes one image, and its outputs are fixed.
    /// </param>
    /// <exception cref="GraphException">
    /// The network does not end in an average pool and a fully connected layer, or cannot take that input size.
    /// </exception>
    /// <exception cref="DeviceException">
    /// The device cannot be opened, has too little memory, or has fewer threads than the options ask for.
    /// </exception>
    /// <exception cref="WeightsException">The weights file can no longer be read.</exception>
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

    /// <summary>The network that classifies.</summary>
    public Model Model { get; }

    /// <summary>The device that runs the network.</summary>
    public ComputeDevice Device => session.Device;

    /// <inheritdoc cref="InferenceSession.Warnings"/>
    public IReadOnlyList<string> Warnings => session.Warnings;

    /// <summary>Allocates memory for the results of a run. A program that passes it to every run allocates nothing per image.</summary>
    public ClassActivations CreateActivations() => new(classifier, Model);

    /// <summary>
    /// Preprocesses an image with the network's preset, runs the network and keeps what activation maps are computed from.
    /// </summary>
    /// <param name="image">An image of any size. Its pixels are read during the call only.</param>
    /// <returns>The class scores; <see cref="ClassActivations.Map(int)"/> gives the map of any class.</returns>
    /// <exception cref="ImageException">The image cannot be preprocessed.</exception>
    /// <exception cref="GraphException">The mapper was made for an input size other than the preset's.</exception>
    /// <exception cref="DeviceException">The device failed.</exception>
    /// <exception cref="ObjectDisposedException">The mapper was disposed.</exception>
    public ClassActivations Run(PixelSpan image)
    {
        ClassActivations activations = CreateActivations();
        Run(image, activations);
        return activations;
    }

    /// <summary>Preprocesses an image and runs the network without allocating memory.</summary>
    /// <param name="image">An image of any size. Its pixels are read during the call only.</param>
    /// <param name="activations">
    /// Receives the results. It comes from <see cref="CreateActivations"/> of this mapper, and no other thread may use it meanwhile.
    /// </param>
    /// <inheritdoc cref="Run(PixelSpan)"/>
    public void Run(PixelSpan image, ClassActivations activations)
    {
        session.Run(image, PlacesOf(activations));
        activations.Preset = Model.Preset;
    }

    /// <summary>
    /// Runs the network on input that is already preprocessed, such as a PyTorch tensor's memory. Its maps cover the whole input.
    /// </summary>
    /// <param name="image">Float32 <c>[1, C, H, W]</c>, normalised as the weights expect.</param>
    /// <exception cref="GraphException">The length does not fit.</exception>
    /// <inheritdoc cref="Run(PixelSpan)"/>
    public ClassActivations Run(ReadOnlySpan<float> image)
    {
        ClassActivations activations = CreateActivations();
        Run(image, activations);
        return activations;
    }

    /// <summary>Runs the network on input that is already preprocessed, without allocating memory.</summary>
    /// <param name="image">Float32 <c>[1, C, H, W]</c>, normalised as the weights expect.</param>
    /// <param name="activations">
    /// Receives the results. It comes from <see cref="CreateActivations"/> of this mapper, and no other thread may use it meanwhile.
    /// </param>
    /// <inheritdoc cref="Run(ReadOnlySpan{float})"/>
    public void Run(ReadOnlySpan<float> image, ClassActivations activations)
    {
        session.Run(image, PlacesOf(activations));
        activations.Preset = null;
    }

    /// <summary>Preprocesses an image and runs the network on a thread of the pool.</summary>
    /// <param name="image">
    /// An image of any size. Its pixels must not change until the task has ended; after a cancellation, until the run that had started has
    /// ended.
    /// </param>
    /// <param name="cancellation">Ends the task at once; a run that has started on the device is completed in the background.</param>
    /// <inheritdoc cref="Run(PixelSpan)"/>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public Task<ClassActivations> RunAsync(PixelBuffer image, CancellationToken cancellation = default) =>
        Task.Run(() => Run(image), cancellation).Observed().WaitAsync(cancellation);

    /// <summary>Frees the session after the run in progress. Results stay valid. May be called more than once.</summary>
    public void Dispose() => session.Dispose();

    private ReadOnlySpan<Memory<float>> PlacesOf(ClassActivations activations)
    {
        ArgumentNullException.ThrowIfNull(activations);
        return activations.IsOf(classifier)
            ? activations.Places
            : throw new GraphException(
                $"The activations come from another mapper; use {nameof(CreateActivations)} of this mapper of {Model.Name}.");
    }
}
