using System.Collections.Immutable;
using IlgpuResNet.Graphs;
using IlgpuResNet.Imaging;
using IlgpuResNet.Labels;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Models;

/// <summary>The ways a ResNet of given shapes is computed; tensor names and shapes cannot tell them apart.</summary>
public enum ResNetVariant
{
    /// <summary>Stride on the 3x3 of a bottleneck: torchvision's, "v1.5".</summary>
    V15,

    /// <summary>Stride on the first 1x1 (He et al. 2015).</summary>
    V1,

    /// <summary>As <see cref="V1"/>, with a ReLU also before the residual add and a fixed 7x7 average pool.</summary>
    Note,
}

/// <summary>
/// A ResNet with its weights, its preprocessing and its class names: what an
/// <see cref="Execution.InferenceSession"/> runs. Immutable and thread-safe; dispose it after its sessions.
/// </summary>
public sealed class ResNet : IDisposable
{
    private readonly Lazy<Graph> graph;

    private ResNet(ResNetConfig config, StateDict weights, ImagePreset preset, ImmutableArray<string> classNames, Lazy<Graph>? graph = null)
    {
        Config = config;
        Weights = weights;
        Preset = preset;
        ClassNames = classNames;
        this.graph = graph ?? new Lazy<Graph>(() => Passes.Optimize(ResNetGraph.Build(config, weights)));
    }

    /// <summary>What network this is.</summary>
    public ResNetConfig Config { get; }

    /// <summary>The weights, with torchvision's names.</summary>
    public StateDict Weights { get; }

    /// <summary>How images become its input.</summary>
    public ImagePreset Preset { get; }

    /// <summary>Name of each class, <see cref="ResNetConfig.NumClasses"/> of them.</summary>
    public ImmutableArray<string> ClassNames { get; }

    /// <summary>Number of learnt values: everything but the running statistics of batch norms, as PyTorch counts <c>parameters()</c>.</summary>
    public long ParameterCount => ResNetParameters.Of(Config)
        .Where(parameter => parameter.Kind is not (ParameterKind.RunningMean or ParameterKind.RunningVariance))
        .Sum(parameter => Weights.TryGetValue(parameter.Name, out StateTensor? tensor) ? tensor.Count : 0);

    /// <summary>The network after all passes, softmax last; made at the first use.</summary>
    internal Graph Graph => graph.Value;

    /// <summary>
    /// A network with random weights, drawn as torchvision initialises: Kaiming normal with fan out for convolutions,
    /// ones and zeros for batch norms, PyTorch's uniform default for <c>fc</c>. The same seed gives the same weights everywhere.
    /// </summary>
    /// <exception cref="GraphException">The configuration is not one of a ResNet.</exception>
    public static ResNet Create(ResNetConfig config, int seed = 0)
    {
        ArgumentNullException.ThrowIfNull(config);
        config.Validate();
        return new ResNet(config, ResNetInitializer.Create(config, seed), new ImagePreset(), ClassLabels.ForCount(config.NumClasses));
    }

    /// <summary>A network of known configuration over a state dict, which it owns from then on.</summary>
    /// <exception cref="WeightsException">A tensor is missing or has another shape than the configuration asks for.</exception>
    /// <exception cref="GraphException">The configuration is not one of a ResNet.</exception>
    public static ResNet Create(ResNetConfig config, StateDict weights)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(weights);
        config.Validate();
        ResNetConfigInference.Check(weights, config);
        return new ResNet(config, weights, new ImagePreset(), ClassLabels.ForCount(config.NumClasses));
    }

    /// <summary>
    /// Loads a <c>.safetensors</c> or <c>.pth</c> file and infers the network from its tensor names and shapes.
    /// Class names and preprocessing come from the file's metadata where it has them; otherwise a file named as one of
    /// torchvision's IMAGENET1K_V2 gets their preset, any other the V1 preset, and 1000 classes get ImageNet's names.
    /// </summary>
    /// <param name="path">The weights file; it stays mapped until the network is disposed.</param>
    /// <param name="variant">How blocks are computed, or null for what the metadata says, else v1.5.</param>
    /// <param name="preset">How images are prepared, or null to choose as above.</param>
    /// <exception cref="WeightsException">The file cannot be read, is damaged, or is not a ResNet's.</exception>
    public static ResNet Load(string path, ResNetVariant? variant = null, ImagePreset? preset = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        StateDict weights = StateDict.Load(path);
        try
        {
            ResNetVariant chosen = variant ?? ModelMetadata.Variant(weights) ?? ResNetVariant.V15;
            ResNetConfig config = ResNetConfigInference.Infer(
                weights,
                chosen is ResNetVariant.V15 ? StridePlacement.Conv3x3 : StridePlacement.FirstConv1x1,
                reluBeforeAdd: chosen is ResNetVariant.Note,
                fixedPool: chosen is ResNetVariant.Note ? ResNetConfig.ResNet50Note.FixedPool : null);
            return new ResNet(
                config,
                weights,
                preset ?? ModelMetadata.Preset(weights) ?? ImagePreset.ForFile(path),
                ModelMetadata.ClassNames(weights, config.NumClasses) ?? ClassLabels.ForCount(config.NumClasses));
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    /// <summary>
    /// The same network with other class names, one per class. It shares the weights, on devices too: disposing either disposes both.
    /// </summary>
    /// <exception cref="ResNetException">The number of names is not the number of classes.</exception>
    public ResNet WithClassNames(IEnumerable<string> names)
    {
        ImmutableArray<string> all = [.. names];
        return all.Length == Config.NumClasses
            ? new ResNet(Config, Weights, Preset, all, graph)
            : throw new ResNetException($"{Weights.Source} has {Config.NumClasses} classes, but {all.Length} class names were given; give one name per class, in order.");
    }

    /// <inheritdoc/>
    public void Dispose() => Weights.Dispose();

    internal void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(Weights.IsDisposed, this);
}
