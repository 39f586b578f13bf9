namespace IlgpuResNet.Execution;

/// <summary>What an <see cref="InferenceSession"/> is built for; fixed for its life.</summary>
public sealed record SessionOptions
{
    /// <summary>The most images one run takes. Activation memory grows with it.</summary>
    public int MaxBatch { get; init; } = 1;

    /// <summary>Height of the network's input in pixels, or null for the crop of the model's preset.</summary>
    public int? Height { get; init; }

    /// <summary>Width of the network's input in pixels, or null for the crop of the model's preset.</summary>
    public int? Width { get; init; }
}
