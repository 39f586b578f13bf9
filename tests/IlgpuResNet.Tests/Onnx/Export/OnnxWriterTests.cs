using System.Collections.Immutable;
using IlgpuResNet.Files;
using IlgpuResNet.Onnx;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Tests;

[TestClass]
public sealed class OnnxWriterTests : IDisposable
{
    private readonly OnnxFolder folder = new();

    public void Dispose() => folder.Dispose();

    [TestMethod]
    public void Writes_the_bytes_that_the_Python_package_writes()
    {
        using var stream = new MemoryStream();
        OnnxWriter.Write(stream, Model());
        Assert.AreEqual(Convert.ToHexString(File.ReadAllBytes(OnnxFolder.Golden("written.onnx"))), Convert.ToHexString(stream.ToArray()));
    }

    [TestMethod]
    public void Written_models_read_back()
    {
        OnnxModelToWrite model = Model();
        string path = Write(model);
        using OnnxFile file = OnnxFile.Load(path);
        Assert.AreEqual(OnnxWriter.IrVersion, file.IrVersion);
        Assert.AreEqual(OnnxWriter.Producer, file.Producer);
        Assert.AreEqual(17, file.Opsets.Single().Value);
        Assert.AreEqual("key=value", string.Join(' ', file.Metadata.Select(pair => $"{pair.Key}={pair.Value}")));
        Assert.AreEqual("graph", file.Graph.Name);
        Assert.AreEqual("Conv,Custom", string.Join(',', file.Graph.Nodes.Select(node => node.OpType)));
        Assert.AreSequenceEqual([0L, 1, 2, 3], file.Graph.Nodes[0].Attributes["pads"].Ints);
        Assert.AreSequenceEqual(model.Inputs[0].Shape!.Value, file.Graph.Inputs[0].Shape!.Value);
        foreach ((StateTensor expected, StateTensor actual) in model.Initializers.Zip(file.Graph.InitializersInOrder))
        {
            Assert.AreEqual(expected.Name, actual.Name);
            Assert.AreEqual(expected.DataType, actual.DataType);
            Assert.AreSequenceEqual(expected.Shape, actual.Shape);
            CollectionAssert.AreEqual(expected.ToByteArray(), actual.ToByteArray());
        }
    }

    [TestMethod]
    public void Weights_longer_than_the_buffer_are_copied_through()
    {
        float[] values = TestData.Uniform(new Random(7), 700_001);
        OnnxModelToWrite model = Model() with { Initializers = [Tensor("large", values, values.Length), Tensor("empty", [], 0)] };
        using OnnxFile file = OnnxFile.Load(Write(model));
        CollectionAssert.AreEqual(values, file.Graph.Initializers["large"].ToArray());
        Assert.IsEmpty(file.Graph.Initializers["empty"].ToArray());
    }

    [TestMethod]
    public void A_model_beyond_the_format_is_refused_before_anything_is_written()
    {
        using var stream = new MemoryStream();
        OnnxModelToWrite model =
            Model() with { Initializers = [new EndlessTensor { Name = "w", Shape = [1 << 29], DataType = DataType.Float32 }] };
        WeightsException error = Assert.ThrowsExactly<WeightsException>(() => OnnxWriter.Write(stream, model));
        StringAssert.Contains(error.Message, $"ends at {int.MaxValue}; save it as safetensors", StringComparison.Ordinal);
        Assert.AreEqual(0, stream.Length);
    }

    [TestMethod]
    public void An_attribute_of_a_type_that_is_not_kept_is_refused()
    {
        OnnxModelToWrite model = Model();
        OnnxNode node = model.Nodes[0] with { Attributes = Attributes(new OnnxAttribute("body", OnnxAttributeType.Graph)) };
        WeightsException error =
            Assert.ThrowsExactly<WeightsException>(() => OnnxWriter.Write(new MemoryStream(), model with { Nodes = [node] }));
        Assert.AreEqual("attribute body of node conv (Conv) is of type Graph, which is not written.", error.Message);
    }

