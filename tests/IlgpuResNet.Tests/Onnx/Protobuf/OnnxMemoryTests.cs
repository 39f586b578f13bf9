using System.Diagnostics;
using Google.Protobuf;
using IlgpuResNet.Onnx;

namespace IlgpuResNet.Tests;

/// <summary>A few bytes must not make many objects, and nesting must not make a deep stack.</summary>
[TestClass]
public sealed class OnnxMemoryTests : IDisposable
{
    private const int Many = 400_000;
    private const int Tries = 4;

    private readonly OnnxFolder folder = new();

    public void Dispose() => folder.Dispose();

    [TestMethod]
    [DataRow("nodes")]
    [DataRow("attributes")]
    [DataRow("ints")]
    [DataRow("strings")]
    [DataRow("inputs of a node")]
    [DataRow("initializers")]
    [DataRow("inputs")]
    [DataRow("dimensions")]
    [DataRow("opsets")]
    [DataRow("metadata")]
    [DataRow("integers of a tensor")]
    [DataRow("refused tensors")]
    [DataRow("external entries")]
    public void Spends_no_more_memory_than_the_file_justifies(string what)
    {
        byte[] content = Hostile(what);
        string path = folder.Write("hostile.onnx", content);
        TimeSpan least = TimeSpan.MaxValue;
        // A busy machine may take a second for anything, so the best of a few tries counts.
        for (int tries = 0; tries < Tries && least >= TimeSpan.FromSeconds(1); tries++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            long start = Stopwatch.GetTimestamp();
            OnnxFolder.Refused(path, "more memory than a file of its size justifies");
            TimeSpan taken = Stopwatch.GetElapsedTime(start);
            Assert.IsLessThan(2L * content.Length + (16 << 20), GC.GetAllocatedBytesForCurrentThread() - before, what);
            if (taken < least) least = taken;
        }
        Assert.IsLessThan(TimeSpan.FromSeconds(1), least, what);
    }

    [TestMethod]
    public void Nested_subgraphs_are_not_entered()
    {
        // Each level is wrapped in the one before it: 20,000 graphs deep.
        var levels = new List<byte[]> { Array.Empty<byte>() };
        int length = 0;
        for (int i = 0; i < 20_000; i++)
        {
            byte[] attribute = Header(AttributeField.G, length);
            byte[] node = Header(NodeField.Attribute, attribute.Length + length);
            byte[] graph = Header(GraphField.Node, node.Length + attribute.Length + length);
            byte[] level = [.. graph, .. node, .. attribute];
            levels.Add(level);
            length += level.Length;
        }
        byte[] nested = new byte[length];
        int position = 0;
        for (int i = levels.Count - 1; i >= 0; i--)
        {
            levels[i].CopyTo(nested, position);
            position += levels[i].Length;
        }
        OnnxAttribute body = folder.Attribute(output => output.WriteMessage(AttributeField.G, nested));
        Assert.AreEqual(OnnxAttributeType.Graph, body.Type);
    }

    private static byte[] Header(int field, int length) => OnnxMessages.Message(output =>
    {
        output.WriteTag(field, WireFormat.WireType.LengthDelimited);
        output.WriteLength(length);
    });

    private static byte[] Hostile(string what)
    {
        byte[] node = OnnxMessages.Message(output => output.WriteText(NodeField.OpType, "A"));
        byte[] shape = OnnxMessages.Message(output =>
        {
            for (int i = 0; i < 64; i++) output.WriteMessage(ShapeField.Dim, []);
        });
        byte[] Value() => Nested(ValueInfoField.Type, Nested(TypeField.TensorType, Nested(TypeField.TensorShape, shape)));
        return what switch
        {
            "nodes" => OnnxFolder.Model(Times(Many, (output, _) => output.WriteMessage(GraphField.Node, node))),
            "attributes" => OnnxFolder.ModelOfNode(output =>
            {
                output.WriteText(NodeField.OpType, "A");
                for (int i = 0; i < Many; i++) output.WriteMessage(
                    NodeField.Attribute, OnnxMessages.Message(attribute => attribute.WriteText(AttributeField.Name, $"{i}")));
            }),
            "ints" => OnnxFolder.ModelOfAttribute(output => output.WriteMessage(AttributeField.Ints, new byte[8 * Many])),
            "strings" => OnnxFolder.ModelOfAttribute(output =>
            {
                for (int i = 0; i < 4 * Many; i++) output.WriteText(AttributeField.Strings, "s");
            }),
            "inputs of a node" => OnnxFolder.ModelOfNode(output =>
            {
                output.WriteText(NodeField.OpType, "A");
                for (int i = 0; i < 20 * Many; i++) output.WriteText(NodeField.Input, "");
            }),
            "initializers" => OnnxFolder.Model(
                Times(Many / 4, (output, i) => output.WriteMessage(GraphField.Initializer, OnnxMessages.Message(tensor =>
            {
                tensor.WriteText(TensorField.Name, $"{i}");
                tensor.WriteInt(TensorField.DataType, OnnxElementType.Bool);
                tensor.WriteInt(TensorField.Int32Data, 1);
            })))),
            "inputs" => OnnxFolder.Model(Times(Many, (output, _) => output.WriteMessage(GraphField.Input, []))),
            "dimensions" => OnnxFolder.Model(Times(Many / 4, (output, _) => output.WriteMessage(GraphField.Output, Value()))),
            "opsets" => [.. OnnxFolder.Model([]),
                .. Times(Many, (output, i) => output.WriteMessage(ModelField.OpsetImport, OnnxMessages.Opset($"{i}", 1)))],
            "metadata" => [.. OnnxFolder.Model([]),
                .. Times(Many, (output, i) => output.WriteMessage(ModelField.MetadataProps, OnnxMessages.Entry($"{i}", "")))],
            "integers of a tensor" => OnnxFolder.ModelOf(output =>
            {
                output.WriteInt(TensorField.Dims, 8 * Many);
                output.WriteInt(TensorField.DataType, OnnxElementType.Int64);
                output.WriteMessage(TensorField.Int64Data, new byte[8 * Many]);
            }),
            "refused tensors" => OnnxFolder.ModelOfAttribute(output =>
            {
                for (int i = 0; i < Many; i++) output.WriteMessage(AttributeField.T, []);
            }),
            "external entries" => OnnxFolder.ModelOf(output =>
            {
                for (int i = 0; i < Many; i++) output.WriteMessage(TensorField.ExternalData, OnnxMessages.Entry("location", "x"));
            }),
            _ => throw new ArgumentOutOfRangeException(nameof(what)),
        };
    }

    private static byte[] Times(int count, Action<CodedOutputStream, int> write) => OnnxMessages.Message(output =>
    {
        for (int i = 0; i < count; i++) write(output, i);
    });

    private static byte[] Nested(int field, byte[] content) => OnnxMessages.Message(output => output.WriteMessage(field, content));
}
