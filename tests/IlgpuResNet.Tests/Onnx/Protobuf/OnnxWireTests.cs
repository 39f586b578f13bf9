using Google.Protobuf;
using IlgpuResNet.Files;
using IlgpuResNet.Onnx;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Tests;

/// <summary>Forms of the same content that protobuf allows, and recognition.</summary>
[TestClass]
public sealed class OnnxWireTests : IDisposable
{
    private readonly OnnxFolder folder = new();

    public void Dispose() => folder.Dispose();

    [TestMethod]
    public void Numbers_may_be_packed_or_single_or_both()
    {
        byte[] model = OnnxFolder.ModelOf(output =>
        {
            // The order of fields is free: values first, the shape last.
            output.WriteInt(TensorField.Int64Data, -1);
            output.WriteMessage(TensorField.Int64Data, [2, 0xAC, 0x02]);
            output.WriteMessage(TensorField.Int64Data, []);
            output.WriteInt(TensorField.Int64Data, 4);
            output.WriteInt(TensorField.DataType, OnnxElementType.Int64);
            output.WriteText(TensorField.Name, "w");
            output.WriteMessage(TensorField.Dims, [2]);
            output.WriteInt(TensorField.Dims, 2);
        });
        StateTensor tensor = Initializer(model);
        Assert.AreEqual("[2, 2]", FileText.Shape(tensor.Shape));
        CollectionAssert.AreEqual(new long[] { -1, 2, 300, 4 }, tensor.ToInt64Array());
    }

    [TestMethod]
    public void Floats_may_be_packed_in_pieces()
    {
        byte[] model = OnnxFolder.ModelOf(output =>
        {
            output.WriteInt(TensorField.Dims, 4);
            output.WriteInt(TensorField.DataType, OnnxElementType.Float);
            output.WriteTag(TensorField.FloatData, WireFormat.WireType.Fixed32);
            output.WriteFloat(1);
            output.WriteMessage(TensorField.FloatData, [.. BitConverter.GetBytes(2f), .. BitConverter.GetBytes(3f)]);
            output.WriteTag(TensorField.FloatData, WireFormat.WireType.Fixed32);
            output.WriteFloat(4);
        });
        CollectionAssert.AreEqual(new float[] { 1, 2, 3, 4 }, Initializer(model).ToArray());
    }

    [TestMethod]
    public void Lists_in_attributes_may_be_packed_or_single_or_both()
    {
        OnnxAttribute ints = folder.Attribute(output =>
        {
            output.WriteMessage(AttributeField.Ints, [1, 2]);
            output.WriteInt(AttributeField.Ints, long.MinValue);
        });
        Assert.AreSequenceEqual([1L, 2, long.MinValue], ints.Ints);
        OnnxAttribute floats = folder.Attribute(output =>
        {
            output.WriteTag(AttributeField.Floats, WireFormat.WireType.Fixed32);
            output.WriteFloat(1);
            output.WriteMessage(AttributeField.Floats, BitConverter.GetBytes(2f));
        });
        Assert.AreSequenceEqual([1f, 2f], floats.Floats);
    }

    [TestMethod]
    public void What_proto3_leaves_out_is_zero_or_empty()
    {
        Assert.AreEqual(0f, folder.Attribute(output => output.WriteInt(AttributeField.Type, (int)OnnxAttributeType.Float)).F);
        Assert.IsEmpty(folder.Attribute(output => output.WriteInt(AttributeField.Type, (int)OnnxAttributeType.Ints)).Ints);
        Assert.AreEqual(OnnxAttributeType.Undefined, folder.Attribute(_ => { }).Type);
    }

    [TestMethod]
    public void A_stated_type_counts_more_than_what_is_there()
    {
        OnnxAttribute attribute = folder.Attribute(output =>
        {
            output.WriteInt(AttributeField.I, 7);
            output.WriteText(AttributeField.S, "ignored");
            output.WriteInt(AttributeField.Type, (int)OnnxAttributeType.Int);
        });
        Assert.AreEqual(7, attribute.I);
        Assert.AreEqual("", attribute.S);
    }

    [TestMethod]
    public void Unknown_fields_are_passed_over()
    {
        byte[] model = OnnxFolder.ModelOf(output =>
        {
            output.WriteInt(1000, 1);
            output.WriteTag(1001, WireFormat.WireType.Fixed64);
            output.WriteDouble(1);
            output.WriteInt(TensorField.DataType, OnnxElementType.Bool);
            output.WriteInt(TensorField.Int32Data, 1);
        });
        CollectionAssert.AreEqual(new float[] { 1 }, Initializer(model).ToArray());
    }

