using System.Collections.Frozen;
using System.Collections.Immutable;
using IlgpuResNet.Files;
using IlgpuResNet.Graphs;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Onnx;

/// <summary>
/// Imports an ONNX graph for inputs of one size as a <see cref="Network"/>. Nothing is allocated on a device, and weights stay in their
/// file. Only nodes that the wanted outputs depend on are read.
/// </summary>
/// <remarks>
/// ONNX does not state how a tensor lies in memory. The importer tries the orders of <see cref="OnnxInput.Layouts"/> one after the other:
/// for each, a node's handler returns a value, or null when that order does not allow the node; it throws when no order does.
/// </remarks>
internal sealed class OnnxImporter
{
    private static readonly FrozenDictionary<string, OnnxHandler> Operators = AllOperators();

    /// <summary>Operators that can make the pending padding of a Pad before them.</summary>
    private static readonly FrozenSet<string> TakesPad = new[] { "Conv", "MaxPool", "AveragePool", "Pad" }.ToFrozenSet();

    /// <summary>Operators whose first output may be left out, because there are others.</summary>
    private static readonly FrozenSet<string> MakesSeveral = new[] { "Split", "TopK" }.ToFrozenSet();

    private const string UnsupportedOutput = "an output that is not supported, such as a mask or indices";
    private const string LogitsName = "logits";
    private const string ProbabilitiesName = "probabilities";

    // Limit of weights that ConstantOfShape makes or several nodes share: more than any ResNet has. Any other weight takes at least a byte
    // of the file.
    private const long RepeatedWeights = 1 << 28;

    // Upper estimates of a node here and in the passes, of an output, and of a name in a set.
    private const int BytesPerNode = 6144;
    private const int BytesPerOutput = 2048;
    private const int BytesPerName = 128;

    private readonly OnnxFile file;
    private readonly OnnxInput input;
    private readonly IReadOnlyDictionary<string, StateTensor> constants;
    private readonly OnnxGraphBuilder builder = new();
    private readonly ReadBudget budget;
    private readonly Dictionary<string, ImportedValue> values = new(StringComparer.Ordinal);

    private OnnxImporter(OnnxFile file, OnnxInput input, IReadOnlyDictionary<string, StateTensor> constants, ReadBudget budget)
    {
        this.file = file;
        this.input = input;
        this.constants = constants;
        this.budget = budget;
    }

    /// <summary>Imports a graph.</summary>
    /// <param name="file">The model.</param>
    /// <param name="input">Its input, with sizes.</param>
    /// <param name="outputs">Names of the wanted values; none for a classifier's scores, or for all outputs of another model.</param>
    /// <param name="constants">Constants for inputs that the file leaves to its user.</param>
    /// <param name="budget">Budget of the memory that may be allocated.</param>
    /// <exception cref="GraphException">An operator of the graph cannot run here; the message names it, its node and its opset.</exception>
    /// <exception cref="WeightsException">A constant cannot be used.</exception>
    public static Network Import(
        OnnxFile file, OnnxInput input, ImmutableArray<string> outputs, ImmutableArray<StateTensor> constants, ReadBudget budget)
    {
        ImmutableDictionary<string, StateTensor> known =
            file.Graph.Initializers.SetItems(constants.Select(constant => KeyValuePair.Create(constant.Name, constant)));
        ImmutableArray<string> wanted = outputs is [] ? OutputsOf(file) : outputs;
        ImmutableArray<OnnxNode> needed = Needed(file, input.Name, wanted, known, budget);
        foreach (OnnxNode node in needed) CheckOperator(file, node);
        string? firstMisfit = null;
        foreach (Activation start in input.Layouts())
        {
            var importer = new OnnxImporter(file, input, known, budget);
            string? misfit = importer.Run(start, needed);
            if (misfit is null) return importer.Finish(start, outputs);
            firstMisfit ??= misfit;
        }
        throw new GraphException(firstMisfit ?? $"{file.Path}: its input {FileText.Clean(input.Name)} has no elements.");
    }

