using System.Globalization;
using IlgpuResNet.Graphs;
using IlgpuResNet.Planning;

namespace IlgpuResNet.Execution;

/// <summary>
/// The memory that a session may take: what its file's length and the sizes that the program asks for justify, or
/// <see cref="SessionOptions.MemoryLimit"/>. It is checked before a session allocates anything.
/// </summary>
internal sealed class MemoryAllowance
{
    /// <summary>Bytes of packed weights, and of activations, that any file may ask for.</summary>
    public const long Least = 512L << 20;

    /// <summary>
    /// Bytes of packed weights for each byte of the file. Winograd's F(4x4) makes 36 floats of 9 half floats, twice as much as the file
    /// has for float32; panels of whole vectors and scratch memory come on top.
    /// </summary>
    public const long WeightBytesPerFileByte = 16;

    /// <summary>Bytes of activations for each pixel of a batch: four times as many as the widest ResNets of torchvision need.</summary>
    public const long ActivationBytesPerPixel = 2048;

    /// <summary>Pixels of an image, at most, where the file decides the size.</summary>
    public const long UsualPixels = 224 * 224;

    private const double Mebi = 1 << 20;

    private readonly Model model;
    private readonly string request;
    private readonly long? total;
    private readonly long weights;
    private readonly long activations;

    /// <summary>The allowance of a session.</summary>
    /// <param name="model">The network.</param>
    /// <param name="options">The batch, the size and the limit that the program asks for.</param>
    /// <param name="input">One image of the network's input.</param>
    public MemoryAllowance(Model model, SessionOptions options, MapShape input)
    {
        this.model = model;
        total = options.MemoryLimit;
        request = options.MaxBatch == 1 ? $"an image of {input}" : $"{options.MaxBatch} images of {input}";
        weights = activations = long.MaxValue;
        if (model.FileLength is not { } length) return;
        weights = Least + WeightBytesPerFileByte * length;
        (int Height, int Width)? given = model.HasGivenPreset ? model.Preset.InputSize : null;
        long own = (long)input.H * input.W;
        int? height = options.Height ?? given?.Height, width = options.Width ?? given?.Width;
        long asked = height is not null && width is not null ? (long)height * (long)width : 0;
        long pixels = Math.Min(own, Math.Max(asked, UsualPixels));
        // A batch below 1 is refused when the plan is made.
        Int128 justified = Least + ActivationBytesPerPixel * (Int128)Math.Max(1, options.MaxBatch) * pixels;
        activations = (long)Int128.Min(justified, long.MaxValue);
    }

    /// <summary>Refuses a session that would take too much.</summary>
    /// <param name="weightBytes">Bytes of its weights, or fewer while they are not known.</param>
    /// <param name="activationBytes">Bytes of its activations, or fewer while they are not known.</param>
    /// <exception cref="WeightsException">It takes more than is allowed.</exception>
    public void Check(long weightBytes, long activationBytes)
    {
        if (total is { } limit)
        {
            if (weightBytes + activationBytes > limit)
                throw Refused(weightBytes + activationBytes, "weights and activations", limit, "that were asked for");
            return;
        }
        string file = $"that a file of {model.FileLength} bytes justifies";
        if (weightBytes > weights) throw Refused(weightBytes, "weights", weights, file);
        if (activationBytes > activations) throw Refused(activationBytes, "activations", activations, file);

        WeightsException Refused(long bytes, string what, long allowed, string why) => new(
            $"{model.Weights.Source}: refused: a session for {request} would take {InMebi(bytes)} of {what}, more than the "
            + $"{InMebi(allowed)} {why}. If you trust the file, raise {nameof(SessionOptions.MemoryLimit)}, or --memory-limit of the tool, "
            + $"to {InMebi(weightBytes + activationBytes)} or more.");
    }

    /// <summary>Bytes of a graph's filters as float32, of which no algorithm needs fewer.</summary>
    public static long FilterBytes(Graph graph)
    {
        long count = 0;
        foreach (Node node in graph.Nodes)
        {
            if (node is EpilogueNode { Filter: { } filter }) count += filter.Count;
        }
        return count * sizeof(float);
    }

    /// <summary>Bytes of a plan's activations on the device and on their way to it, with the workspace that its steps share.</summary>
    public static long ActivationBytes(ExecutionPlan plan, long workspaceLength, long stagingLength) =>
        sizeof(float) * (plan.ArenaLength + workspaceLength + stagingLength);

    private static string InMebi(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{Math.Ceiling(bytes / Mebi):F0} MiB");
}
