namespace IlgpuResNet.Bench.Engines;

/// <summary>An engine with a network loaded and a batch of images at hand.</summary>
internal interface IEngine : IDisposable
{
    /// <summary>Scores of the last run, <c>[N, classes]</c>.</summary>
    float[] Logits { get; }

    /// <summary>One inference: images <c>[N, C, H, W]</c> in, logits out.</summary>
    void Run();
}
