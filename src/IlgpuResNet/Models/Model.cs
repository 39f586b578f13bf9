using System.Collections.Immutable;
using IlgpuResNet.Diagnostics;
using IlgpuResNet.Files;
using IlgpuResNet.Graphs;
using IlgpuResNet.Models;
using IlgpuResNet.Onnx;
using IlgpuResNet.Weights;

namespace IlgpuResNet;

/// <summary>
/// A network with its weights, its preprocessing and its class names, for an <see cref="InferenceSession"/> to run. Immutable and
/// thread-safe; dispose it after its sessions.
/// </summary>
public abstract class Model : IDisposable
{
    private protected Model(string name, StateDict weights, ImagePreset preset, ImmutableArray<string> classNames)
    {
        Name = name;
        Weights = weights;
        Preset = preset;
        ClassNames = classNames;
    }

    /// <summary>Name for tables and messages, such as <c>resnet50</c>.</summary>
    public string Name { get; }

    /// <summary>Weights, under the names of their file or torchvision's.</summary>
    public StateDict Weights { get; }

    /// <summary>Preprocessing that makes the network's input from an image.</summary>
    public ImagePreset Preset { get; }

    /// <summary>Name of each class, <see cref="NumClasses"/> of them.</summary>
    public ImmutableArray<string> ClassNames { get; }

    /// <summary>Number of classes; 0 for a network that is no classifier.</summary>
    public abstract int NumClasses { get; }

    /// <summary>Number of learnt values.</summary>
    public abstract long ParameterCount { get; }

    /// <summary>Names of the network's own outputs.</summary>
    public abstract ImmutableArray<string> OutputNames { get; }

    /// <summary>Name of the feature vector that the classifier reads; null for a network without one.</summary>
    public abstract string? FeatureName { get; }

    /// <summary>Further facts about the network on one line, for tables and messages.</summary>
    public abstract string Description { get; }

    /// <summary>Facts about the file that a user should know, such as tensors that are left out; one line each, usually none.</summary>
    public virtual ImmutableArray<string> Warnings => [];

    /// <summary>
    /// Assumptions about the network that the file neither confirms nor denies, such as its activation; one phrase each.
    /// </summary>
    public virtual ImmutableArray<string> Assumptions => [];

    /// <summary>
    /// Loads a <c>.safetensors</c>, <c>.pth</c> or <c>.onnx</c> file, the files of an index (<c>model.safetensors.index.json</c>), or a
    /// folder as hubs have them; the format is recognised by content. Class names and preprocessing come from the file's metadata, or from
    /// <c>config.json</c> and <c>preprocessor_config.json</c> of timm or Hugging Face beside it, if they have them. Otherwise a file under
    /// a name of torchvision's IMAGENET1K_V2 weights gets their preset and any other file the V1 preset, and 1000 classes get ImageNet's
    /// names.
    /// </summary>
    /// <param name="path">The file; open until the network is disposed. <c>LoadAsync</c> takes names of published weights.</param>
    /// <param name="variant">
    /// How the blocks of a weights file are computed, or null for the variant in the metadata, else v2 or v1.5, as the tensors tell.
    /// </param>
    /// <param name="preset">How images are prepared, or null to choose as above.</param>
    /// <exception cref="WeightsException">The file cannot be read, is damaged, or is not a ResNet's.</exception>
    /// <exception cref="GraphException">The file is an ONNX model that cannot run here; the message names the operator.</exception>
    public static Model Load(string path, ResNetVariant? variant = null, ImagePreset? preset = null) =>
        Load(path, new ModelOptions { Variant = variant, Preset = preset });

