using System.Text;
using Google.Protobuf;
using IlgpuResNet.Onnx;

namespace IlgpuResNet.Tests;

/// <summary>Each defect of a file has an error of its own that names the file and what is wrong.</summary>
[TestClass]
public sealed class OnnxRefusalTests : IDisposable
{
    private static readonly byte[] Scalar = BitConverter.GetBytes(1f);

    private readonly OnnxFolder folder = new();

    public void Dispose() => folder.Dispose();

    [TestMethod]
    public void Refuses_what_is_no_regular_file()
    {
        OnnxFolder.Refused(folder.PathOf("none.onnx"), "there is no such file");
        OnnxFolder.Refused(Path.GetDirectoryName(folder.PathOf("x"))!, "it is a folder");
        folder.Refused([], "the file is empty");
        if (OperatingSystem.IsLinux()) OnnxFolder.Refused("/dev/zero", "no regular file");
    }

    [TestMethod]
    [DataRow("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n", "Git LFS pointer")]
    [DataRow("ir_version: 8\ngraph {\n}\n", "protobuf in text form; save it in binary form")]
    [DataRow("dims: 1\ndata_type: 1\n", "protobuf in text form")]
    [DataRow("<html>", "a text file")]
    [DataRow("PK\u0003\u0004", "a zip archive")]
    public void Says_what_another_file_looks_like(string content, string part) => folder.Refused(Encoding.Latin1.GetBytes(content), part);

    [TestMethod]
    public void Refuses_a_file_longer_than_protobuf_allows()
    {
        string path = folder.PathOf("long.onnx");
        // Sparse: it takes no room.
        using (FileStream file = File.Create(path)) file.SetLength(1L + int.MaxValue);
        OnnxFolder.Refused(path, "larger weights are saved as external data");
    }

    [TestMethod]
    [DataRow(new byte[] { 0x08 }, "ends inside a number")]
    [DataRow(new byte[] { 0x08, 0x80 }, "ends inside a number")]
    [DataRow(new byte[] { 0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1 }, "more than 10 bytes")]
    [DataRow(new byte[] { 0x00, 0x01 }, "number 0")]
    [DataRow(new byte[] { 0x80, 0x80, 0x80, 0x80, 0x80, 0x01, 0x00 }, "beyond the format")]
    [DataRow(new byte[] { 0x0B, 0x00 }, "wire type 3")]
    [DataRow(new byte[] { 0x0F, 0x00 }, "wire type 7")]
    [DataRow(new byte[] { 0x0D, 0x01, 0x01, 0x01 }, "of 4 bytes, but only 3 follow")]
    [DataRow(new byte[] { 0x09, 0x01, 0x01, 0x01 }, "of 8 bytes, but only 3 follow")]
    [DataRow(new byte[] { 0x3A, 0x05, 0x01 }, "of 5 bytes, but only 1 follow")]
    [DataRow(new byte[] { 0x3A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01, 0x00 }, "of 18446744073709551615 bytes")]
    [DataRow(new byte[] { 0x38, 0x05 }, "field 7 of wire type 0 in place of 2")]
    [DataRow(new byte[] { 0x0A, 0x01, 0x08 }, "field 1 of wire type 2 in place of 0")]
    [DataRow(new byte[] { 0x12, 0x02, 0xC3, 0x28, 0x3A, 0x00 }, "not valid UTF-8")]
    [DataRow(new byte[] { 0x08, 0x08 }, "has no graph")]
    [DataRow(new byte[] { 0x3A, 0x00, 0x3A, 0x00 }, "has two graphs")]
    [DataRow(new byte[] { 0x3A, 0x02, 0x0A, 0x05 }, "its GraphProto at byte 2 has field 1 of 5 bytes, but only 0 follow")]
    public void Refuses_damaged_protobuf(byte[] content, string part) => folder.Refused(content, part);

    [TestMethod]
    public void Refuses_defects_of_the_model()
    {
        byte[] model = OnnxFolder.Model([]);
        folder.Refused([.. model, .. Field(ModelField.OpsetImport, OnnxMessages.Opset("ai.onnx", 12))],
            "asks for version 12 of the operators of domain ''");
        byte[] entry = Field(ModelField.MetadataProps, OnnxMessages.Entry("k", "v"));
        folder.Refused([.. model, .. entry, .. entry], "metadata key k for the second time");
    }