    /// <summary>Imports the nodes with the input in one order in memory; returns null, or why that order does not fit.</summary>
    private string? Run(Activation start, ImmutableArray<OnnxNode> nodes)
    {
        values[input.Name] = start;
        builder.UniqueName(start.Tensor);
        long opset = OpsetOf(file);
        foreach (OnnxNode node in nodes)
        {
            budget.Charge(BytesPerNode);
            OnnxOperator op = new(node, node.Opset ?? opset, file.Path, ValueOf);
            if (op.Output.Length == 0 && !MakesSeveral.Contains(op.Type)) throw op.Fail("it has no first output");
            builder.Operator = op;
            try
            {
                if (Operators[node.OpType](op, builder, budget) is not { } value) return op.Misfit!;
                values[op.Output] = value;
                foreach ((string name, ImportedValue other) in op.Others ?? []) values[name] = other;
            }
            catch (OverflowException e)
            {
                throw op.Fail("a size in it passes 2^31", e);
            }
        }
        builder.Operator = null;
        CheckWeights();
        return null;
    }

    /// <summary>Limits the weights of a small file that promises gigabytes to a device.</summary>
    private void CheckWeights()
    {
        long weights = builder.Nodes.OfType<EpilogueNode>().Sum(node => node.Filter?.Count ?? 0);
        if (weights - RepeatedWeights > file.Length)
        {
            throw new WeightsException(
                $"{file.Path}: refused: its nodes use {weights} weights, more than a file of {file.Length} bytes justifies.");
        }
    }

    private ImportedValue ValueOf(OnnxOperator op, string name)
    {
        if (!values.TryGetValue(name, out ImportedValue? value))
        {
            return constants.TryGetValue(name, out StateTensor? constant)
                ? new ConstantValue(constant)
                : throw op.Fail($"its input {OnnxNames.Show(name)} is made by no node before it, or by {UnsupportedOutput}");
        }
        if (value is not Activation { Pad: not null } padded || TakesPad.Contains(op.Type)) return value;
        return values[name] = builder.WithoutPendingPad(padded);
    }

    private Network Finish(Activation start, ImmutableArray<string> outputs)
    {
        bool isClassifier = false;
        if (outputs is [] && ClassScores() is { } views) isClassifier = true;
        else views = [.. (outputs is [] ? OutputsOf(file) : outputs).Select(Output)];
        var graph = new Graph(
            Path.GetFileNameWithoutExtension(file.Path), start.Tensor, start.Shape.C,
            [.. views.Select(view => view.Tensor).Distinct()], [.. builder.Nodes]);
        return new Network(Passes.Optimize(graph), start.Shape, start.View(input.Name), views, isClassifier);
    }

    private TensorView Output(string name)
    {
        budget.Charge(BytesPerOutput);
        return Result(name).View(name);
    }

    private Activation Result(string name)
    {
        if (!values.TryGetValue(name, out ImportedValue? value) && !constants.ContainsKey(name))
        {
            string own = string.Join(", ", OutputsOf(file).Take(8).Select(OnnxNames.Show));
            throw new GraphException(
                $"{file.Path}: no node makes the output {OnnxNames.Show(name)}, or it is {UnsupportedOutput}; "
                + $"the graph's own are {own}, and nodes go by their names.");
        }
        return value is Activation activation
            ? builder.WithoutPendingPad(activation)
            : throw new GraphException($"{file.Path}: its output {OnnxNames.Show(name)} is constant; there is nothing to run.");
    }