    /// <summary>Loads a file as <see cref="Load(string, ResNetVariant?, ImagePreset?)"/> does.</summary>
    /// <param name="path">The file; it stays open until the network is disposed.</param>
    /// <param name="options">Which network of the file, how it is computed and how images are prepared.</param>
    /// <exception cref="WeightsException">The file cannot be read, is damaged, or is not a ResNet's.</exception>
    /// <exception cref="GraphException">The file is an ONNX model that cannot run here; the message names the operator.</exception>
    public static Model Load(string path, ModelOptions options)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(options);
        using TimedStep loading = new TimedStep("load", Telemetry.LoadDuration).With("file", path);
        Model model = LoadAny(path, options);
        loading.WithKey(Telemetry.ModelTag, model.Name).With("classes", model.NumClasses).Succeed();
        return model;
    }

    /// <summary>Loads weights that torchvision publishes, and downloads them first if they are not in the cache.</summary>
    /// <param name="weights">The weights, such as <c>ResNetWeights.ImageNet1KV2.ResNet50</c>.</param>
    /// <param name="cache">Folder and source of the files; null for the user's folder and PyTorch's server.</param>
    /// <param name="progress">Receives the state of a download.</param>
    /// <param name="cancellation">Stops a download; the bytes received so far are kept for the next one.</param>
    /// <exception cref="DownloadException">The file is not in the cache and cannot be downloaded.</exception>
    /// <exception cref="WeightsException">The file in the cache was damaged later.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static async Task<Model> LoadAsync(
        ResNetWeights weights,
        WeightsCache? cache = null,
        IProgress<DownloadProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        string path = await (cache ?? new WeightsCache()).GetAsync(weights, progress, cancellation).ConfigureAwait(false);
        return Load(path, preset: weights.Preset);
    }

    /// <summary>
    /// Loads a file as <see cref="Load(string, ResNetVariant?, ImagePreset?)"/> does, or published weights by name as
    /// <see cref="LoadAsync(ResNetWeights, WeightsCache?, IProgress{DownloadProgress}?, CancellationToken)"/> does. A file comes before a
    /// name.
    /// </summary>
    /// <param name="fileOrName">A path, or a name for <see cref="ResNetWeights.Parse"/>, such as <c>resnet50:IMAGENET1K_V2</c>.</param>
    /// <param name="cache">Folder and source of the files; null for the user's folder and PyTorch's server.</param>
    /// <param name="progress">Receives the state of a download.</param>
    /// <param name="cancellation">Stops a download; the bytes received so far are kept for the next one.</param>
    /// <exception cref="DownloadException">The file is not in the cache and cannot be downloaded.</exception>
    /// <exception cref="WeightsException">The file cannot be read, is damaged, or is not a ResNet's.</exception>
    /// <exception cref="GraphException">The file is an ONNX model that cannot run here.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static async Task<Model> LoadAsync(
        string fileOrName,
        WeightsCache? cache = null,
        IProgress<DownloadProgress>? progress = null,
        CancellationToken cancellation = default) =>
        Load(await ResNetWeights.ResolveAsync(fileOrName, cache, progress, cancellation).ConfigureAwait(false));

    /// <summary>
    /// Returns a network with other class names, one per class. Both share the weights, on devices too: disposing either disposes both.
    /// </summary>
    /// <exception cref="ResNetException">The number of names is not the number of classes.</exception>
    public Model WithClassNames(IEnumerable<string> names)
    {
        ImmutableArray<string> all = [.. names];
        return all.Length == NumClasses
            ? With(Preset, all)
            : throw new ResNetException(
                $"{Weights.Source} has {NumClasses} classes, but {all.Length} class names were given; give one name per class, in order.");
    }

    /// <summary>
    /// Returns a network that prepares images by another preset. Both share the weights, on devices too: disposing either disposes both.
    /// </summary>
    /// <exception cref="ImageException">The preset's numbers make no input.</exception>
    public Model WithPreset(ImagePreset preset)
    {
        ArgumentNullException.ThrowIfNull(preset);
        preset.Validate();
        return With(preset, ClassNames);
    }

    /// <summary>
    /// A hash of the weights, of the network's operations and of its preprocessing: it differs when the features of two networks do. Keep
    /// it beside stored feature vectors to know whether they are still valid. It reads all weights.
    /// </summary>
    /// <returns>32 hexadecimal digits.</returns>
    /// <exception cref="ObjectDisposedException">The network was disposed.</exception>
    public string Fingerprint()
    {
        ThrowIfDisposed();
        return ModelFingerprint.Of(this);
    }

    /// <summary>
    /// Height and width of a tensor <c>[N, C, H, W]</c>, or <c>[N, H, W, C]</c> for a network with such an input, as
    /// <see cref="SessionOptions"/> needs them; nulls for a tensor that is no image.
    /// </summary>
    /// <param name="shape">Sizes of the tensor, outermost first.</param>
    public virtual (int? Height, int? Width) SizeOf(ReadOnlySpan<int> shape) => shape.Length == 4 ? (shape[2], shape[3]) : (null, null);

    /// <inheritdoc/>
    public virtual void Dispose()
    {
        Weights.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Bytes of the file that the network was loaded from, external data included; null for a network made in memory.</summary>
    internal abstract long? FileLength { get; }

    /// <summary>
    /// True when the program chose the size of the network's input by a preset. Otherwise the file or a file beside it decided it.
    /// </summary>
    internal bool HasGivenPreset { get; private protected init; }

    /// <summary>Builds the network for inputs of one size.</summary>
    /// <param name="height">Height of the input, or null for the network's own.</param>
    /// <param name="width">Width of the input, or null for the network's own.</param>
    /// <param name="outputs">Names of the wanted tensors; none for the network's own outputs.</param>
    /// <exception cref="GraphException">The network cannot take that size, or has no tensor of such a name.</exception>
    internal abstract Network Bind(int? height, int? width, ImmutableArray<string> outputs);

    /// <summary>Returns a network with another preset and other class names that shares all else with this one.</summary>
    private protected abstract Model With(ImagePreset preset, ImmutableArray<string> classNames);

    private static Model LoadAny(string path, ModelOptions options)
    {
        // Someone may give a name in place of a file, or misspell a name.
        if (!Path.Exists(path) && ResNetWeights.Parse(path) is not null)
            throw new WeightsException($"{path}: no such file; {nameof(LoadAsync)} takes the names of published weights.");
        if (!Path.Exists(path) && Path.GetFileName(path) == path && !Path.HasExtension(path))
        {
            throw new WeightsException(
                $"{FileText.Clean(path)}: no such file, nor published weights of that name; those are named as in resnet50:IMAGENET1K_V2.");
        }
        path = WeightsLocation.Resolve(path);
        if (!OnnxRecognition.IsModel(path)) return ResNet.Load(path, options);
        if (options.Key is not null) throw new WeightsException($"{path}: an ONNX file holds one network; leave the key out.");
        return options.Variant is null
            ? OnnxModel.Load(path, options.Preset)
            : throw new WeightsException($"{path}: an ONNX file says itself how its blocks are computed; leave the variant out.");
    }

    internal void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(Weights.IsDisposed, this);
}
