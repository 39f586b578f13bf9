using System.Collections.Immutable;
using System.Text.Json;
using IlgpuResNet.Files;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Models;

/// <summary>
/// Content of the configuration files beside weights: <c>config.json</c> of timm and of Hugging Face, and the latter's
/// <c>preprocessor_config.json</c>. Files of other kinds of network say nothing.
/// </summary>
/// <param name="Preset">How images are prepared; null where the files do not say.</param>
/// <param name="ClassNames">Name of each class; null where the files have none.</param>
/// <param name="Variant">How blocks are computed; null where the files do not say.</param>
internal sealed record HubConfig(ImagePreset? Preset, ImmutableArray<string>? ClassNames, ResNetVariant? Variant)
{
    private const string What = "the configuration beside the weights";

    private static readonly HubConfig None = new(null, null, null);

    /// <summary>Reads the configuration files of a weights file.</summary>
    /// <param name="weights">The file of weights, or the index of several.</param>
    /// <param name="withPreset">False where the preset is known, so that a wrong one does no harm.</param>
    /// <exception cref="WeightsException">A file is not JSON, or has a value that is wrong or not supported.</exception>
    public static HubConfig Beside(string weights, bool withPreset)
    {
        if (WeightsLocation.HubFolder(weights) is not { } folder) return None;
        string configPath = Path.Combine(folder, "config.json"), processorPath = Path.Combine(folder, "preprocessor_config.json");
        using JsonDocument? config = JsonFile.Read(configPath, What), processor = JsonFile.Read(processorPath, What);
        ConfigObject? network = Root(config, configPath), images = Root(processor, processorPath);
        if (network is { } timm && TimmConfig.IsFor(timm))
            return new HubConfig(withPreset ? TimmConfig.Preset(timm) : null, TimmConfig.ClassNames(timm), null);
        if (network is { } other && !HuggingFaceConfig.IsFor(other)) return None;
        return new HubConfig(
            withPreset && images is { } given ? HuggingFaceConfig.Preset(given) : null,
            network is { } named ? HuggingFaceConfig.ClassNames(named) : null,
            network is { } computed ? HuggingFaceConfig.Variant(computed) : null);
    }

    /// <summary>The class names, where they are as many as the network has classes.</summary>
    public ImmutableArray<string>? NamesFor(int classes) => ClassNames is { } names && names.Length == classes ? names : null;

    private static ConfigObject? Root(JsonDocument? json, string path) =>
        json?.RootElement is { ValueKind: JsonValueKind.Object } root ? new ConfigObject(path, root) : null;
}
