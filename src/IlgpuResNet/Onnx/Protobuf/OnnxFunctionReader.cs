using System.Collections.Immutable;
using IlgpuResNet.Files;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Onnx;

/// <summary>Reads FunctionProto.</summary>
internal static class OnnxFunctionReader
{
    // Upper estimates of a function, and of an entry of a dictionary, in bytes.
    private const int BytesPerFunction = 512;
    private const int BytesPerEntry = 256;

    /// <summary>Reads a function.</summary>
    /// <exception cref="WeightsException">The function is damaged.</exception>
    public static OnnxFunction Read(ProtoReader message, OnnxTensorReader tensors)
    {
        ReadBudget budget = message.Budget;
        budget.Charge(BytesPerFunction);
        var nodeReader = new OnnxNodeReader(tensors, budget);
        var attributeReader = new OnnxAttributeReader(tensors, budget);
        int nodeCount = message.Count(FunctionField.Node);
        budget.Charge(nodeCount * (long)nint.Size);
        var nodes = ImmutableArray.CreateBuilder<OnnxNode>(nodeCount);
        var defaults = ImmutableDictionary.CreateBuilder<string, OnnxAttribute>(StringComparer.Ordinal);
        var opsets = ImmutableDictionary.CreateBuilder<string, long>(StringComparer.Ordinal);
        string name = "", domain = "";
        ImmutableArray<string> inputs = OnnxAttributeReader.ReadTexts(
            message.Again(), FunctionField.Input, message.Count(FunctionField.Input));
        ImmutableArray<string> outputs = OnnxAttributeReader.ReadTexts(
            message.Again(), FunctionField.Output, message.Count(FunctionField.Output));
        while (message.Next())
        {
            switch (message.Field)
            {
                case FunctionField.Name:
                    name = message.Text();
                    break;
                case FunctionField.Domain:
                    domain = message.Text();
                    break;
                case FunctionField.Node:
                    nodes.Add(nodeReader.Read(message.Message("NodeProto"), nodes.Count, inFunction: true));
                    break;
                case FunctionField.AttributeProto:
                    budget.Charge(BytesPerEntry);
                    OnnxAttribute attribute = attributeReader.Read(message.Message("AttributeProto"), name, "function");
                    defaults[attribute.Name] = attribute;
                    break;
                case FunctionField.OpsetImport:
                    budget.Charge(BytesPerEntry);
                    OnnxModelReader.AddOpset(opsets, message.Message("OperatorSetIdProto"));
                    break;
            }
        }
        if (inputs.Distinct(StringComparer.Ordinal).Count() != inputs.Length)
            throw message.Damaged($"names an input of the local function {FileText.Clean(domain)}.{FileText.Clean(name)} twice");
        return new OnnxFunction(
            domain, name, inputs, outputs, nodes.MoveToImmutable(), defaults.ToImmutable(),
            opsets.TryGetValue("", out long version) ? version : null);
    }
}
