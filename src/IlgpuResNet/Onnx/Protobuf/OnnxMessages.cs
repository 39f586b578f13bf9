using Google.Protobuf;
using IlgpuResNet.Files;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Onnx;

/// <summary>Builds the messages of onnx.proto3 other than those with weights, and writes their fields.</summary>
internal static class OnnxMessages
{
    /// <summary>Largest size of a field's tag and length, in bytes.</summary>
    public const int LongestHeader = 16;

    /// <summary>Builds a message in memory.</summary>
    public static byte[] Message(Action<CodedOutputStream> write)
    {
        using var stream = new MemoryStream();
        using (var output = new CodedOutputStream(stream, leaveOpen: true)) write(output);
        return stream.ToArray();
    }

    /// <summary>Size of a field with content of a given length, in bytes.</summary>
    public static long FieldSize(int field, long length) =>
        CodedOutputStream.ComputeTagSize(field) + CodedOutputStream.ComputeUInt64Size((ulong)length) + length;

    /// <summary>Builds an OperatorSetIdProto.</summary>
    public static byte[] Opset(string domain, long version) => Message(output =>
    {
        output.WriteText(OpsetField.Domain, domain);
        output.WriteInt(OpsetField.Version, version);
    });

    /// <summary>Builds a StringStringEntryProto.</summary>
    public static byte[] Entry(string key, string value) => Message(output =>
    {
        output.WriteText(EntryField.Key, key);
        output.WriteText(EntryField.Value, value);
    });

    /// <summary>Builds a NodeProto.</summary>
    public static byte[] Node(OnnxNode node) => Message(output =>
    {
        foreach (string input in node.Inputs) output.WriteText(NodeField.Input, input);
        foreach (string result in node.Outputs) output.WriteText(NodeField.Output, result);
        if (node.Name.Length > 0) output.WriteText(NodeField.Name, node.Name);
        output.WriteText(NodeField.OpType, node.OpType);
        // Sorted, as a dictionary has no order: a file must not differ from run to run.
        foreach (OnnxAttribute attribute in node.Attributes.Values.OrderBy(attribute => attribute.Name, StringComparer.Ordinal))
            output.WriteMessage(NodeField.Attribute, Attribute(attribute, node));
        if (node.Domain.Length > 0) output.WriteText(NodeField.Domain, node.Domain);
    });

    /// <summary>Builds a ValueInfoProto.</summary>
    public static byte[] Value(OnnxValue value) => Message(output =>
    {
        output.WriteText(ValueInfoField.Name, value.Name);
        if (value.ElementType == OnnxElementType.Undefined) return;
        output.WriteMessage(ValueInfoField.Type, Message(type => type.WriteMessage(TypeField.TensorType, TensorType(value))));
    });

    /// <summary>Builds a TensorProto up to the length of its raw_data; the elements, if there are any, must follow.</summary>
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
                string owner = $"{OnnxNames.Show(node.Name)} ({FileText.Clean(node.OpType)})";
                throw new WeightsException(
                    $"attribute {OnnxNames.Show(attribute.Name)} of node {owner} is of type {attribute.Type}, which is not written.");
        }
        output.WriteInt(AttributeField.Type, (int)attribute.Type);
    });
}
