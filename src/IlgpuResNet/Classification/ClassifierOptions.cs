using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace IlgpuResNet;

/// <summary>Options of an <see cref="ImageClassifier"/>, fixed for its lifetime.</summary>
public sealed record ClassifierOptions
{
    private const int UsualBatch = 8;
    private const int LargestUsualBatch = 64;

    /// <summary>Side of the images that <see cref="UsualBatch"/> is meant for, in pixels.</summary>
    private const int UsualSide = 224;

    /// <summary>Pixels of a default batch of large images; a larger image runs alone.</summary>
    private const long MostPixels = UsualBatch * 512 * 512;

    private const long UsualMemoryBudget = 512L << 20;

    /// <summary>
    /// Largest number of images of a folder in one run. Null, the default, means 8 images of 224x224 to 512x512 pixels, more of smaller
    /// images in proportion to their pixels, up to 64, because starting a run costs the same for any size, and fewer of larger images. A
    /// single image never waits for others. On a GPU the last bits of a result depend on the batch, as <see cref="Numerics.Fast"/> explains
    /// for <see cref="SessionOptions.MaxBatch"/>.
    /// </summary>
    public int? Batch { get; init; }

    /// <summary>
    /// Bytes that the sessions of concurrent callers may hold together: activations and input staging, on the device and in pinned host
    /// memory. There are as many sessions as fit, at most 8 on a GPU and 1 on the processor, where a run uses all cores; further callers
    /// wait. One session is always made. The weights exist once and are not counted.
    /// </summary>
    public long MemoryBudget { get; init; } = UsualMemoryBudget;

    /// <inheritdoc cref="SessionOptions.MemoryLimit"/>
    public long? MemoryLimit { get; init; }

    /// <inheritdoc cref="SessionOptions.Threads"/>
    public int? Threads { get; init; }

    /// <inheritdoc cref="SessionOptions.Numerics"/>
    public Numerics Numerics { get; init; }

    /// <inheritdoc cref="SessionOptions.TuningFile"/>
    public string? TuningFile { get; init; }

    /// <summary>
    /// Variant of the residual blocks in a weights file, or null for the one the file states; see
    /// <see cref="Model.Load(string, ModelOptions)"/>.
    /// </summary>
    public ResNetVariant? Variant { get; init; }

    /// <summary>Preprocessing of images, or null for the one the file states; see <see cref="Model.Load(string, ModelOptions)"/>.</summary>
    public ImagePreset? Preset { get; init; }

    /// <inheritdoc cref="ModelOptions.Key"/>
    public string? Key { get; init; }

    /// <summary>Cache that published weights, such as <c>resnet50</c>, are downloaded to and loaded from.</summary>
    public WeightsCache Cache { get; init; } = new();

    /// <summary>
    /// Receives a line when a network is loaded (information), lines of its sessions (<see cref="SessionOptions.Logger"/>), and one for
    /// each session that failed (warning).
    /// </summary>
    public ILogger Logger { get; init; } = NullLogger.Instance;

    /// <summary>
    /// Returns the batch that a <see cref="Batch"/> of null stands for: 8 images of 224x224 to 512x512 pixels, more of smaller ones, at
    /// most 64, and fewer of larger ones.
    /// </summary>
    /// <param name="preset">Preprocessing of the network's images.</param>
    public static int BatchOf(ImagePreset preset)
    {
        const long UsualPixels = (long)UsualBatch * UsualSide * UsualSide;
        long pixels = Math.Max(1, (long)preset.InputHeight * preset.InputWidth);
        long least = Math.Clamp(MostPixels / pixels, 1, UsualBatch);
        return (int)Math.Clamp(UsualPixels / pixels, least, LargestUsualBatch);
    }
}
