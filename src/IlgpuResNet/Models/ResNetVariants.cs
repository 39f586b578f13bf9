using System.Collections.Immutable;

namespace IlgpuResNet;

/// <summary>
/// Variants of ResNet that compute differently with weights of the same shapes. Tensor names and shapes do not tell the first three apart;
/// <see cref="V2"/> has other names, so it need not be stated, and no other variant fits its tensors.
/// </summary>
public enum ResNetVariant
{
    /// <summary>Stride on the 3x3 of a bottleneck: torchvision's "v1.5".</summary>
    V15,

    /// <summary>Stride on the first 1x1 (He et al. 2015).</summary>
    V1,

    /// <summary>
    /// As <see cref="V1"/>, with a ReLU also before the residual add and a fixed 7x7 average pool. Source: the PyTorch note that rebuilds
    /// ResNet-50 and that this library started from.
    /// </summary>
    V1ReluBeforeAdd,

    /// <summary>Batch norm and ReLU before each convolution (He et al. 2016, arXiv:1603.05027); stride on a bottleneck's 3x3.</summary>
    V2,
}

/// <summary>
/// Names of <see cref="ResNetVariant"/> in metadata and on command lines: <c>v1.5</c>, <c>v1</c>, <c>v1-relu-before-add</c> and <c>v2</c>.
/// </summary>
public static class ResNetVariants
{
    private static readonly ImmutableArray<(string Name, ResNetVariant Variant)> All =
    [
        ("v1.5", ResNetVariant.V15),
        ("v1", ResNetVariant.V1),
        ("v1-relu-before-add", ResNetVariant.V1ReluBeforeAdd),
        ("v2", ResNetVariant.V2),
    ];

    /// <summary>All names.</summary>
    public static ImmutableArray<string> Names { get; } = [.. All.Select(entry => entry.Name)];

    /// <summary>Finds a variant by name; null when the name is none of <see cref="Names"/>.</summary>
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

    /// <summary>Changes a configuration to compute as a variant does.</summary>
    internal static ResNetConfig Apply(ResNetConfig config, ResNetVariant variant) => config with
    {
        StridePlacement = variant is ResNetVariant.V1 or ResNetVariant.V1ReluBeforeAdd
            ? StridePlacement.FirstConv1x1
            : StridePlacement.Conv3x3,
        ReluBeforeAdd = variant is ResNetVariant.V1ReluBeforeAdd,
        FixedPool = variant is ResNetVariant.V1ReluBeforeAdd ? ResNetConfig.ResNet50V1ReluBeforeAdd.FixedPool : null,
        PreActivation = variant is ResNetVariant.V2,
    };

    /// <summary>Finds the variant that a configuration computes as; null when there is none.</summary>
    internal static ResNetVariant? Of(ResNetConfig config)
    {
        foreach ((_, ResNetVariant variant) in All)
        {
            ResNetConfig computed = Apply(config, variant);
            // In a basic block only the first convolution can have the stride.
            if (config.Block == ResNetBlock.Basic) computed = computed with { StridePlacement = config.StridePlacement };
            if (computed == config) return variant;
        }
        return null;
    }
}
