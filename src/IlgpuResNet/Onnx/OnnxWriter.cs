using System.Collections.Immutable;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Onnx;

/// <summary>What <see cref="OnnxWriter"/> writes.</summary>
/// <param name="GraphName">Name of the graph; not empty.</param>
/// <param name="Opset">Version of ONNX's own operators.</param>
/// <param name="Nodes">In topological order.</param>
/// <param name="Initializers">Written in order, each in its own element type.</param>
/// <param name="Inputs">Inputs, without the initializers.</param>
/// <param name="Outputs">Outputs.</param>
/// <param name="Metadata">Free text by key.</param>
internal sealed record OnnxModelToWrite(
    string GraphName,
    long Opset,
    ImmutableArray<OnnxNode> Nodes,
    ImmutableArray<StateTensor> Initializers,
    ImmutableArray<OnnxValue> Inputs,
    ImmutableArray<OnnxValue> Outputs,
    IReadOnlyDictionary<string, string> Metadata);

/// <summary>Writes ONNX models; weights are copied through in pieces.</summary>
internal static class OnnxWriter
{
    /// <summary>IR version of what is written.</summary>
    public const long IrVersion = 8;

    /// <summary>Writes a model.</summary>
    /// <exception cref="WeightsException">The model is larger than a protobuf file may be.</exception>
    /// <exception cref="IOException">The stream cannot be written.</exception>
    public static void Write(Stream stream, OnnxModelToWrite model) => throw new WeightsException($"{model.GraphName}: cannot be written yet.");
}