    [TestMethod]
    public void Integers_and_doubles_are_read_exactly_or_refused()
    {
        byte[] model = OnnxFolder.ModelOf(output =>
        {
            output.WriteText(TensorField.Name, "shape");
            output.WriteInt(TensorField.DataType, OnnxElementType.Int32);
            output.WriteInt(TensorField.Int32Data, -5);
        });
        using OnnxFile file = OnnxFile.Load(folder.Write("int32.onnx", model));
        StateTensor tensor = file.Graph.InitializersInOrder.Single();
        CollectionAssert.AreEqual(new long[] { -5 }, tensor.ToInt64Array());
        Assert.AreEqual(
            "tensor shape has elements of type Int32; floats were expected.",
            Assert.ThrowsExactly<WeightsException>(() => tensor.ToDoubleArray()).Message);
        var real = new ArrayTensor { Name = "real", Shape = [1], DataType = DataType.Float32, Values = [0.1f] };
        Assert.AreEqual(0.1f, real.ToDoubleArray().Single());
        Assert.AreEqual("tensor real has elements of type float32; int64 or int32 was expected.",
            Assert.ThrowsExactly<WeightsException>(() => real.ToInt64Array()).Message);
    }

    [TestMethod]
    [DataRow("types.onnx")]
    [DataRow("attributes.onnx")]
    [DataRow("ir3.onnx")]
    [DataRow("external.onnx")]
    [DataRow("written.onnx")]
    public void Models_are_recognised_wherever_the_window_cuts_them(string name)
    {
        byte[] content = File.ReadAllBytes(OnnxFolder.Golden(name));
        for (int length = 3; length <= content.Length; length++)
            Assert.IsTrue(OnnxRecognition.LooksLikeOnnx(content.AsSpan(0, length)), $"{length} bytes");
    }

    [TestMethod]
    public void Models_are_recognised_in_any_order_of_fields()
    {
        byte[] graph = OnnxMessages.Message(output =>
            output.WriteMessage(ModelField.Graph, OnnxMessages.Message(inner => inner.WriteMessage(GraphField.Node, new byte[5000]))));
        byte[] opset = OnnxMessages.Message(output => output.WriteMessage(ModelField.OpsetImport, OnnxMessages.Opset("", 9)));
        byte[] version = OnnxMessages.Message(output => output.WriteInt(ModelField.IrVersion, 3));
        byte[] text = OnnxMessages.Message(output => output.WriteText(ModelField.DocString, "Made by hand.\nIn two lines."));
        Assert.IsTrue(OnnxRecognition.LooksLikeOnnx([.. graph, .. opset, .. version]));
        Assert.IsTrue(OnnxRecognition.LooksLikeOnnx([.. opset, .. text, .. graph]));
        Assert.IsTrue(OnnxRecognition.LooksLikeOnnx([.. text, .. opset, .. version, .. graph]));
    }

    [TestMethod]
    public void Other_files_are_not_taken_for_models()
    {
        foreach (string path in Directory.GetFiles(Path.GetDirectoryName(WeightsFolder.Golden("x"))!).Concat(
            Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "data", "networks"))))
            Assert.IsFalse(OnnxRecognition.LooksLikeOnnx(File.ReadAllBytes(path)), path);
        Assert.IsFalse(OnnxRecognition.LooksLikeOnnx([]));
        Assert.IsFalse(OnnxRecognition.LooksLikeOnnx("2:B\"some text that starts with fields of a model"u8));
        Assert.IsFalse(OnnxRecognition.LooksLikeOnnx(File.ReadAllBytes(OnnxFolder.Golden("tensor.pb"))));
        // A header of any length, so that the first bytes take every value that two may have.
        for (int length = 2; length < 0x10000; length++)
            Assert.IsFalse(OnnxRecognition.LooksLikeOnnx([(byte)length, (byte)(length >> 8), 0, 0, 0, 0, 0, 0,
                .. "{\"B\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}"u8]), $"{length}");
    }

    private StateTensor Initializer(byte[] model)
    {
        using OnnxFile file = OnnxFile.Load(folder.Write("wire.onnx", model));
        StateTensor tensor = file.Graph.InitializersInOrder.Single();
        return tensor is BytesTensor ? tensor
            : new BytesTensor { Name = tensor.Name, Shape = tensor.Shape, DataType = tensor.DataType, Values = tensor.ToByteArray() };
    }
}
