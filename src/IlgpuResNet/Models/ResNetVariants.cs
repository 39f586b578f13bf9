using System.Collections.Immutable;

namespace IlgpuResNet;

/// <summary>
/// The ways a ResNet of given shapes is computed. Tensor names and shapes cannot tell the first three apart; a
/// <see cref="V2"/> has names of its own, so it need not be stated and nothing else fits its tensors.
/// </summary>
public enum ResNetVariant
{
    /// <summary>Stride on the 3x3 of a bottleneck: torchvision's, "v1.5".</summary>
    V15,

    /// <summary>Stride on the first 1x1 (He et al. 2015).</summary>
    V1,

    /// <summary>As <see cref="V1"/>, with a ReLU also before the residual add and a fixed 7x7 average pool.</summary>
    Note,

    /// <summary>Batch norm and ReLU before each convolution (He et al. 2016, arXiv:1603.05027), stride on the 3x3 of a bottleneck.</summary>
    V2,
}

/// <summary>Names of <see cref="ResNetVariant"/> in metadata and on command lines: <c>v1.5</c>, <c>v1</c>, <c>note</c> and <c>v2</c>.</summary>
public static class ResNetVariants
{
    private static readonly ImmutableArray<(string Name, ResNetVariant Variant)> All =
        [("v1.5", ResNetVariant.V15), ("v1", ResNetVariant.V1), ("note", ResNetVariant.Note), ("v2", ResNetVariant.V2)];

    /// <summary>All names.</summary>
    public static ImmutableArray<string> Names { get; } = [.. All.Select(entry => entry.Name)];

    /// <summary>The variant of a name, or null for none of <see cref="Names"/>.</summary>
    public static ResNetVariant? Parse(string? name)
    {
        foreach ((string known, ResNetVariant variant) in All)
        {
            if (known == name) return variant;
        }
        return null;
    }

    /// <summary>The name of a variant.</summary>
    public static string NameOf(ResNetVariant variant) => All.Single(entry => entry.Variant == variant).Name;

    /// <summary>A configuration computed in the way of a variant.</summary>
    internal static ResNetConfig Apply(ResNetConfig config, ResNetVariant variant) => config with
    {
        StridePlacement = variant is ResNetVariant.V1 or ResNetVariant.Note ? StridePlacement.FirstConv1x1 : StridePlacement.Conv3x3,
        ReluBeforeAdd = variant is ResNetVariant.Note,
        FixedPool = variant is ResNetVariant.Note ? ResNetConfig.ResNet50Note.FixedPool : null,
        PreActivation = variant is ResNetVariant.V2,
    };

    /// <summary>The variant in whose way a configuration is computed, or null for none.</summary>
    internal static ResNetVariant? Of(ResNetConfig config)
    {
        foreach ((_, ResNetVariant variant) in All)
        {
            ResNetConfig computed = Apply(config, variant);
            // In a basic block only the first convolution can carry the stride.
            if (config.Block == ResNetBlock.Basic) computed = computed with { StridePlacement = config.StridePlacement };
            if (computed == config) return variant;
        }
        return null;
    }
}
