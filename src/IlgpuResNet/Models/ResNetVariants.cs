using System.Collections.Immutable;

namespace IlgpuResNet.Models;

/// <summary>Names of <see cref="ResNetVariant"/> in metadata and on command lines.</summary>
internal static class ResNetVariants
{
    private static readonly ImmutableArray<(string Name, ResNetVariant Variant)> All =
        [("v1.5", ResNetVariant.V15), ("v1", ResNetVariant.V1), ("note", ResNetVariant.Note)];

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
}
