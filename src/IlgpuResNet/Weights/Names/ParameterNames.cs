using System.Text.RegularExpressions;

namespace IlgpuResNet.Weights;

/// <summary>Translates the tensor names of other libraries' ResNets into torchvision's.</summary>
internal static partial class ParameterNames
{
    /// <summary>Prefix that <c>torch.nn.DataParallel</c> puts before every name.</summary>
    private const string DataParallelPrefix = "module.";

    /// <summary>
    /// Name of the counter that <c>torch.optim.swa_utils.AveragedModel</c> stores beside the network's tensors, whose names get the prefix
    /// of DataParallel.
    /// </summary>
    public const string AveragedCounter = "n_averaged";

    /// <summary>Translates the names of one file, in order.</summary>
    public static IReadOnlyList<string> ToTorchvision(IReadOnlyList<string> names)
    {
        bool parallel = names.Count > 0 && names.All(name => name is AveragedCounter || IsParallel(name));
        string[] own = [.. names.Select(name => FromHuggingFace(parallel && IsParallel(name) ? name[DataParallelPrefix.Length..] : name))];
        // timm's other networks also have a head and a norm with these names, so a block must identify a ResNetV2.
        return own.Any(TimmBlock().IsMatch) ? [.. own.Select(FromTimm)] : own;
    }

    private static bool IsParallel(string name) => name.StartsWith(DataParallelPrefix, StringComparison.Ordinal);

    /// <summary>
    /// Translates a name of Hugging Face's <c>ResNetForImageClassification</c>, such as <c>microsoft/resnet-50</c>; returns any other name
    /// unchanged.
    /// </summary>
    public static string FromHuggingFace(string name)
    {
        if (Stem().Match(name) is { Success: true } stem)
            return $"{(stem.Groups["op"].ValueSpan is "convolution" ? "conv1" : "bn1")}.{stem.Groups["rest"].Value}";
        if (Classifier().Match(name) is { Success: true } classifier)
            return $"fc.{classifier.Groups["rest"].Value}";
        if (Block().Match(name) is not { Success: true } block) return name;

        bool convolution = block.Groups["op"].ValueSpan is "convolution";
        int stage = int.Parse(block.Groups["stage"].ValueSpan) + 1;
        string path = block.Groups["layer"] is { Success: true } layer
            ? $"{(convolution ? "conv" : "bn")}{int.Parse(layer.ValueSpan) + 1}"
            : $"downsample.{(convolution ? 0 : 1)}";
        return $"layer{stage}.{block.Groups["block"].Value}.{path}.{block.Groups["rest"].Value}";
    }

    /// <summary>
    /// Translates a name of timm's <c>ResNetV2</c>, such as <c>resnetv2_50</c>, whose last norm is called <c>bn</c> here; returns any other
    /// name unchanged.
    /// </summary>
    public static string FromTimm(string name)
    {
        if (TimmModule().Match(name) is { Success: true } module)
        {
            string path = module.Groups["path"].Value switch { "stem.conv" => "conv1", "norm" => "bn", _ => "fc" };
            return $"{path}.{module.Groups["rest"].Value}";
        }
        if (TimmBlock().Match(name) is not { Success: true } block) return name;
        string inner = block.Groups["op"].Value switch
        {
            "conv" => $"conv{block.Groups["index"].Value}",
            "norm" => $"bn{block.Groups["index"].Value}",
            _ => "downsample.0",
        };
        return $"layer{int.Parse(block.Groups["stage"].ValueSpan) + 1}.{block.Groups["block"].Value}.{inner}.{block.Groups["rest"].Value}";
    }

    [GeneratedRegex(@"^(?<path>stem\.conv|norm|head\.fc)\.(?<rest>[a-z_]+)\z", RegexOptions.ExplicitCapture)]
    private static partial Regex TimmModule();

    [GeneratedRegex(
        @"^stages\.(?<stage>[0-9]{1,3})\.blocks\.(?<block>[0-9]{1,3})\."
        + @"((?<op>conv|norm)(?<index>[1-3])|downsample\.conv)\.(?<rest>[a-z_]+)\z",
        RegexOptions.ExplicitCapture)]
    private static partial Regex TimmBlock();

    [GeneratedRegex(@"^(resnet\.)?embedder\.embedder\.(?<op>convolution|normalization)\.(?<rest>[a-z_]+)\z", RegexOptions.ExplicitCapture)]
    private static partial Regex Stem();

    [GeneratedRegex(@"^classifier\.1\.(?<rest>weight|bias)\z", RegexOptions.ExplicitCapture)]
    private static partial Regex Classifier();

    [GeneratedRegex(
        @"^(resnet\.)?encoder\.stages\.(?<stage>[0-9]{1,3})\.layers\.(?<block>[0-9]{1,3})\."
        + @"(shortcut|layer\.(?<layer>[0-2]))\.(?<op>convolution|normalization)\.(?<rest>[a-z_]+)\z",
        RegexOptions.ExplicitCapture)]
    private static partial Regex Block();
}
