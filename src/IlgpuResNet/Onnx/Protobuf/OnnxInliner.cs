using System.Collections.Immutable;
using IlgpuResNet.Files;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Onnx;

/// <summary>
/// Replaces each call of a local function by the function's nodes, as PyTorch's older exporters and onnxscript write activations. Values
/// inside get names that begin with the call's, so that messages say where they are.
/// </summary>
internal sealed class OnnxInliner
{
    // Upper estimate of a node with its lists, and of a name apart from its letters, in bytes.
    private const int BytesPerNode = 512;
    private const int BytesPerName = 96;

    /// <summary>Calls inside calls; exporters write a few.</summary>
    private const int MostNested = 32;

    private readonly Dictionary<(string Domain, string Name), OnnxFunction> functions;
    private readonly ReadBudget budget;
    private readonly ImmutableArray<OnnxNode>.Builder nodes = ImmutableArray.CreateBuilder<OnnxNode>();

    // The calls that are being replaced: a function that calls itself has no end.
    private readonly HashSet<OnnxFunction> calling = [];
    private int calls;

    private OnnxInliner(Dictionary<(string Domain, string Name), OnnxFunction> functions, ReadBudget budget)
    {
        this.functions = functions;
        this.budget = budget;
    }

    /// <summary>The graph without calls of these functions.</summary>
    /// <param name="graph">The graph as the file has it.</param>
    /// <param name="functions">The file's functions by domain and name.</param>
    /// <param name="budget">Budget that the nodes are charged to: calls of calls could make any number.</param>
    /// <exception cref="WeightsException">A function calls itself, or a call does not fit its function.</exception>
    public static OnnxGraph Inline(OnnxGraph graph, Dictionary<(string Domain, string Name), OnnxFunction> functions, ReadBudget budget)
    {
        if (functions.Count == 0) return graph;
        var inliner = new OnnxInliner(functions, budget);
        foreach (OnnxNode node in graph.Nodes) inliner.Add(node);
        return graph with { Nodes = inliner.nodes.ToImmutable() };
    }

    /// <summary>The name of a function for messages.</summary>
    public static string NameOf(OnnxFunction function) => $"{FileText.Clean(function.Domain)}.{FileText.Clean(function.Name)}";

    private void Add(OnnxNode node)
    {
        budget.Charge(BytesPerNode);
        if (!functions.TryGetValue((node.Domain, node.OpType), out OnnxFunction? function))
        {
            nodes.Add(node);
            return;
        }
        if (!calling.Add(function)) throw Refused(function, "calls itself");
        if (calling.Count > MostNested) throw Refused(function, $"is called through more than {MostNested} others");
        if (node.Inputs.Length > function.Inputs.Length || node.Outputs.Length > function.Outputs.Length)
        {
            throw Refused(
                function, $"has {function.Inputs.Length} inputs and {function.Outputs.Length} outputs, but node "
                + $"{OnnxNames.Show(node.Name)} calls it with {node.Inputs.Length} and {node.Outputs.Length}");
        }
        string prefix = $"{(node.Name.Length > 0 ? node.Name : node.Outputs.FirstOrDefault() ?? function.Name)}/{++calls}/";
        var names = new Dictionary<string, string>(StringComparer.Ordinal);
        for (int i = 0; i < function.Inputs.Length; i++) names[function.Inputs[i]] = i < node.Inputs.Length ? node.Inputs[i] : "";
        names[""] = "";
        var passed = new List<(string From, string To)>();
        for (int i = 0; i < node.Outputs.Length; i++)
        {
            if (node.Outputs[i].Length == 0) continue;
            // An output that is an input of the function, or another output, again has no node of its own.
            if (!names.TryAdd(function.Outputs[i], node.Outputs[i])) passed.Add((names[function.Outputs[i]], node.Outputs[i]));
        }
        foreach (OnnxNode inner in function.Nodes)
        {
            Add(inner with
            {
                Name = Within(inner.Name.Length > 0 ? inner.Name : inner.OpType),
                Inputs = [.. inner.Inputs.Select(Renamed)],
                Outputs = [.. inner.Outputs.Select(Renamed)],
                Attributes = Resolved(inner.Attributes, node, function),
                Opset = function.Opset ?? node.Opset,
            });
        }
        foreach ((string from, string to) in passed)
        {
            budget.Charge(BytesPerNode);
            nodes.Add(new OnnxNode(Within("Identity"), "Identity", "", [from], [to], ImmutableDictionary<string, OnnxAttribute>.Empty));
        }
        calling.Remove(function);

        string Renamed(string name)
        {
            if (!names.TryGetValue(name, out string? renamed)) names.Add(name, renamed = Within(name));
            return renamed;
        }

        string Within(string name)
        {
            budget.Charge(BytesPerName + sizeof(char) * (long)(prefix.Length + name.Length));
            return prefix + name;
        }
    }

    /// <summary>The attributes of a node of a function, with the values of the call; one that the call leaves out is left out.</summary>
    private static ImmutableDictionary<string, OnnxAttribute> Resolved(
        ImmutableDictionary<string, OnnxAttribute> attributes, OnnxNode call, OnnxFunction function)
    {
        if (attributes.Values.All(attribute => attribute.Reference is null)) return attributes;
        var resolved = ImmutableDictionary.CreateBuilder<string, OnnxAttribute>(StringComparer.Ordinal);
        foreach ((string name, OnnxAttribute attribute) in attributes)
        {
            OnnxAttribute? value = attribute.Reference is not { } reference ? attribute
                : call.Attributes.GetValueOrDefault(reference) ?? function.Defaults.GetValueOrDefault(reference);
            if (value is not null) resolved.Add(name, value with { Name = name });
        }
        return resolved.ToImmutable();
    }

    private WeightsException Refused(OnnxFunction function, string why) =>
        new($"{budget.Source}: damaged ONNX file: local function {NameOf(function)} {why}.");
}
