using Google.Protobuf;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Onnx;

/// <summary>Builds the messages of onnx.proto3 that hold no weights, and the primitives they are built of.</summary>
internal static class OnnxMessages
{
    /// <summary>Most bytes of a field's tag and length.</summary>
    public const int LongestHeader = 16;

    /// <summary>Builds a message in memory.</summary>
    public static byte[] Message(Action<CodedOutputStream> write)
    {
        using var stream = new MemoryStream();
        using (var output = new CodedOutputStream(stream, leaveOpen: true)) write(output);
        return stream.ToArray();
    }

    /// <summary>Bytes that a field with content of this length takes.</summary>
    public static long FieldSize(int field, long length) =>
        CodedOutputStream.ComputeTagSize(field) + CodedOutputStream.ComputeUInt64Size((ulong)length) + length;

    /// <summary>OperatorSetIdProto.</summary>
    public static byte[] Opset(string domain, long version) => Message(output =>
    {
        output.WriteText(OpsetField.Domain, domain);
        output.WriteInt(OpsetField.Version, version);
    });

    /// <summary>StringStringEntryProto.</summary>
    public static byte[] Entry(string key, string value) => Message(output =>
    {
        output.WriteText(EntryField.Key, key);
        output.WriteText(EntryField.Value, value);
    });

    /// <summary>NodeProto.</summary>
    public static byte[] Node(OnnxNode node) => Message(output =>
    {
        foreach (string input in node.Inputs) output.WriteText(NodeField.Input, input);
        foreach (string result in node.Outputs) output.WriteText(NodeField.Output, result);
        if (node.Name.Length > 0) output.WriteText(NodeField.Name, node.Name);
        output.WriteText(NodeField.OpType, node.OpType);
        // A dictionary has no order of its own; a file must not differ from run to run.
        foreach (OnnxAttribute attribute in node.Attributes.Values.OrderBy(attribute => attribute.Name, StringComparer.Ordinal))
            output.WriteMessage(NodeField.Attribute, Attribute(attribute, node));
        if (node.Domain.Length > 0) output.WriteText(NodeField.Domain, node.Domain);
    });

    /// <summary>ValueInfoProto.</summary>
    public static byte[] Value(OnnxValue value) => Message(output =>
    {
        output.WriteText(ValueInfoField.Name, value.Name);
        if (value.ElementType != 0) output.WriteMessage(ValueInfoField.Type, Message(type => type.WriteMessage(TypeField.TensorType, TensorType(value))));
    });

    /// <summary>TensorProto up to the length of its raw_data, which must follow: its elements, or nothing when there are none.</summary>
    public static byte[] TensorStart(StateTensor tensor) => Message(output =>
    {
        foreach (int size in tensor.Shape) output.WriteInt(TensorField.Dims, size);
        output.WriteInt(TensorField.DataType, OnnxElementType.FromDataType(tensor.DataType));
        if (tensor.Name.Length > 0) output.WriteText(TensorField.Name, tensor.Name);
        output.WriteTag(TensorField.RawData, WireFormat.WireType.LengthDelimited);
        output.WriteUInt64((ulong)(tensor.Count * tensor.DataType.Size()));
    });

    /// <summary>Writes an integer field.</summary>
    public static void WriteInt(this CodedOutputStream output, int field, long value)
    {
        output.WriteTag(field, WireFormat.WireType.Varint);
        output.WriteInt64(value);
    }

    /// <summary>Writes a text field.</summary>
    public static void WriteText(this CodedOutputStream output, int field, string value)
    {
        output.WriteTag(field, WireFormat.WireType.LengthDelimited);
        output.WriteString(value);
    }

    /// <summary>Writes a message as a field.</summary>
    public static void WriteMessage(this CodedOutputStream output, int field, byte[] message)
    {
        output.WriteTag(field, WireFormat.WireType.LengthDelimited);
        output.WriteBytes(UnsafeByteOperations.UnsafeWrap(message));
    }

    private static byte[] TensorType(OnnxValue value) => Message(output =>
    {
        output.WriteInt(TypeField.TensorElementType, value.ElementType);
        if (value.Shape is not { } shape) return;
        output.WriteMessage(TypeField.TensorShape, Message(sizes =>
        {
            foreach (OnnxDimension dimension in shape) sizes.WriteMessage(ShapeField.Dim, Dimension(dimension));
        }));
    });

    private static byte[] Dimension(OnnxDimension dimension) => Message(output =>
    {
        if (dimension.Value is { } value) output.WriteInt(ShapeField.DimValue, value);
        else if (dimension.Parameter is { } parameter) output.WriteText(ShapeField.DimParam, parameter);
    });

    private static byte[] Attribute(OnnxAttribute attribute, OnnxNode node) => Message(output =>
    {
        output.WriteText(AttributeField.Name, attribute.Name);
        switch (attribute.Type)
        {
            case OnnxAttributeType.Float:
                output.WriteTag(AttributeField.F, WireFormat.WireType.Fixed32);
                output.WriteFloat(attribute.F);
                break;
            case OnnxAttributeType.Int:
                output.WriteInt(AttributeField.I, attribute.I);
                break;
            case OnnxAttributeType.String:
                output.WriteText(AttributeField.S, attribute.S);
                break;
            case OnnxAttributeType.Tensor when attribute.T is { } tensor:
                byte[] content = tensor.ToByteArray();
                output.WriteMessage(AttributeField.T, [.. TensorStart(tensor), .. content]);
                break;
            case OnnxAttributeType.Floats:
                foreach (float number in attribute.Floats)
                {
                    output.WriteTag(AttributeField.Floats, WireFormat.WireType.Fixed32);
                    output.WriteFloat(number);
                }
                break;
            case OnnxAttributeType.Ints:
                foreach (long number in attribute.Ints) output.WriteInt(AttributeField.Ints, number);
                break;
            case OnnxAttributeType.Strings:
                foreach (string text in attribute.Strings) output.WriteText(AttributeField.Strings, text);
                break;
            default:
                throw new WeightsException($"attribute {OnnxNames.Show(attribute.Name)} of node {OnnxNames.Show(node.Name)} ({Files.FileText.Clean(node.OpType)}) is of type {attribute.Type}, which is not written.");
        }
        output.WriteInt(AttributeField.Type, (int)attribute.Type);
    });
}
