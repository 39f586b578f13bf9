namespace IlgpuResNet.Weights;

/// <summary>Ways in which libraries name a ResNet's tensors.</summary>
internal enum NameScheme
{
    /// <summary>torchvision's, and those that differ from it in a few words.</summary>
    Torchvision,

    /// <summary>Hugging Face's <c>ResNetModel</c>.</summary>
    HuggingFace,

    /// <summary>timm's <c>ResNetV2</c>.</summary>
    TimmV2,

    /// <summary>Numbers: <c>nn.Sequential(*model.children())</c> of a torchvision ResNet, as fastai and many scripts make it.</summary>
    Children,
}

/// <summary>Finds and translates the names of each <see cref="NameScheme"/>.</summary>
internal static class NameSchemes
{
    private const string ChildrenStem = "0.weight";

    /// <summary>A tensor of the first block that every ResNet of a scheme has.</summary>
    private static readonly (string Marker, NameScheme Scheme)[] Markers =
    [
        ("layer1.0.conv1.weight", NameScheme.Torchvision),
        ("encoder.stages.0.layers.0.layer.0.convolution.weight", NameScheme.HuggingFace),
        ("stages.0.blocks.0.conv1.weight", NameScheme.TimmV2),
        ("4.0.conv1.weight", NameScheme.Children),
    ];

    /// <summary>Translations of a part of a torchvision-like name, after the network's prefix.</summary>
    private static readonly (string From, string To)[] Words =
    [
        // Pretrained-models' SE networks have a module around the stem.
        ("layer0.", ""),
        // OpenMMLab's deep stem.
        ("stem.0.", "conv1.0."), ("stem.1.", "conv1.1."), ("stem.3.", "conv1.3."), ("stem.4.", "conv1.4."), ("stem.6.", "conv1.6."),
        ("stem.7.", "bn1."),
    ];

    /// <summary>Returns the scheme of which a name is the marker, and the length of the prefix before it; null for other names.</summary>
    public static (NameScheme Scheme, int Prefix)? Recognise(string name)
    {
        foreach ((string marker, NameScheme scheme) in Markers)
        {
            if (!name.EndsWith(marker, StringComparison.Ordinal)) continue;
            int prefix = name.Length - marker.Length;
            if (prefix == 0 || name[prefix - 1] == '.') return (scheme, prefix);
        }
        return null;
    }

    /// <summary>Name of the stem's filter in a scheme, where the first block alone does not identify it; null for the others.</summary>
    public static string? Witness(NameScheme scheme) => scheme is NameScheme.Children ? ChildrenStem : null;

    /// <summary>Translates a name, without the network's prefix, into torchvision's; null for a tensor outside the trunk.</summary>
    public static string? Trunk(NameScheme scheme, string name)
    {
        string own = scheme switch
        {
            NameScheme.HuggingFace => ParameterNames.FromHuggingFace(name),
            NameScheme.TimmV2 => ParameterNames.FromTimm(name),
            NameScheme.Children => FromChildren(name),
            _ => FromTorchvisionLike(name),
        };
        return IsTrunk(own) ? own : null;
    }

    private static string FromTorchvisionLike(string name)
    {
        foreach ((string from, string to) in Words)
        {
            if (name.StartsWith(from, StringComparison.Ordinal)) return to + name[from.Length..];
        }
        if (!name.StartsWith("layer", StringComparison.Ordinal)) return name;
        return name.Replace(".shortcut.", ".downsample.", StringComparison.Ordinal)
            .Replace(".se_module.", ".se.", StringComparison.Ordinal);
    }

    private static string FromChildren(string name)
    {
        int dot = name.IndexOf('.', StringComparison.Ordinal);
        if (dot != 1) return name;
        return name[0] switch
        {
            '0' => "conv1" + name[1..],
            '1' => "bn1" + name[1..],
            >= '4' and <= '7' => $"layer{name[0] - '3'}{name[1..]}",
            _ => name,
        };
    }

    /// <summary>
    /// True for names of the trunk. A second stem convolution and attention are counted in, since a network with them computes something
    /// else; then the check of its tensors names them.
    /// </summary>
    private static bool IsTrunk(string name)
    {
        int dot = name.IndexOf('.', StringComparison.Ordinal);
        ReadOnlySpan<char> module = dot < 0 ? name : name.AsSpan(0, dot);
        return Numbered(module, "layer") || Numbered(module, "conv") || Numbered(module, "bn") || module is "bn"
            || module.Contains("attn", StringComparison.Ordinal) || module.Contains("attention", StringComparison.OrdinalIgnoreCase);

        static bool Numbered(ReadOnlySpan<char> module, string word) =>
            module.StartsWith(word, StringComparison.Ordinal) && module.Length > word.Length
            && !module[word.Length..].ContainsAnyExceptInRange('0', '9');
    }
}