    [TestMethod]
    public void A_single_tensor_reads_back()
    {
        string path = folder.PathOf("output_0.pb");
        OnnxTensor.SavePb(path, "y", [2, 1, 3], [1, -2, 3.5f, float.NaN, 5, 6]);
        StateTensor tensor = OnnxTensor.LoadPb(path);
        Assert.AreEqual("y [2, 1, 3]", $"{tensor.Name} {FileText.Shape(tensor.Shape)}");
        CollectionAssert.AreEqual(new[] { 1, -2, 3.5f, float.NaN, 5, 6 }, tensor.ToArray());
        Assert.ThrowsExactly<ArgumentException>(() => OnnxTensor.SavePb(path, "y", [2], [1]));
        WeightsException error = Assert.ThrowsExactly<WeightsException>(() => OnnxTensor.SavePb(folder.PathOf("none/y.pb"), "y", [1], [1]));
        StringAssert.Contains(error.Message, "y.pb: cannot be written: its folder does not exist.", StringComparison.Ordinal);
    }

    private string Write(OnnxModelToWrite model)
    {
        string path = folder.PathOf("written.onnx");
        using FileStream stream = File.Create(path);
        OnnxWriter.Write(stream, model);
        return path;
    }

    /// <summary>The model that make_onnx_goldens.py makes.</summary>
    private static OnnxModelToWrite Model() => new(
        "graph",
        17,
        [
            new OnnxNode("conv", "Conv", "", ["x", "w", ""], ["c"], Attributes(
                new OnnxAttribute("pads", OnnxAttributeType.Ints) { Ints = [0, 1, 2, 3] },
                new OnnxAttribute("group", OnnxAttributeType.Int) { I = 1 })),
            new OnnxNode("", "Custom", "test", ["c"], ["y"], Attributes(
                new OnnxAttribute("f", OnnxAttributeType.Float) { F = -1.5f },
                new OnnxAttribute("floats", OnnxAttributeType.Floats) { Floats = [0.5f, 2] },
                new OnnxAttribute("s", OnnxAttributeType.String) { S = "é" },
                new OnnxAttribute("strings", OnnxAttributeType.Strings) { Strings = ["p", ""] },
                new OnnxAttribute("t", OnnxAttributeType.Tensor)
                {
                    T = new BytesTensor { Name = "t", Shape = [2], DataType = DataType.Int64,
                        Values = [.. BitConverter.GetBytes(-1L), .. BitConverter.GetBytes(300L)] },
                })),
        ],
        [
            new ArrayTensor { Name = "w", Shape = [1, 1, 1, 2], DataType = DataType.Float32, Values = [1, -2.5f] },
            new BytesTensor { Name = "h", Shape = [3], DataType = DataType.Float16, Values = [0, 0x3C, 0, 0x40, 0, 0x42] },
        ],
        [new OnnxValue("x", OnnxElementType.Float, [new(null, "N"), new(1, null), new(null, null), new(2, null)])],
        [new OnnxValue("y", OnnxElementType.Float, []), new OnnxValue("z", OnnxElementType.Float16, null)],
        new Dictionary<string, string> { ["key"] = "value" });

    private static ImmutableDictionary<string, OnnxAttribute> Attributes(params OnnxAttribute[] attributes) =>
        attributes.ToImmutableDictionary(attribute => attribute.Name);

    private static ArrayTensor Tensor(string name, float[] values, params ImmutableArray<int> shape) =>
        new() { Name = name, Shape = shape, DataType = DataType.Float32, Values = values };

    /// <summary>A tensor of 2 GB that takes no memory.</summary>
    private sealed class EndlessTensor : StateTensor
    {
        public override void CopyTo(Span<float> destination) => throw new NotSupportedException();

        internal override void CopyBytes(long first, Span<byte> destination) => throw new NotSupportedException();
    }
}
