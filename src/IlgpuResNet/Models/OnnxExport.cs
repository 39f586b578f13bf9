using System.Collections.Immutable;
using IlgpuResNet.Graphs;
using IlgpuResNet.Models;
using IlgpuResNet.Onnx;
using IlgpuResNet.Weights;

namespace IlgpuResNet;

/// <summary>Writes networks as ONNX models for other engines.</summary>
public static class OnnxExport
{
    /// <summary>
    /// Writes a ResNet: opset 17, input <c>input</c> <c>[N, C, H, W]</c>, output <c>logits</c> <c>[N, classes]</c>, both float32, with any
    /// batch N. Weights keep their element type and the graph casts them to float32. Names are those of the state dict and its modules; the
    /// metadata has the entries of a safetensors file. The model is written to a temporary file and renamed when it is complete, so an
    /// existing file is replaced as a whole or not at all.
    /// </summary>
    /// <param name="model">The network.</param>
    /// <param name="path">The file to make or replace.</param>
    /// <param name="options">How to write it, or null for the defaults.</param>
    /// <exception cref="WeightsException">The file cannot be written, or would pass the 2 GiB of a protobuf file.</exception>
    /// <exception cref="ResNetException">The preset makes no input, or a class has no name.</exception>
    /// <exception cref="GraphException">The network does not fit an image of the size asked for.</exception>
    /// <exception cref="ObjectDisposedException">The network was disposed.</exception>
    public static void Save(ResNet model, string path, OnnxExportOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentException.ThrowIfNullOrEmpty(path);
        model.ThrowIfDisposed();
        options ??= new OnnxExportOptions();
        Graph graph = ResNetGraph.Build(model.Config, model.Weights);
        ImmutableArray<string> outputs = options.Probabilities
            ? [ResNetGraph.LogitsName, ResNetGraph.ProbabilitiesName]
            : [ResNetGraph.LogitsName];
        int height = options.Height ?? model.Preset.InputHeight, width = options.Width ?? model.Preset.InputWidth;
        // A file for one size says how images get that size.
        ResNet written = options.DynamicSize || height < 1 || width < 1
            ? model
            : model.WithPreset(model.Preset.ForInput(height, width));
        OnnxModelToWrite onnx = OnnxExporter.Export(
            graph with { Outputs = outputs }, options with { Height = height, Width = width }, ModelMetadata.Of(written));
        WeightsFileWriter.Write(path, stream => OnnxWriter.Write(stream, onnx));
    }
}
