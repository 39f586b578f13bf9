using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using IlgpuResNet.Onnx;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Tests;

/// <summary>Files written by ONNX's own Python package are read as it reads them.</summary>
[TestClass]
public sealed class OnnxGoldenTests
{
    [TestMethod]
    [DataRow("types.onnx", 23)]
    [DataRow("ir3.onnx", 1)]
    [DataRow("external.onnx", 3)]
    public void Initializers_have_the_values_of_the_file(string name, int count)
    {
        using OnnxFile file = OnnxFile.Load(OnnxFolder.Golden(name));
        Assert.HasCount(count, file.Graph.InitializersInOrder);
        AssertExpected(name, file.Graph.InitializersInOrder);
        foreach (StateTensor tensor in file.Graph.InitializersInOrder) Assert.AreSame(tensor, file.Graph.Initializers[tensor.Name]);
    }

    [TestMethod]
    public void A_single_tensor_has_the_values_of_its_file() =>
        AssertExpected("tensor.pb", [OnnxTensor.LoadPb(OnnxFolder.Golden("tensor.pb"))]);

    [TestMethod]
    public void What_is_stored_as_plain_elements_is_not_copied()
    {
        using OnnxFile file = OnnxFile.Load(OnnxFolder.Golden("types.onnx"));
        foreach (StateTensor tensor in file.Graph.InitializersInOrder)
        {
            bool isPlain = !tensor.Name.StartsWith("typed", StringComparison.Ordinal) || tensor.Name is "typed_float" or "typed_double";
            if (tensor.Name != "scalar") Assert.AreEqual(isPlain, tensor is FileTensor, tensor.Name);
        }
    }

    [TestMethod]
    public void Attributes_of_every_type_are_read_or_noted()
    {
        using OnnxFile file = OnnxFile.Load(OnnxFolder.Golden("attributes.onnx"));
        OnnxNode node = file.Graph.Nodes[0];
        Assert.AreEqual("everyé Everything test.domain", $"{node.Name} {node.OpType} {node.Domain}");
        Assert.AreEqual("x,,w", string.Join(',', node.Inputs));
        Assert.AreEqual("y,", string.Join(',', node.Outputs));
        ImmutableDictionary<string, OnnxAttribute> all = node.Attributes;
        Assert.HasCount(13, all);
        Assert.AreEqual(1.5f, Of("f", OnnxAttributeType.Float).F);
        Assert.AreEqual(-2, Of("i", OnnxAttributeType.Int).I);
        Assert.AreEqual("texté", Of("s", OnnxAttributeType.String).S);
        CollectionAssert.AreEqual(new long[] { 5, -6 }, Of("t", OnnxAttributeType.Tensor).T!.ToInt64Array());
        Assert.AreSequenceEqual([0.5f, -0.25f], Of("floats", OnnxAttributeType.Floats).Floats);
        Assert.AreSequenceEqual([1L << 62, -1, 0], Of("ints", OnnxAttributeType.Ints).Ints);
        Assert.AreSequenceEqual(["a", "", "bé"], Of("strings", OnnxAttributeType.Strings).Strings);
        Of("g", OnnxAttributeType.Graph);
        Of("graphs", OnnxAttributeType.Graphs);
        Of("tensors", OnnxAttributeType.Tensors);
        Of("sparse", OnnxAttributeType.SparseTensor);
        Of("kind", OnnxAttributeType.TypeProto);
        StateTensor words = Of("words", OnnxAttributeType.Tensor).T!;
        WeightsException error = Assert.ThrowsExactly<WeightsException>(() => words.ToInt64Array());
        Assert.AreEqual(
            $"{file.Path}: tensor words has elements of type string, which is not supported; "
            + $"convert it to one of {OnnxElementType.Readable}.", error.Message);
        Assert.ThrowsExactly<WeightsException>(() => words.ToDoubleArray());
        Assert.ThrowsExactly<WeightsException>(() => words.ToArray());

        OnnxAttribute Of(string name, OnnxAttributeType type)
        {
            Assert.AreEqual(type, all[name].Type, name);
            return all[name];
        }
    }

