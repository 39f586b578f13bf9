using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace IlgpuResNet;

/// <summary>How an <see cref="ImageClassifier"/> works; fixed for its life.</summary>
public sealed record ClassifierOptions
{
    private const int UsualBatch = 8;
    private const int LargestUsualBatch = 64;

    /// <summary>Side of the images that <see cref="UsualBatch"/> is for, in pixels.</summary>
    private const int UsualSide = 224;

    private const long UsualMemoryBudget = 512L << 20;

    /// <summary>
    /// The most images that one run of a folder takes, or null, the default, for 8 of 224x224 and as many more of smaller ones as have as many pixels, up
    /// to 64: starting a run costs the same however small they are. A single image is never kept waiting for others. On a GPU the last bits of a result depend on
    /// it, as <see cref="Numerics.Fast"/> says of <see cref="SessionOptions.MaxBatch"/>.
    /// </summary>
    public int? Batch { get; init; }

    /// <summary>
    /// Bytes that the sessions of concurrent callers may hold together, activations and what brings images in, on the device and pinned beside
    /// it. As many sessions are made as have room, at most 8, and on the processor 1, which computes for one at a time; further callers
    /// wait. One session is made whatever it needs. The weights are there once and come on top.
    /// </summary>
    public long MemoryBudget { get; init; } = UsualMemoryBudget;

    /// <inheritdoc cref="SessionOptions.Threads"/>
    public int? Threads { get; init; }

    /// <inheritdoc cref="SessionOptions.Numerics"/>
    public Numerics Numerics { get; init; }

    /// <inheritdoc cref="SessionOptions.TuningFile"/>
    public string? TuningFile { get; init; }

    /// <summary>How the blocks of a weights file are computed, or null for what the file says; see <see cref="Model.Load"/>.</summary>
    public ResNetVariant? Variant { get; init; }

    /// <summary>How images are prepared, or null for what the file says; see <see cref="Model.Load"/>.</summary>
    public ImagePreset? Preset { get; init; }

    /// <summary>Where the published weights of a name are kept and come from.</summary>
    public WeightsCache Cache { get; init; } = new();

    /// <summary>Is told of loading (information), of what sessions do (<see cref="SessionOptions.Logger"/>), and of sessions that failed (warning).</summary>
    public ILogger Logger { get; init; } = NullLogger.Instance;

    /// <summary>The batch that a <see cref="Batch"/> of null stands for: 8 images of 224x224, more of smaller ones, at most 64.</summary>
    /// <param name="preset">How the network's images are prepared.</param>
    public static int BatchOf(ImagePreset preset) =>
        (int)Math.Clamp((long)UsualBatch * UsualSide * UsualSide / Math.Max(1, (long)preset.CropSize * preset.CropSize), UsualBatch, LargestUsualBatch);
}
