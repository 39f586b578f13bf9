using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Google.Protobuf;
using IlgpuResNet.Files;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Onnx;

/// <summary>Reads AttributeProto. Subgraphs are recognised, but their content is not read.</summary>
internal sealed class OnnxAttributeReader(OnnxTensorReader tensors, ReadBudget budget)
{
    // Upper estimate of an attribute, in bytes.
    private const int BytesPerAttribute = 128;

    // Header of an array, in bytes.
    private const int BytesPerList = 32;

    /// <summary>Reads an attribute.</summary>
    /// <param name="message">The attribute.</param>
    /// <param name="node">The node's name, for messages.</param>
    /// <param name="operation">The node's operator, for messages.</param>
    /// <param name="inFunction">True in a local function, whose attributes may refer to those of a call.</param>
    /// <exception cref="WeightsException">The attribute is damaged.</exception>
    public OnnxAttribute Read(ProtoReader message, string node, string operation, bool inFunction = false)
    {
        budget.Charge(BytesPerAttribute);
        string name = "", text = "";
        float f = 0;
        long i = 0;
        StateTensor? tensor = null;
        int floats = 0, ints = 0, texts = 0;
        int given = 0;
        string? reference = null;
        bool mixed = false;
        var present = OnnxAttributeType.Undefined;
        ProtoReader reader = message.Again();
        while (reader.Next())
        {
            if (TypeOf(reader.Field) is { } type)
            {
                mixed |= present != OnnxAttributeType.Undefined && present != type;
                present = type;
            }
            switch (reader.Field)
            {
                case AttributeField.Name:
                    name = reader.Text();
                    break;
                case AttributeField.Type:
                    given = reader.Int32();
                    break;
                case AttributeField.RefAttrName:
                    reference = reader.Text();
                    break;
                case AttributeField.F:
                    f = reader.Float();
                    break;
                case AttributeField.I:
                    i = reader.Int64();
                    break;
                case AttributeField.S:
                    text = reader.Text();
                    break;
                case AttributeField.T:
                    tensor = tensors.ReadLazily(reader.Message("TensorProto"));
                    break;
                case AttributeField.Floats:
                    floats += reader.CountNumbers(WireFormat.WireType.Fixed32);
                    break;
                case AttributeField.Ints:
                    ints += reader.CountNumbers(WireFormat.WireType.Varint);
                    break;
                case AttributeField.Strings:
                    texts++;
                    break;
            }
        }
        if (reference is not null && !inFunction)
            throw Defect(message, node, operation, name, "refers to a function's attribute, but is in no function");
        // Files before IR version 3 have no type.
        bool isStated = given != (int)OnnxAttributeType.Undefined;
        if (!isStated && mixed) throw Defect(message, node, operation, name, "has values of two types and does not say which counts");
        OnnxAttributeType stated = isStated ? (OnnxAttributeType)given : present;
        if (!Enum.IsDefined(stated)) throw Defect(message, node, operation, name, $"has type {given}, which is not known");
        if (stated == OnnxAttributeType.Tensor && tensor is null && reference is null)
            throw Defect(message, node, operation, name, "has no tensor");
        // Proto3 leaves out zeros and empty lists, so a missing value is zero or empty.
        return new OnnxAttribute(name, stated)
        {
            Reference = reference,
            F = stated == OnnxAttributeType.Float ? f : 0,
            I = stated == OnnxAttributeType.Int ? i : 0,
            S = stated == OnnxAttributeType.String ? text : "",
            T = stated == OnnxAttributeType.Tensor ? tensor : null,
            Floats = stated == OnnxAttributeType.Floats ? ReadFloats(message, floats) : [],
            Ints = stated == OnnxAttributeType.Ints ? ReadInts(message, ints) : [],
            Strings = stated == OnnxAttributeType.Strings ? ReadTexts(message, AttributeField.Strings, texts) : [],
        };
    }

    /// <summary>Reads a repeated field of texts.</summary>
    /// <param name="message">The message.</param>
    /// <param name="field">Number of the field.</param>
    /// <param name="count">Number of times that it occurs.</param>
    public static ImmutableArray<string> ReadTexts(ProtoReader message, int field, int count)
    {
        if (count == 0) return [];
        message.Budget.Charge(BytesPerList + count * (long)nint.Size);
        string[] texts = new string[count];
        int i = 0;
        while (message.Next())
        {
            if (message.Field != field) continue;
            message.CheckSame(i < count);
            texts[i++] = message.Text();
        }
        message.CheckSame(i == count);
        return ImmutableCollectionsMarshal.AsImmutableArray(texts);
    }

    /// <summary>An error that names an attribute and its node.</summary>
    public static WeightsException Defect(ProtoReader message, string node, string operation, string name, string what)
    {
        string place = $"attribute {OnnxNames.Show(name)} of node {OnnxNames.Show(node)} ({FileText.Clean(operation)})";
        return new WeightsException($"{message.Budget.Source}: damaged ONNX file: {place} {what}.");
    }

    private static ImmutableArray<float> ReadFloats(ProtoReader message, int count)
    {
        if (count == 0) return [];
        message.Budget.Charge(BytesPerList + count * (long)sizeof(float));
        float[] floats = new float[count];
        Span<byte> rest = MemoryMarshal.AsBytes(floats.AsSpan());
        while (message.Next())
            if (message.Field == AttributeField.Floats) rest = message.CopyNumbers(rest);
        message.CheckSame(rest.IsEmpty);
        return ImmutableCollectionsMarshal.AsImmutableArray(floats);
    }

    private static ImmutableArray<long> ReadInts(ProtoReader message, int count)
    {
        if (count == 0) return [];
        message.Budget.Charge(BytesPerList + count * (long)sizeof(long));
        long[] ints = new long[count];
        int i = 0;
        while (message.Next())
        {
            if (message.Field != AttributeField.Ints) continue;
            for (int at = 0; message.NextVarint(ref at, out long number);)
            {
                message.CheckSame(i < count);
                ints[i++] = number;
            }
        }
        message.CheckSame(i == count);
        return ImmutableCollectionsMarshal.AsImmutableArray(ints);
    }

    /// <summary>The attribute type whose values a field holds; null for a field that holds none.</summary>
    private static OnnxAttributeType? TypeOf(int field) => field switch
    {
        AttributeField.F => OnnxAttributeType.Float,
        AttributeField.I => OnnxAttributeType.Int,
        AttributeField.S => OnnxAttributeType.String,
        AttributeField.T => OnnxAttributeType.Tensor,
        AttributeField.G => OnnxAttributeType.Graph,
        AttributeField.Floats => OnnxAttributeType.Floats,
        AttributeField.Ints => OnnxAttributeType.Ints,
        AttributeField.Strings => OnnxAttributeType.Strings,
        AttributeField.Tensors => OnnxAttributeType.Tensors,
        AttributeField.Graphs => OnnxAttributeType.Graphs,
        AttributeField.TypeProto => OnnxAttributeType.TypeProto,
        AttributeField.TypeProtos => OnnxAttributeType.TypeProtos,
        AttributeField.SparseTensor => OnnxAttributeType.SparseTensor,
        AttributeField.SparseTensors => OnnxAttributeType.SparseTensors,
        _ => null,
    };
}