    [TestMethod]
    public void Refuses_defects_of_the_graph()
    {
        byte[] tensor = Field(GraphField.Initializer, OnnxMessages.Message(output => Float(output, [1], Scalar)));
        folder.Refused(OnnxFolder.Model([.. tensor, .. tensor]), "two initializers are called w");
        byte[] sparse = OnnxMessages.Message(
            output => output.WriteMessage(SparseTensorField.Values, OnnxMessages.Message(values => Float(values, [1], Scalar))));
        folder.Refused(OnnxFolder.Model(Field(GraphField.SparseInitializer, sparse)), "initializer w is sparse, which is not supported");
        byte[] dimensions = OnnxMessages.Message(output =>
        {
            for (int i = 0; i < 65; i++) output.WriteMessage(ShapeField.Dim, []);
        });
        byte[] input = Field(ValueInfoField.Type, Field(TypeField.TensorType, Field(TypeField.TensorShape, dimensions)));
        folder.Refused(OnnxFolder.Model(Field(GraphField.Input, input)), "more than 64 dimensions");
        folder.Refused(OnnxFolder.ModelOfNode(output => output.WriteText(NodeField.Name, "n")), "node 0 n has no operator");
    }

    [TestMethod]
    [DataRow(new long[] { -1 }, 4, "tensor w has the size -1")]
    [DataRow(new long[] { 1L << 31 }, 4, "tensor w has the size 2147483648, which is not a whole number from 0 to 2147483647")]
    [DataRow(new long[] { int.MaxValue, int.MaxValue, int.MaxValue }, 4, "overflows 64 bits")]
    [DataRow(new long[] { 2 }, 4, "tensor w of shape [2] and type float32 needs 8 bytes, but has 4")]
    [DataRow(new long[] { 1 }, 5, "needs 4 bytes, but has 5")]
    [DataRow(new long[] { }, 0, "needs 4 bytes, but has 0")]
    [DataRow(new long[] { 0 }, 4, "needs 0 bytes, but has 4")]
    public void Refuses_sizes_that_are_not_those_of_the_content(long[] dims, int bytes, string part) =>
        folder.Refused(OnnxFolder.ModelOf(output => Float(output, dims, new byte[bytes])), part);

    [TestMethod]
    public void Refuses_defects_of_a_tensor()
    {
        folder.Refused(
            OnnxFolder.ModelOf(output => Float(output, [.. Enumerable.Repeat(1L, 65)], Scalar)), "tensor w has more than 64 dimensions");
        Refused("is a segment", output => output.WriteMessage(TensorField.Segment, []));
        Refused("has raw_data twice", output => output.WriteMessage(TensorField.RawData, Scalar));
        Refused("has values both as raw_data and as numbers", output => output.WriteMessage(TensorField.FloatData, Scalar));
        Refused("has numbers both in field 4 and in field 5", output =>
        {
            output.WriteMessage(TensorField.FloatData, Scalar);
            output.WriteInt(TensorField.Int32Data, 1);
        });
        Refused("values both in this file and in another", output => output.WriteInt(TensorField.DataLocation, OnnxDataLocation.External));
        Refused("a location of unknown kind 2", output => output.WriteInt(TensorField.DataLocation, 2));
        foreach (int type in new[] { 0, OnnxElementType.String, OnnxElementType.Complex64, OnnxElementType.UInt16, 17, 22, 99, -1 })
            Refused($"tensor w has elements of type {OnnxElementType.Name(type)}, which is not supported",
                output => output.WriteInt(TensorField.DataType, type));

        void Refused(string part, Action<CodedOutputStream> defect) => folder.Refused(
            OnnxFolder.ModelOf(output =>
            {
                Float(output, [1], Scalar);
                defect(output);
            }),
            part);
    }

