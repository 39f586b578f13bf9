using System.Collections.Immutable;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Onnx;

/// <summary>Reads NodeProto.</summary>
internal sealed class OnnxNodeReader(OnnxTensorReader tensors, ReadBudget budget)
{
    // Upper estimates of objects with the references to them, in bytes.
    private const int BytesPerNode = 192;
    private const int BytesPerAttributes = 256;
    private const int BytesPerEntry = 160;

    private readonly OnnxAttributeReader attributes = new(tensors, budget);

    /// <summary>Reads a node.</summary>
    /// <param name="message">The node.</param>
    /// <param name="index">Its index in the graph, for messages.</param>
    /// <param name="inFunction">True in a local function, whose attributes may refer to those of a call.</param>
    /// <exception cref="WeightsException">The node is damaged.</exception>
    public OnnxNode Read(ProtoReader message, int index, bool inFunction = false)
    {
        budget.Charge(BytesPerNode);
        string name = "", type = "", domain = "";
        int inputCount = 0, outputCount = 0, attributeCount = 0;
        ProtoReader first = message.Again();
        while (first.Next())
        {
            switch (first.Field)
            {
                case NodeField.Input:
                    inputCount++;
                    break;
                case NodeField.Output:
                    outputCount++;
                    break;
                case NodeField.Attribute:
                    attributeCount++;
                    break;
                case NodeField.Name:
                    name = first.Text();
                    break;
                case NodeField.OpType:
                    type = first.Text();
                    break;
                case NodeField.Domain:
                    domain = first.Text();
                    break;
            }
        }
        if (type.Length == 0)
            throw new WeightsException($"{budget.Source}: damaged ONNX file: node {index} {OnnxNames.Show(name)} has no operator.");
        return new OnnxNode(
            name,
            type,
            domain == OnnxModelReader.DefaultDomainName ? "" : domain,
            OnnxAttributeReader.ReadTexts(message, NodeField.Input, inputCount),
            OnnxAttributeReader.ReadTexts(message, NodeField.Output, outputCount),
            attributeCount == 0 ? ImmutableDictionary<string, OnnxAttribute>.Empty : ReadAttributes(message, name, type, inFunction));
    }

    private ImmutableDictionary<string, OnnxAttribute> ReadAttributes(
        ProtoReader message, string node, string type, bool inFunction)
    {
        budget.Charge(BytesPerAttributes);
        var byName = ImmutableDictionary.CreateBuilder<string, OnnxAttribute>(StringComparer.Ordinal);
        while (message.Next())
        {
            if (message.Field != NodeField.Attribute) continue;
            budget.Charge(BytesPerEntry);
            OnnxAttribute attribute = attributes.Read(message.Message("AttributeProto"), node, type, inFunction);
            if (!byName.TryAdd(attribute.Name, attribute))
                throw OnnxAttributeReader.Defect(message, node, type, attribute.Name, "occurs twice");
        }
        return byName.ToImmutable();
    }
}
