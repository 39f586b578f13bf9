using System.Collections.Immutable;
using IlgpuResNet.Files;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Onnx;

/// <summary>The content of a ModelProto.</summary>
internal sealed record OnnxModelContent(
    long IrVersion,
    string Producer,
    ImmutableDictionary<string, long> Opsets,
    ImmutableDictionary<string, string> Metadata,
    OnnxGraph Graph);

/// <summary>Reads ModelProto.</summary>
internal static class OnnxModelReader
{
    /// <summary>Another name of the empty domain, which has ONNX's own operators.</summary>
    public const string DefaultDomainName = "ai.onnx";

    // Upper estimate of an entry of a dictionary, in bytes.
    private const int BytesPerEntry = 256;

    /// <summary>
    /// Reads a model, with calls of its local functions replaced by their nodes. Subgraphs and all about training are skipped, so nesting
    /// costs nothing.
    /// </summary>
    /// <exception cref="WeightsException">The model is damaged, or uses a feature that is not supported.</exception>
    public static OnnxModelContent Read(ProtoReader message, OnnxTensorReader tensors)
    {
        ReadBudget budget = message.Budget;
        long irVersion = 0;
        string producer = "";
        var opsets = ImmutableDictionary.CreateBuilder<string, long>(StringComparer.Ordinal);
        var metadata = ImmutableDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        OnnxGraph? graph = null;
        var functions = new Dictionary<(string Domain, string Name), OnnxFunction>();
        while (message.Next())
        {
            switch (message.Field)
            {
                case ModelField.IrVersion:
                    irVersion = message.Int64();
                    break;
                case ModelField.ProducerName:
                    producer = message.Text();
                    break;
                case ModelField.Graph:
                    if (graph is not null) throw message.Damaged("has two graphs");
                    graph = new OnnxGraphReader(tensors, budget).Read(message.Message("GraphProto"));
                    break;
                case ModelField.OpsetImport:
                    budget.Charge(BytesPerEntry);
                    AddOpset(opsets, message.Message("OperatorSetIdProto"));
                    break;
                case ModelField.MetadataProps:
                    budget.Charge(BytesPerEntry);
                    AddMetadata(metadata, message.Message("StringStringEntryProto"));
                    break;
                case ModelField.Functions:
                    OnnxFunction function = OnnxFunctionReader.Read(message.Message("FunctionProto"), tensors);
                    if (!functions.TryAdd((function.Domain, function.Name), function))
                        throw message.Damaged($"defines the local function {OnnxInliner.NameOf(function)} twice");
                    break;
            }
        }
        return graph is null
            ? throw message.Damaged("has no graph")
            : new OnnxModelContent(
                irVersion, producer, opsets.ToImmutable(), metadata.ToImmutable(), OnnxInliner.Inline(graph, functions, budget));
    }

    internal static void AddOpset(ImmutableDictionary<string, long>.Builder opsets, ProtoReader message)
    {
        string domain = "";
        long version = 0;
        while (message.Next())
        {
            if (message.Field == OpsetField.Domain) domain = message.Text();
            else if (message.Field == OpsetField.Version) version = message.Int64();
        }
        if (domain == DefaultDomainName) domain = "";
        if (opsets.TryGetValue(domain, out long other) && other != version)
        {
            string asked = $"asks for version {version} of the operators of domain '{FileText.Clean(domain)}'";
            throw message.Damaged($"{asked}, and another one for version {other}");
        }
        opsets[domain] = version;
    }

    private static void AddMetadata(ImmutableDictionary<string, string>.Builder metadata, ProtoReader message)
    {
        string key = "", value = "";
        while (message.Next())
        {
            if (message.Field == EntryField.Key) key = message.Text();
            else if (message.Field == EntryField.Value) value = message.Text();
        }
        if (!metadata.TryAdd(key, value)) throw message.Damaged($"has the metadata key {FileText.Clean(key)} for the second time");
    }
}