    [TestMethod]
    [DataRow(OnnxElementType.Float, TensorField.Int32Data, 1L,
        "of type float32 has values in field 5, where that type has them in field 4")]
    [DataRow(OnnxElementType.Int64, TensorField.UInt64Data, 1L, "where that type has them in field 7")]
    [DataRow(OnnxElementType.UInt8, TensorField.Int32Data, 256L, "of type uint8 has the value 256, which that type cannot hold")]
    [DataRow(OnnxElementType.UInt8, TensorField.Int32Data, -1L, "has the value -1")]
    [DataRow(OnnxElementType.Int8, TensorField.Int32Data, 128L, "has the value 128")]
    [DataRow(OnnxElementType.Int16, TensorField.Int32Data, 32768L, "has the value 32768")]
    [DataRow(OnnxElementType.Float16, TensorField.Int32Data, 65536L, "has the value 65536")]
    [DataRow(OnnxElementType.Bool, TensorField.Int32Data, 2L, "has the value 2")]
    public void Refuses_numbers_that_are_not_of_the_type(int type, int field, long number, string part) => folder.Refused(
        OnnxFolder.ModelOf(output =>
        {
            output.WriteInt(TensorField.DataType, type);
            output.WriteInt(field, number);
        }),
        part);

    [TestMethod]
    [DataRow(new byte[] { 1, 2 }, "needs 3 numbers, but has 2")]
    [DataRow(new byte[] { 1, 2, 3, 4 }, "needs 3 numbers, but has 4")]
    [DataRow(new byte[] { 1, 2, 0x83 }, "has numbers in field 7 that are cut off")]
    [DataRow(new byte[] { 1, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1, 2 }, "more than 10 bytes")]
    public void Refuses_packed_numbers_that_do_not_fill_the_shape(byte[] packed, string part) => folder.Refused(
        OnnxFolder.ModelOf(output =>
        {
            output.WriteInt(TensorField.Dims, 3);
            output.WriteInt(TensorField.DataType, OnnxElementType.Int64);
            output.WriteMessage(TensorField.Int64Data, packed);
        }),
        part);

    [TestMethod]
    public void Refuses_packed_floats_that_are_cut_off() => folder.Refused(
        OnnxFolder.ModelOf(output =>
        {
            output.WriteInt(TensorField.DataType, OnnxElementType.Float);
            output.WriteMessage(TensorField.FloatData, new byte[5]);
        }),
        "has 5 bytes in field 4, which are no whole numbers of 4 bytes");

    [TestMethod]
    public void Refuses_defects_of_an_attribute()
    {
        Refused("attribute a of node n (Op) has type 15, which is not known", output => output.WriteInt(AttributeField.Type, 15));
        Refused("attribute a of node n (Op) has no tensor", output => output.WriteInt(AttributeField.Type, (int)OnnxAttributeType.Tensor));
        Refused("attribute a of node n (Op) refers to a function's attribute", output => output.WriteText(AttributeField.RefAttrName, "b"));
        Refused("attribute a of node n (Op) has values of two types", output =>
        {
            output.WriteInt(AttributeField.I, 1);
            output.WriteText(AttributeField.S, "s");
        });
        Refused("not valid UTF-8", output => output.WriteMessage(AttributeField.S, [0xFF]));
        byte[] attribute = OnnxMessages.Message(output => output.WriteText(AttributeField.Name, "a"));
        folder.Refused(
            OnnxFolder.ModelOfNode(output =>
            {
                output.WriteText(NodeField.OpType, "Op");
                output.WriteMessage(NodeField.Attribute, attribute);
                output.WriteMessage(NodeField.Attribute, attribute);
            }),
            "attribute a of node (unnamed) (Op) occurs twice");

        void Refused(string part, Action<CodedOutputStream> defect) => folder.Refused(OnnxFolder.ModelOfAttribute(defect), part);
    }

    [TestMethod]
    public void Keeps_hostile_names_on_one_short_line()
    {
        string name = "x\n\u2028" + new string('y', 10_000);
        byte[] tensor = Field(GraphField.Initializer, OnnxMessages.Message(output => output.WriteText(TensorField.Name, name)));
        WeightsException error = folder.Refused(OnnxFolder.Model(tensor), "tensor x??yyy");
        Assert.DoesNotContain('\u2028', error.Message);
    }

    private static byte[] Field(int field, byte[] content) => OnnxMessages.Message(output => output.WriteMessage(field, content));

    private static void Float(CodedOutputStream output, long[] dims, byte[] raw)
    {
        foreach (long size in dims) output.WriteInt(TensorField.Dims, size);
        output.WriteInt(TensorField.DataType, OnnxElementType.Float);
        output.WriteText(TensorField.Name, "w");
        output.WriteMessage(TensorField.RawData, raw);
    }
}