    /// <summary>
    /// Logits and probabilities if one output is a vector for each image, or if a classifier layer makes exactly one of several of these.
    /// Null for other outputs, and for a vector of pooled activations: those are features, which a classifier would read.
    /// </summary>
    private ImmutableArray<TensorView>? ClassScores()
    {
        if (!input.IsImage) return null;
        Activation[] vectors = [.. file.Graph.Outputs.Select(value => Result(value.Name)).Where(value =>
            value.HasBatch && Enumerable.Range(1, value.Rank - 1).Count(dimension => value.Size(dimension) > 1) <= 1)];
        if (vectors.Length > 1) vectors = [.. vectors.Where(value => MakerOf(value.Tensor) is LinearNode or SoftmaxNode)];
        if (vectors is not [var output]) return null;
        if (MakerOf(output.Tensor) is Pool2dNode pool && MakerOf(pool.Inputs[0]) is ReluNode) return null;
        // Indices are an answer, no scores.
        if (MakerOf(output.Tensor) is TopKNode) return null;
        int classes = (int)Math.Min(output.Shape.Count, int.MaxValue);
        if (MakerOf(output.Tensor) is SoftmaxNode softmax && output.Shape.C == classes)
            return [(output with { Tensor = softmax.Inputs[0] }).View(LogitsName), output.View(ProbabilitiesName)];
        Activation logits = builder.AsRows(output, classes);
        Activation probabilities = builder.EmitElementwise(
            logits, ProbabilitiesName, tensor => new SoftmaxNode { Name = tensor, Inputs = [logits.Tensor], Output = tensor });
        return [logits.View(LogitsName), probabilities.View(ProbabilitiesName)];
    }

    private Node? MakerOf(string tensor) => builder.Nodes.LastOrDefault(node => node.Output == tensor);

    /// <summary>The nodes that the wanted values depend on, in order.</summary>
    private static ImmutableArray<OnnxNode> Needed(
        OnnxFile file, string input, ImmutableArray<string> wanted, ImmutableDictionary<string, StateTensor> constants, ReadBudget budget)
    {
        if (wanted is [])
            throw new GraphException($"{file.Path}: the graph has no outputs; name those that you want, or export the model with them.");
        budget.Charge(BytesPerName * (long)wanted.Length);
        var names = new HashSet<string>(wanted, StringComparer.Ordinal);
        var made = new HashSet<string>(StringComparer.Ordinal) { input };
        var nodes = new List<OnnxNode>();
        foreach (OnnxNode node in file.Graph.Nodes.Reverse())
        {
            if (!node.Outputs.Any(names.Contains)) continue;
            budget.Charge(BytesPerName * (1L + node.Inputs.Length + node.Outputs.Length));
            // An optional input or output that is left out has no name.
            names.UnionWith(node.Inputs.Where(name => name.Length > 0));
            string? twice = node.Outputs.FirstOrDefault(name => name.Length > 0 && (constants.ContainsKey(name) || !made.Add(name)));
            if (twice is not null)
                throw OperatorOf(file, node).Fail($"the value {OnnxNames.Show(twice)} that it makes is made elsewhere, too");
            nodes.Add(node);
        }
        nodes.Reverse();
        return [.. nodes];
    }

    private static FrozenDictionary<string, OnnxHandler> AllOperators()
    {
        var all = new Dictionary<string, OnnxHandler>();
        foreach (IReadOnlyDictionary<string, OnnxHandler> some in (IReadOnlyDictionary<string, OnnxHandler>[])
            [
                ActivationOperators.Handlers, ArithmeticOperators.Handlers, IndexOperators.Handlers, IntegerOperators.Handlers,
                MatrixOperators.Handlers, NormOperators.Handlers, ReduceOperators.Handlers, ShapeOperators.Handlers,
                SpatialOperators.Handlers,
            ])
        {
            foreach ((string name, OnnxHandler handler) in some) all.Add(name, handler);
        }
        return all.ToFrozenDictionary();
    }

    private static void CheckOperator(OnnxFile file, OnnxNode node)
    {
        OnnxOperator op = OperatorOf(file, node);
        if (node.Domain is not ("" or "ai.onnx")) throw op.Fail($"operators of the domain {FileText.Clean(node.Domain)} are not supported");
        if (!Operators.ContainsKey(node.OpType)) throw op.Fail("this operator is not supported");
    }

    /// <summary>A node for messages, without access to its inputs.</summary>
    private static OnnxOperator OperatorOf(OnnxFile file, OnnxNode node) =>
        new(node, node.Opset ?? OpsetOf(file), file.Path, (_, _) => throw new InvalidOperationException());

    private static ImmutableArray<string> OutputsOf(OnnxFile file) => [.. file.Graph.Outputs.Select(output => output.Name)];

    private static long OpsetOf(OnnxFile file) => file.Opsets.GetValueOrDefault("", 1);
}