    [TestMethod]
    public void The_model_and_its_inputs_are_described()
    {
        using OnnxFile file = OnnxFile.Load(OnnxFolder.Golden("attributes.onnx"));
        Assert.AreEqual(OnnxFolder.Golden("attributes.onnx"), file.Path);
        Assert.AreEqual(8, file.IrVersion);
        Assert.AreEqual("golden", file.Producer);
        Assert.HasCount(2, file.Opsets);
        Assert.AreEqual(13, file.Opsets[""]);
        Assert.AreEqual(2, file.Opsets["test.domain"]);
        Assert.AreEqual("", file.Graph.Nodes[1].Domain);
        Assert.HasCount(2, file.Metadata);
        Assert.AreEqual("texté", file.Metadata["note"]);
        Assert.AreEqual("attributes", file.Graph.Name);

        OnnxValue x = file.Graph.Inputs[0];
        Assert.AreEqual("x", x.Name);
        Assert.AreEqual(OnnxElementType.Float, x.ElementType);
        Assert.AreSequenceEqual([new(null, "batch"), new(3, null), new(null, null), new(224, null)], x.Shape!.Value);
        Assert.AreEqual(new OnnxValue("w", OnnxElementType.Float16, null), file.Graph.Inputs[1]);
        Assert.AreEqual(new OnnxValue("q", 0, null), file.Graph.Inputs[2]);
        Assert.IsEmpty(file.Graph.Outputs.Single().Shape!.Value);
    }

    [TestMethod]
    public void Old_files_have_initializers_among_the_inputs_and_attributes_without_types()
    {
        using OnnxFile file = OnnxFile.Load(OnnxFolder.Golden("ir3.onnx"));
        Assert.AreEqual(3, file.IrVersion);
        Assert.AreEqual("x,w", string.Join(',', file.Graph.Inputs.Select(value => value.Name)));
        ImmutableDictionary<string, OnnxAttribute> attributes = file.Graph.Nodes.Single().Attributes;
        Assert.AreSequenceEqual([1L, 1], attributes["kernel_shape"].Ints);
        Assert.AreEqual(1, attributes["group"].I);
        Assert.AreEqual("NOTSET", attributes["auto_pad"].S);
        Assert.AreEqual(0.5f, attributes["alpha"].F);
        Assert.AreSequenceEqual([1f, 2f], attributes["scales"].Floats);
        Assert.AreSequenceEqual(["a"], attributes["names"].Strings);
        CollectionAssert.AreEqual(file.Graph.Initializers["w"].ToArray(), attributes["value"].T!.ToArray());
    }

    [TestMethod]
    public void Disposal_closes_all_files()
    {
        OnnxFile file = OnnxFile.Load(OnnxFolder.Golden("external.onnx"));
        Assert.IsFalse(file.IsDisposed);
        file.Dispose();
        Assert.IsTrue(file.IsDisposed);
        foreach (StateTensor tensor in file.Graph.InitializersInOrder)
            Assert.ThrowsExactly<ObjectDisposedException>(() => tensor.ToArray());
    }

    [TestMethod]
    public void A_single_tensor_of_texts_is_refused()
    {
        WeightsException error = Assert.ThrowsExactly<WeightsException>(() => OnnxTensor.LoadPb(OnnxFolder.Golden("words.pb")));
        StringAssert.Contains(error.Message, "words.pb: tensor words has elements of type string", StringComparison.Ordinal);
    }

    private static void AssertExpected(string name, ImmutableArray<StateTensor> tensors)
    {
        using JsonDocument json = JsonDocument.Parse(File.ReadAllText(OnnxFolder.Golden("expected.json")));
        foreach ((JsonElement expected, StateTensor actual) in json.RootElement.GetProperty(name).EnumerateArray().Zip(tensors))
        {
            Assert.AreEqual(expected.GetProperty("name").GetString(), actual.Name);
            Assert.AreEqual(expected.GetProperty("type").GetInt32(), OnnxElementType.FromDataType(actual.DataType), actual.Name);
            Assert.AreSequenceEqual(
                expected.GetProperty("shape").EnumerateArray().Select(size => size.GetInt32()), actual.Shape, actual.Name);
            string[] values = [.. expected.GetProperty("values").EnumerateArray().Select(value => value.GetString()!)];
            if (actual.DataType is DataType.Float32 or DataType.Float64 or DataType.Float16 or DataType.BFloat16)
                CollectionAssert.AreEqual(values.Select(Number).ToArray(), actual.ToDoubleArray(), actual.Name);
            else
                CollectionAssert.AreEqual(values.Select(value => (float)long.Parse(value, CultureInfo.InvariantCulture)).ToArray(),
                    actual.ToArray(), actual.Name);
            if (actual.DataType is DataType.Int64 or DataType.Int32)
                CollectionAssert.AreEqual(
                    values.Select(value => long.Parse(value, CultureInfo.InvariantCulture)).ToArray(), actual.ToInt64Array(), actual.Name);
        }
    }

    private static double Number(string text) => text switch
    {
        "inf" => double.PositiveInfinity,
        "-inf" => double.NegativeInfinity,
        _ => double.Parse(text, CultureInfo.InvariantCulture),
    };
}
