using Google.Protobuf;
using IlgpuResNet.Onnx;

namespace IlgpuResNet.Tests;

/// <summary>A folder for the ONNX files of one test, and makers of such files.</summary>
internal sealed class OnnxFolder : IDisposable
{
    private readonly WeightsFolder folder = new();

    public static string Golden(string name) => Path.Combine(AppContext.BaseDirectory, "data", "onnx", name);

    public string PathOf(string name) => folder.PathOf(name);

    public string Write(string name, ReadOnlySpan<byte> content) => folder.Write(name, content);

    /// <summary>A model with this graph.</summary>
    public static byte[] Model(byte[] graph) => OnnxMessages.Message(output =>
    {
        output.WriteInt(ModelField.IrVersion, 8);
        output.WriteMessage(ModelField.Graph, graph);
        output.WriteMessage(ModelField.OpsetImport, OnnxMessages.Opset("", 13));
    });

    /// <summary>A model with one initializer.</summary>
    public static byte[] ModelOf(Action<CodedOutputStream> initializer) =>
        Model(OnnxMessages.Message(graph => graph.WriteMessage(GraphField.Initializer, OnnxMessages.Message(initializer))));

    /// <summary>A model with one node.</summary>
    public static byte[] ModelOfNode(Action<CodedOutputStream> node) =>
        Model(OnnxMessages.Message(graph => graph.WriteMessage(GraphField.Node, OnnxMessages.Message(node))));

    /// <summary>A model with one node with one attribute, called a.</summary>
    public static byte[] ModelOfAttribute(Action<CodedOutputStream> attribute) => ModelOfNode(node =>
    {
        node.WriteText(NodeField.Name, "n");
        node.WriteText(NodeField.OpType, "Op");
        node.WriteMessage(NodeField.Attribute, OnnxMessages.Message(output =>
        {
            output.WriteText(AttributeField.Name, "a");
            attribute(output);
        }));
    });

    /// <summary>The only attribute of a model with one node.</summary>
    public OnnxAttribute Attribute(Action<CodedOutputStream> attribute)
    {
        using OnnxFile file = OnnxFile.Load(Write("attribute.onnx", ModelOfAttribute(attribute)));
        return file.Graph.Nodes.Single().Attributes["a"];
    }

    /// <summary>Checks that loading fails with one clear line that names the file and has this part.</summary>
    public WeightsException Refused(ReadOnlySpan<byte> content, string part) => Refused(Write("refused.onnx", content), part);

    /// <inheritdoc cref="Refused(ReadOnlySpan{byte}, string)"/>
    public static WeightsException Refused(string path, string part)
    {
        WeightsException error = Assert.ThrowsExactly<WeightsException>(() => OnnxFile.Load(path).Dispose());
        StringAssert.Contains(error.Message, part, StringComparison.Ordinal);
        StringAssert.StartsWith(error.Message, path, StringComparison.Ordinal);
        Assert.IsFalse(error.Message.AsSpan().ContainsAny('\n', '\r'), error.Message);
        Assert.IsLessThan(path.Length + 600, error.Message.Length, error.Message);
        return error;
    }

    public void Dispose() => folder.Dispose();
}
