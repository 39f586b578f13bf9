using System.Collections.Immutable;
using IlgpuResNet.Files;
using IlgpuResNet.Models;
using IlgpuResNet.Onnx;
using IlgpuResNet.Weights;
using IlgpuResNet.Weights.Torch;

namespace IlgpuResNet;

/// <summary>
/// Converts weights from one file format to another: <c>.pth</c>, <c>.safetensors</c> and ONNX. The input's format is recognised by its
/// content, the output's by its name. No element changes its value or type, except where batch norms are folded. ONNX keeps no
/// <c>num_batches_tracked</c>, because engines warn of tensors that no node reads, and inference has no use for them; <c>.pth</c> keeps no
/// metadata.
/// </summary>
public static class WeightsConverter
{
    private const string Onnx = ".onnx";
    private const string Safetensors = ".safetensors";

    private static readonly ImmutableArray<string> TorchExtensions = [".pth", ".pt"];

    /// <summary>File name extensions of the formats that can be written, in lower case.</summary>
    public static ImmutableArray<string> Extensions { get; } = [.. TorchExtensions, Safetensors, Onnx];

    /// <summary>
    /// Converts a file. The output is written to a temporary file and renamed when it is complete, so an existing file is replaced as a
    /// whole or not at all. The preset that the input's file name means and <paramref name="variant"/> go into the output's metadata.
    /// </summary>
    /// <param name="input">Weights or model.</param>
    /// <param name="output">The file to make or replace; it must end in one of <see cref="Extensions"/>, in any case.</param>
    /// <param name="variant">
    /// How blocks are computed, or null for the variant in the file's metadata, else v2 or v1.5, as the tensors tell.
    /// </param>
    /// <param name="onnx">How to write an ONNX file, or null for the defaults.</param>
    /// <param name="preset">
    /// Changes how images are prepared: takes the input's preset and returns the output's; null to keep it.
    /// </param>
    /// <param name="cancellation">Ends the conversion after the input was opened.</param>
    /// <returns>Warnings of content that the output cannot hold, one line each; usually none.</returns>
    /// <exception cref="ArgumentException">The output's name has another ending.</exception>
    /// <exception cref="WeightsException">
    /// The input cannot be read or is damaged, the output cannot be written, or a network is needed and the weights make none.
    /// </exception>
    /// <exception cref="GraphException">
    /// The input is an ONNX model that cannot run here, or cannot be written for the size asked for.
    /// </exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static IReadOnlyList<string> Convert(
        string input,
        string output,
        ResNetVariant? variant = null,
        OnnxExportOptions? onnx = null,
        Func<ImagePreset, ImagePreset>? preset = null,
        CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(input);
        ArgumentException.ThrowIfNullOrEmpty(output);
        string extension = FileExtension.Require(output, Extensions, nameof(output));
        input = WeightsLocation.Resolve(input);
        bool fromOnnx = OnnxRecognition.IsModel(input);
        using StateDict weights = fromOnnx ? OnnxStateDict.Load(input) : StateDict.Load(input);
        cancellation.ThrowIfCancellationRequested();
        if (extension == Onnx)
        {
            ResNet network = fromOnnx ? OnnxResNet.Recognise(input, weights, variant) : ResNet.FromWeights(weights, variant);
            OnnxExport.Save(Prepared(network), output, onnx);
            return [];
        }
        // Not disposed: that would close the weights.
        ResNet? model = TryRecognise(fromOnnx ? input : null, weights, variant, out string reason);
        if (model is null && (variant is not null || preset is not null)) throw new WeightsException(reason);
        var warnings = new List<string>();
        if (model is null && fromOnnx)
        {
            warnings.Add(
                $"{output}: holds weights alone, which make no network of this library without the graph of the ONNX file "
                + $"({reason.TrimEnd('.')}).");
        }
        if (TorchExtensions.Contains(extension))
        {
            if (weights.Metadata.Count > 0)
            {
                string keys = string.Join(", ", weights.Metadata.Keys.Order(StringComparer.Ordinal).Select(FileText.Clean));
                warnings.Add($"{output}: a .pth file has no place for metadata, so this is left out: {keys}.");
            }
            TorchZipWriter.Write(weights, output);
        }
        else
        {
            weights.Save(output, model is null ? null : ModelMetadata.Of(Prepared(model)));
        }
        return warnings;

        ResNet Prepared(ResNet network) => preset is null ? network : network.WithPreset(preset(network.Preset));
    }

    /// <summary>The network that the weights make by names and shapes, and by the graph of an ONNX file; or null and the reason.</summary>
    private static ResNet? TryRecognise(string? onnx, StateDict weights, ResNetVariant? variant, out string reason)
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
}
