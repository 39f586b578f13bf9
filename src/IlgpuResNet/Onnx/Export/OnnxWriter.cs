using System.Collections.Immutable;
using Google.Protobuf;
using IlgpuResNet.Files;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Onnx;

/// <summary>Content of a model that <see cref="OnnxWriter"/> writes.</summary>
/// <param name="GraphName">Name of the graph; <c>onnx.checker</c> refuses an empty one.</param>
/// <param name="Opset">Version of ONNX's own operators.</param>
/// <param name="Nodes">Nodes in topological order.</param>
/// <param name="Initializers">Weights in the order of the file, each in its own element type.</param>
/// <param name="Inputs">Inputs of the graph, without the initializers.</param>
/// <param name="Outputs">Outputs of the graph.</param>
/// <param name="Metadata">Free text by key.</param>
internal sealed record OnnxModelToWrite(
    string GraphName,
    long Opset,
    ImmutableArray<OnnxNode> Nodes,
    ImmutableArray<StateTensor> Initializers,
    ImmutableArray<OnnxValue> Inputs,
    ImmutableArray<OnnxValue> Outputs,
    IReadOnlyDictionary<string, string> Metadata);

/// <summary>
/// Writes ONNX models byte for byte as ONNX's own Python package does: fields in the order of their numbers, repeated numbers not packed.
/// The messages around the weights are built in memory; the weights are copied from file to file in pieces.
/// </summary>
internal static class OnnxWriter
{
    /// <summary>IR version of the written model.</summary>
    public const long IrVersion = 8;

    /// <summary>Name of the producer in the written model.</summary>
    public const string Producer = "IlgpuResNet";

    /// <summary>Writes a model.</summary>
    /// <exception cref="WeightsException">The model is too large for protobuf, or has an attribute of an unsupported type.</exception>
    /// <exception cref="IOException">The stream cannot be written.</exception>
    public static void Write(Stream stream, OnnxModelToWrite model)
    {
        byte[] start = OnnxMessages.Message(output =>
        {
            output.WriteInt(ModelField.IrVersion, IrVersion);
            output.WriteText(ModelField.ProducerName, Producer);
        });
        byte[] end = OnnxMessages.Message(output =>
        {
            output.WriteMessage(ModelField.OpsetImport, OnnxMessages.Opset("", model.Opset));
            foreach ((string key, string value) in model.Metadata)
                output.WriteMessage(ModelField.MetadataProps, OnnxMessages.Entry(key, value));
        });
        byte[] graphStart = OnnxMessages.Message(output =>
        {
            foreach (OnnxNode node in model.Nodes) output.WriteMessage(GraphField.Node, OnnxMessages.Node(node));
            output.WriteText(GraphField.Name, model.GraphName);
        });
        byte[] graphEnd = OnnxMessages.Message(output =>
        {
            foreach (OnnxValue value in model.Inputs) output.WriteMessage(GraphField.Input, OnnxMessages.Value(value));
            foreach (OnnxValue value in model.Outputs) output.WriteMessage(GraphField.Output, OnnxMessages.Value(value));
        });
        (StateTensor Tensor, byte[] Start)[] initializers =
            [.. model.Initializers.Select(tensor => (tensor, OnnxMessages.TensorStart(tensor)))];

        long graphSize = (long)graphStart.Length + graphEnd.Length;
        foreach ((StateTensor tensor, byte[] tensorStart) in initializers)
            graphSize += OnnxMessages.FieldSize(GraphField.Initializer, tensorStart.Length + Bytes(tensor));
        CheckSize(model.GraphName, start.Length + OnnxMessages.FieldSize(ModelField.Graph, graphSize) + end.Length);

        stream.Write(start);
        WriteHeader(stream, ModelField.Graph, graphSize);
        stream.Write(graphStart);
        foreach ((StateTensor tensor, byte[] tensorStart) in initializers)
        {
            WriteHeader(stream, GraphField.Initializer, tensorStart.Length + Bytes(tensor));
            stream.Write(tensorStart);
            tensor.WriteTo(stream, static (piece, target) => target.Write(piece));
        }
        stream.Write(graphEnd);
        stream.Write(end);
    }

    /// <summary>Writes a single tensor, the content of a <c>.pb</c> file.</summary>
    /// <exception cref="WeightsException">The tensor is too large for a protobuf file.</exception>
    /// <exception cref="IOException">The stream cannot be written.</exception>
    public static void Write(Stream stream, StateTensor tensor)
    {
        byte[] start = OnnxMessages.TensorStart(tensor);
        CheckSize(tensor.Name, start.Length + Bytes(tensor));
        stream.Write(start);
        tensor.WriteTo(stream, static (piece, target) => target.Write(piece));
    }

    private static long Bytes(StateTensor tensor) => tensor.Count * tensor.DataType.Size();

    private static void CheckSize(string name, long size)
    {
        if (size > OnnxFile.LongestFile)
        {
            throw new WeightsException(
                $"{FileText.Clean(name)}: takes {size} bytes as ONNX, which ends at {OnnxFile.LongestFile}; "
                + "save it as safetensors, or in float16.");
        }
    }

    private static void WriteHeader(Stream stream, int field, long length)
    {
        using var output = new CodedOutputStream(stream, OnnxMessages.LongestHeader, leaveOpen: true);
        output.WriteTag(field, WireFormat.WireType.LengthDelimited);
        output.WriteLength((int)length);
    }
}
