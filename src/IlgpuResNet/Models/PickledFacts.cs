using IlgpuResNet.Weights;

namespace IlgpuResNet.Models;

/// <summary>
/// Applies what pickled modules say about strides, dilation and epsilons, which the names and shapes of tensors do not tell.
/// </summary>
internal static class PickledFacts
{
    /// <summary>Changes a configuration to what the modules say.</summary>
    /// <param name="weights">Weights that may have modules.</param>
    /// <param name="config">What names, shapes and metadata say.</param>
    /// <param name="keepVariant">True when the user asked for a variant, which comes first.</param>
    public static ResNetConfig Apply(StateDict weights, ResNetConfig config, bool keepVariant)
    {
        if (weights.Modules.Count == 0) return config;
        if ((Of("bn1") ?? Of("bn"))?.Epsilon is { } epsilon) config = config with { BatchNormEpsilon = epsilon };
        if (config.Block is not ResNetBlock.Bottleneck || keepVariant) return config;
        int stages = config.Depths.Length;
        if (Enumerable.Range(1, stages - 1).Any(stage => Stride(stage, "conv1") == 2))
            config = config with { StridePlacement = StridePlacement.FirstConv1x1 };
        bool[] dilated = [.. Enumerable.Range(1, stages - 1).Select(stage => Stride(stage, "conv1") == 1 && Stride(stage, "conv2") == 1)];
        return dilated.Contains(true) ? config with { ReplaceStrideWithDilation = [.. dilated] } : config;

        ModuleFacts? Of(string path) => weights.Modules.GetValueOrDefault($"{path}.");

        int? Stride(int stage, string conv) => Of($"layer{stage + 1}.0.{conv}")?.Stride;
    }
}
