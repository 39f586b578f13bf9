using System.CommandLine;

namespace IlgpuResNet.Cli.Commands;

/// <summary><c>convert</c>: weights from one file format to another, by <see cref="WeightsConverter"/>.</summary>
internal static class ConvertCommand
{
    private const string OnnxExtension = ".onnx";

    public static Command Create(ToolConsole console)
    {
        var input = new Argument<string>("in")
        {
            Description = "Weights or model: .pth, .safetensors or .onnx, told by content; "
                + "or a name of 'ilgpu-resnet download', such as resnet50:IMAGENET1K_V2.",
        };
        string endings = $"{string.Join(", ", WeightsConverter.Extensions[..^1])} or {WeightsConverter.Extensions[^1]}";
        var output = new Argument<string>("out") { Description = $"File to write: {endings}; told by name." };
        var variant = new Option<string?>("--variant")
        {
            Description = $"How blocks are computed: {string.Join(", ", ResNetVariants.Names)}. "
                + "Default: what the file says, else v2 or v1.5 by its tensors.",
            HelpName = "NAME",
        };
        var fold = new Option<bool>("--fold") { Description = "ONNX: fold batch norms into the convolutions before them." };
        var dynamicSize = new Option<bool>("--dynamic-size")
        {
            Description = "ONNX: take images of any size, not the preset's crop alone.",
        };
        var command = new Command(
            "convert", "Converts between .pth, .safetensors and ONNX without loss; only ONNX has no num_batches_tracked, .pth no metadata.")
        {
            input, output, variant, fold, dynamicSize,
        };
        var presets = new PresetOptions();
        presets.AddTo(command);
        var named = new NamedWeightsOptions(console);
        named.AddTo(command);
        input.RequirePaths();
        output.RequirePaths();
        variant.RequireOneOf(ResNetVariants.Names);
        command.Validators.Add(result =>
        {
            if (result.GetResult(output) is not { Tokens: [{ Value: { Length: > 0 } path }] }) return;
            string extension = Path.GetExtension(path).ToLowerInvariant();
            if (!WeightsConverter.Extensions.Contains(extension))
                result.AddError($"'{output.Name}' must end in {endings}, but is '{path}'");
            foreach (Option option in new Option[] { fold, dynamicSize })
            {
                if (result.GetResult(option) is not null && extension != OnnxExtension)
                    result.AddError($"{option.Name} has a meaning for ONNX files alone, but '{output.Name}' is '{path}'");
            }
            if (result.GetResult(variant) is not null && extension is ".pth" or ".pt")
                result.AddError($"{variant.Name} cannot be written to a .pth file, which has no metadata");
            foreach (Option option in presets.All)
            {
                if (result.GetResult(option) is not null && extension is ".pth" or ".pt")
                    result.AddError($"{option.Name} cannot be written to a .pth file, which has no metadata");
            }
        });
        command.SetCancellableAction((result, cancellation) =>
        {
            string given = result.GetValue(input)!, path = result.GetValue(output)!;
            OutputFile.Check(path, "the weights", named.PathOf(given, result));
            IReadOnlyList<string> warnings = WeightsConverter.Convert(
                named.Resolve(given, result, cancellation),
                path,
                ResNetVariants.Parse(result.GetValue(variant)),
                new OnnxExportOptions { FoldBatchNorms = result.GetValue(fold), DynamicSize = result.GetValue(dynamicSize) },
                presets.Change(result) ? own => presets.Apply(result, own) : null,
                cancellation);
            foreach (string warning in warnings) console.Warning(warning);
        });
        return command;
    }
}
