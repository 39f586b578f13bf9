using System.CommandLine;
using IlgpuResNet.Files;
using IlgpuResNet.Models;
using IlgpuResNet.Onnx;
using IlgpuResNet.Weights;
using IlgpuResNet.Weights.Torch;

namespace IlgpuResNet.Cli.Commands;

/// <summary>
/// <c>convert</c>: weights from one file format to another. The input's format is told by its content, the output's by its name. No element
/// changes its value or type, but where batch norms are folded. ONNX keeps no <c>num_batches_tracked</c>: engines warn of tensors that no
/// node reads, and inference has no use for them.
/// </summary>
internal static class ConvertCommand
{
    private const string Onnx = ".onnx";
    private const string Safetensors = ".safetensors";

    private static readonly string[] TorchExtensions = [".pth", ".pt"];

    public static Command Create(ToolConsole console)
    {
        var input = new Argument<string>("in") { Description = "Weights or model: .pth, .safetensors or .onnx, told by content; or a name of 'ilgpu-resnet download', such as resnet50:IMAGENET1K_V2." };
        var output = new Argument<string>("out") { Description = "File to write: .pth, .pt, .safetensors or .onnx; told by name." };
        var variant = new Option<string?>("--variant") { Description = $"How blocks are computed: {string.Join(", ", ResNetVariants.Names)}. Default: what the file says, else v2 or v1.5 by its tensors.", HelpName = "NAME" };
        var fold = new Option<bool>("--fold") { Description = "ONNX: fold batch norms into the convolutions before them." };
        var dynamicSize = new Option<bool>("--dynamic-size") { Description = "ONNX: take images of any size, not the preset's crop alone." };
        var command = new Command("convert", "Converts between .pth, .safetensors and ONNX without loss; only ONNX has no num_batches_tracked, .pth no metadata.") { input, output, variant, fold, dynamicSize };
        var named = new NamedWeightsOptions(console);
        named.AddTo(command);
        input.RequirePaths();
        output.RequirePaths();
        variant.RequireOneOf(ResNetVariants.Names);
        command.Validators.Add(result =>
        {
            if (result.GetResult(output) is not { Tokens: [{ Value: { Length: > 0 } path }] }) return;
            if (!IsOnnxName(path) && !IsTorchName(path) && !HasExtension(path, Safetensors))
                result.AddError($"'{output.Name}' must end in .pth, .pt, {Safetensors} or {Onnx}, but is '{path}'");
            foreach (Option option in new Option[] { fold, dynamicSize })
            {
                if (result.GetResult(option) is not null && !IsOnnxName(path)) result.AddError($"{option.Name} has a meaning for ONNX files alone, but '{output.Name}' is '{path}'");
            }
            if (result.GetResult(variant) is not null && IsTorchName(path)) result.AddError($"{variant.Name} cannot be written to a .pth file, which has no metadata");
        });
        command.SetCancellableAction((result, cancellation) => Convert(
            console,
            named.Resolve(result.GetValue(input)!, result, cancellation),
            result.GetValue(output)!,
            result.GetValue(variant),
            new OnnxExportOptions { FoldBatchNorms = result.GetValue(fold), DynamicSize = result.GetValue(dynamicSize) },
            cancellation));
        return command;
    }

    private static void Convert(ToolConsole console, string input, string output, string? variant, OnnxExportOptions options, CancellationToken cancellation)
    {
        if (File.Exists(input) && InputFile.Resolve(input) == InputFile.Resolve(output))
            throw new ResNetException($"{output}: is the input too; give the output another name.");
        bool fromOnnx = OnnxModel.IsOnnx(input);
        using StateDict weights = fromOnnx ? OnnxStateDict.Load(input) : StateDict.Load(input);
        cancellation.ThrowIfCancellationRequested();
        if (IsOnnxName(output))
        {
            ResNetVariant? chosen = ResNetVariants.Parse(variant);
            OnnxExport.Save(fromOnnx ? OnnxResNet.Recognise(input, weights, chosen) : ResNet.FromWeights(weights, chosen), output, options);
            return;
        }
        // Not disposed: that would close the weights.
        ResNet? model = Recognise(fromOnnx ? input : null, weights, ResNetVariants.Parse(variant), out string reason);
        if (model is null && variant is not null) throw new WeightsException(reason);
        if (model is null && fromOnnx) console.Warning($"{output}: holds weights alone, which make no network of this library without the graph of the ONNX file ({reason.TrimEnd('.')}).");
        if (IsTorchName(output))
        {
            if (weights.Metadata.Count > 0)
                console.Warning($"{output}: a .pth file has no place for metadata, so this is left out: {string.Join(", ", weights.Metadata.Keys.Order(StringComparer.Ordinal).Select(FileText.Clean))}.");
            TorchZipWriter.Write(weights, output);
            return;
        }
        // What a reader of the input takes from the name of a file goes with the weights.
        weights.Save(output, model is null ? null : ModelMetadata.Of(model));
    }

    /// <summary>The network whose weights these are by names and shapes, and by its graph where there is one; or null and the reason.</summary>
    private static ResNet? Recognise(string? onnx, StateDict weights, ResNetVariant? variant, out string reason)
    {
        reason = "";
        try
        {
            return onnx is null ? ResNet.FromWeights(weights, variant) : OnnxResNet.Recognise(onnx, weights, variant);
        }
        catch (ResNetException e)
        {
            reason = e.Message;
            return null;
        }
    }

    private static bool IsOnnxName(string path) => HasExtension(path, Onnx);

    private static bool IsTorchName(string path) => TorchExtensions.Any(extension => HasExtension(path, extension));

    private static bool HasExtension(string path, string extension) => path.EndsWith(extension, StringComparison.OrdinalIgnoreCase);
}
