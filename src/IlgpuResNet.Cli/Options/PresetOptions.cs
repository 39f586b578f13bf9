using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;

namespace IlgpuResNet.Cli;

/// <summary>The options for how images are prepared: a preset by name, and each of its parts.</summary>
internal sealed class PresetOptions
{
    private const int LargestSide = 1 << 14;

    private static readonly ImmutableDictionary<string, ImagePreset> Presets = new Dictionary<string, ImagePreset>
    {
        ["imagenet-v1"] = ImagePreset.ImageNet1KV1,
        ["imagenet-v2"] = ImagePreset.ImageNet1KV2,
        ["keras-caffe"] = ImagePreset.KerasCaffe,
        ["keras-tf"] = ImagePreset.KerasTf,
        ["keras-torch"] = ImagePreset.KerasTorch,
    }.ToImmutableDictionary();

    private static readonly string[] Filters = [.. Enum.GetNames<Interpolation>().Select(name => name.ToLowerInvariant())];
    private static readonly string[] Orders = [.. Enum.GetNames<ChannelOrder>().Select(name => name.ToLowerInvariant())];

    private readonly Option<string?> preset = new("--preset")
    {
        Description = $"How images are prepared: {string.Join(", ", Presets.Keys.Order(StringComparer.Ordinal))}. "
            + "Default: what the file or a config beside it says, or the name that torchvision gave it, else imagenet-v1.",
        HelpName = "NAME",
    };

    private readonly Option<string?> resize = new("--resize")
    {
        Description = "Pixels of the shorter side after the resize, or a size that images are stretched to. Default: the preset's.",
        HelpName = "N|HxW",
    };

    private readonly Option<string?> crop = new("--crop")
    {
        Description = "Size of the centre crop, which is the network's input. Default: the preset's.",
        HelpName = "N|HxW",
    };

    private readonly Option<string?> interpolation = new("--interpolation")
    {
        Description = $"Filter of the resize, as Pillow's: {string.Join(", ", Filters)}. Default: the preset's.",
        HelpName = "NAME",
    };

    private readonly Option<string?> mean = new("--mean")
    {
        Description = "Mean of red, green and blue, in that order even for bgr, or one number for all. Default: the preset's.",
        HelpName = "R,G,B",
    };

    private readonly Option<string?> std = new("--std")
    {
        Description = "Standard deviation of red, green and blue, in that order even for bgr, or one number. Default: the preset's.",
        HelpName = "R,G,B",
    };

    private readonly Option<string?> channels = new("--channels")
    {
        Description = "Order of the network's channels: rgb or bgr. Default: the preset's.",
        HelpName = "rgb|bgr",
    };

    private readonly Option<string?> scale = new("--scale")
    {
        Description = "Factor of bytes before the mean is subtracted, such as 1/255 or 1. Default: the preset's.",
        HelpName = "NUMBER",
    };

    public PresetOptions()
    {
        preset.RequireOneOf([.. Presets.Keys.Order(StringComparer.Ordinal)]);
        interpolation.RequireOneOf(Filters);
        channels.RequireOneOf(Orders);
        Require(resize, text => Size(text) is not null, $"a whole number of pixels from 1 to {LargestSide}, or two as in 256x256");
        Require(crop, text => Size(text) is not null, $"a whole number of pixels from 1 to {LargestSide}, or two as in 224x224");
        Require(mean, text => Numbers(text) is not null, "three numbers as in 0.485,0.456,0.406, or one");
        Require(std, text => Numbers(text) is { R: > 0, G: > 0, B: > 0 }, "three positive numbers, or one");
        Require(scale, text => Factor(text) is not null, "a positive number or fraction, such as 1/255 or 1");
    }

    /// <summary>All options.</summary>
    public IReadOnlyList<Option> All => [preset, resize, crop, interpolation, mean, std, channels, scale];

    public void AddTo(Command command)
    {
        foreach (Option option in All) command.Add(option);
    }

    /// <summary>The preset asked for by name, or null.</summary>
    public ImagePreset? Named(ParseResult result) => result.GetValue(preset) is { } name ? Presets[name] : null;

    /// <summary>True where an option changes the preset.</summary>
    public bool Change(ParseResult result) => All.Any(option => result.GetResult(option) is not null);

    /// <summary>A preset with the parts that the command line asks for.</summary>
    /// <param name="result">The command line.</param>
    /// <param name="own">The preset to change; one that is asked for by name takes its place.</param>
    public ImagePreset Apply(ParseResult result, ImagePreset own)
    {
        ImagePreset changed = Named(result) ?? own;
        if (Size(result.GetValue(crop)) is (var cropHeight, var cropWidth))
            changed = changed with { CropSize = cropHeight, CropWidth = cropWidth == cropHeight ? null : cropWidth };
        if (Size(result.GetValue(resize)) is (var height, var width)) changed = changed with { ResizeSize = height, ResizeWidth = width };
        if (result.GetValue(interpolation) is { } filter)
            changed = changed with { Interpolation = Enum.Parse<Interpolation>(filter, ignoreCase: true) };
        if (Numbers(result.GetValue(mean)) is { } means) changed = changed with { Mean = means };
        if (Numbers(result.GetValue(std)) is { } deviations) changed = changed with { Std = deviations };
        if (result.GetValue(channels) is { } order)
            changed = changed with { Channels = Enum.Parse<ChannelOrder>(order, ignoreCase: true) };
        if (Factor(result.GetValue(scale)) is { } factor) changed = changed with { Scale = factor };
        return changed;
    }

    private static void Require(Option<string?> option, Func<string, bool> isValid, string expected) => option.Validators.Add(result =>
    {
        if (result.Tokens is [.., var token] && !isValid(token.Value))
            result.AddError($"{option.Name} must be {expected}, but is '{token.Value}'");
    });

    /// <summary>A side, or height and width; null for any other text.</summary>
    private static (int Height, int? Width)? Size(string? text)
    {
        if (text?.Split('x') is not { Length: 1 or 2 } parts) return null;
        int[] sides = [.. parts.Select(part => int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out int n) ? n : 0)];
        return Array.TrueForAll(sides, side => side is >= 1 and <= LargestSide) ? (sides[0], sides is [_, var width] ? width : null) : null;
    }

    /// <summary>A number for each colour; null for any other text.</summary>
    private static (float R, float G, float B)? Numbers(string? text)
    {
        if (text?.Split(',') is not { Length: 1 or 3 } parts) return null;
        float[] numbers = [.. parts.Select(part =>
            float.TryParse(part, NumberStyles.Float, CultureInfo.InvariantCulture, out float n) ? n : float.NaN)];
        return Array.TrueForAll(numbers, float.IsFinite) ? (numbers[0], numbers[numbers.Length / 2], numbers[^1]) : null;
    }

    /// <summary>A positive number or a fraction of two; null for any other text.</summary>
    private static double? Factor(string? text)
    {
        if (text?.Split('/') is not { Length: 1 or 2 } parts) return null;
        double[] numbers = [.. parts.Select(part =>
            double.TryParse(part, NumberStyles.Float, CultureInfo.InvariantCulture, out double n) ? n : double.NaN)];
        double factor = numbers is [var numerator, var denominator] ? numerator / denominator : numbers[0];
        return factor > 0 && double.IsFinite(factor) ? factor : null;
    }
}
