using System.Collections.Immutable;
using IlgpuResNet.Onnx;

namespace IlgpuResNet.Tests;

/// <summary>Calls of a file's local functions become the functions' nodes.</summary>
[TestClass]
public sealed class OnnxFunctionTests : IDisposable
{
    private const string Domain = "local";
    private readonly OnnxFolder folder = new();

    public void Dispose() => folder.Dispose();

    [TestMethod]
    public void A_call_becomes_nodes_with_its_values_and_attributes()
    {
        byte[] inner = Function("inner", ["a"], ["b"], [Node("Relu", ["a"], ["b"])]);
        byte[] outer = Function(
            "outer", ["x", "unused"], ["same", "y"],
            [Node("LeakyRelu", ["x"], ["t"], Reference("alpha", "slope")), Node("inner", ["t"], ["y"], domain: Domain),
                Node("Elu", ["x"], ["same2"], Reference("alpha", "absent"))]);
        OnnxGraph graph = Load(
            [Node("outer", ["input"], ["-", "output"], Float("slope", 0.25f), domain: Domain), Node("Identity", ["output"], ["end"])],
            outer, inner);
        Assert.AreEqual("LeakyRelu Relu Elu Identity", string.Join(' ', graph.Nodes.Select(node => node.OpType)));
        OnnxNode leaky = graph.Nodes[0], relu = graph.Nodes[1];
        Assert.AreEqual("input", leaky.Inputs.Single());
        Assert.AreEqual(0.25f, leaky.Attributes["alpha"].F);
        Assert.AreEqual(leaky.Outputs.Single(), relu.Inputs.Single());
        Assert.AreEqual("output", relu.Outputs.Single());
        Assert.IsEmpty(graph.Nodes[2].Attributes, "an attribute that the call leaves out");
        Assert.AreEqual(9L, leaky.Opset);
    }

    [TestMethod]
    public void An_output_that_is_an_input_gets_a_node()
    {
        OnnxGraph graph = Load([Node("same", ["input"], ["output"], domain: Domain)], Function("same", ["x"], ["x"], []));
        Assert.AreEqual("Identity", graph.Nodes.Single().OpType);
        Assert.AreEqual("input", graph.Nodes.Single().Inputs.Single());
        Assert.AreEqual("output", graph.Nodes.Single().Outputs.Single());
    }

    [TestMethod]
    public void Functions_without_an_end_are_refused()
    {
        byte[] call = Node("f", ["input"], ["output"], domain: Domain);
        Refused([call], "local function local.f calls itself", Function("f", ["x"], ["y"], [Node("f", ["x"], ["y"], domain: Domain)]));
        byte[] relu = Function("f", ["x"], ["y"], [Node("Relu", ["x"], ["y"])]);
        Refused([call], "defines the local function local.f twice", relu, relu);
        Refused([Node("f", ["a", "b"], ["output"], domain: Domain)], "with 2 and 1", relu);
        // Each of forty functions calls the next twice.
        byte[][] doubling = [.. Enumerable.Range(0, 24).Select(i => Function(
            $"f{i}", ["x"], ["y"],
            [Node($"f{i + 1}", ["x"], ["t"], domain: Domain), Node($"f{i + 1}", ["t"], ["y"], domain: Domain)]))];
        Refused([Node("f0", ["input"], ["output"], domain: Domain)], "memory", doubling);
        byte[][] chain = [.. Enumerable.Range(0, 60).Select(i => Function(
            $"f{i}", ["x"], ["y"], [Node($"f{i + 1}", ["x"], ["y"], domain: Domain)]))];
        Refused([Node("f0", ["input"], ["output"], domain: Domain)], "is called through more than 32 others", chain);
    }

    private OnnxGraph Load(byte[][] nodes, params byte[][] functions)
    {
        using OnnxFile file = OnnxFile.Load(folder.Write("functions.onnx", Model(nodes, functions)));
        return file.Graph;
    }

    private void Refused(byte[][] nodes, string part, params byte[][] functions) => folder.Refused(Model(nodes, functions), part);

    private static byte[] Model(byte[][] nodes, byte[][] functions) =>
    [
        .. OnnxFolder.Model(OnnxMessages.Message(graph =>
        {
            foreach (byte[] node in nodes) graph.WriteMessage(GraphField.Node, node);
        })),
        .. functions.SelectMany(function => OnnxMessages.Message(output => output.WriteMessage(ModelField.Functions, function))),
    ];

    private static byte[] Function(string name, string[] inputs, string[] outputs, byte[][] nodes) => OnnxMessages.Message(output =>
    {
        output.WriteText(FunctionField.Name, name);
        foreach (string input in inputs) output.WriteText(FunctionField.Input, input);
        foreach (string result in outputs) output.WriteText(FunctionField.Output, result);
        foreach (byte[] node in nodes) output.WriteMessage(FunctionField.Node, node);
        output.WriteMessage(FunctionField.OpsetImport, OnnxMessages.Opset("", 9));
        output.WriteText(FunctionField.Domain, Domain);
    });

    private static byte[] Node(string type, string[] inputs, string[] outputs, byte[]? attribute = null, string domain = "")
    {
        ImmutableArray<string> results = [.. outputs.Select(name => name == "-" ? "" : name)];
        byte[] node = OnnxMessages.Node(
            new OnnxNode("", type, domain, [.. inputs], results, ImmutableDictionary<string, OnnxAttribute>.Empty));
        return attribute is null ? node
            : [.. node, .. OnnxMessages.Message(output => output.WriteMessage(NodeField.Attribute, attribute))];
    }

    private static byte[] Float(string name, float value) => OnnxMessages.Message(output =>
    {
        output.WriteText(AttributeField.Name, name);
        output.WriteTag(AttributeField.F, Google.Protobuf.WireFormat.WireType.Fixed32);
        output.WriteFloat(value);
        output.WriteInt(AttributeField.Type, (int)OnnxAttributeType.Float);
    });

    private static byte[] Reference(string name, string to) => OnnxMessages.Message(output =>
    {
        output.WriteText(AttributeField.Name, name);
        output.WriteInt(AttributeField.Type, (int)OnnxAttributeType.Float);
        output.WriteText(AttributeField.RefAttrName, to);
    });
}
