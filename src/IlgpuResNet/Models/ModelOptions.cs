namespace IlgpuResNet;

/// <summary>Options of <see cref="Model.Load(string, ModelOptions)"/>; null leaves a choice to the file.</summary>
public sealed record ModelOptions
{
    /// <summary>
    /// How the blocks of a weights file are computed, or null for the variant in the metadata, else v2 or v1.5, as the tensors tell.
    /// </summary>
    public ResNetVariant? Variant { get; init; }

    /// <summary>How images are prepared, or null for the file's preset, else the V1 preset.</summary>
    public ImagePreset? Preset { get; init; }

    /// <summary>
    /// Which of several networks in a checkpoint: the name of its entry, such as <c>state_dict_ema</c>, or the prefix of its tensors'
    /// names, such as <c>encoder_k</c>; null for the one that training scripts usually mean.
    /// </summary>
    public string? Key { get; init; }
}
