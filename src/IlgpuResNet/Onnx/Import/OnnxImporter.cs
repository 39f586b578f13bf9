using System.Collections.Frozen;
using System.Collections.Immutable;
using IlgpuResNet.Files;
using IlgpuResNet.Graphs;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Onnx;

/// <summary>
/// An ONNX graph for inputs of one size as a <see cref="Network"/>. Pure: nothing is allocated on a device, and weights stay in
/// their file. Only what the wanted outputs depend on is looked at.
/// </summary>
internal sealed class OnnxImporter
{
    private static readonly FrozenDictionary<string, Func<OnnxOperator, OnnxImporter, object>> Operators =
        new Dictionary<string, Func<OnnxOperator, OnnxImporter, object>>
        {
            ["Add"] = (op, import) => ArithmeticOperators.Add(op, import.builder, import.budget),
            ["AveragePool"] = (op, import) => SpatialOperators.AveragePool(op, import.builder),
            ["BatchNormalization"] = (op, import) => ArithmeticOperators.BatchNormalization(op, import.builder, import.budget),
            ["Cast"] = (op, _) => ShapeOperators.Cast(op),
            ["Clip"] = (op, import) => ArithmeticOperators.Clip(op, import.builder),
            ["Concat"] = (op, import) => ShapeOperators.Concat(op, import.budget),
            ["Constant"] = (op, import) => ShapeOperators.Constant(op, import.budget),
            ["ConstantOfShape"] = (op, _) => ShapeOperators.ConstantOfShape(op),
            ["Conv"] = (op, import) => SpatialOperators.Conv(op, import.builder, import.budget),
            ["Div"] = (op, import) => ArithmeticOperators.Div(op, import.builder, import.budget),
            ["Dropout"] = (op, _) => ShapeOperators.Dropout(op),
            ["Flatten"] = (op, _) => ShapeOperators.Flatten(op),
            ["Gather"] = (op, _) => ShapeOperators.Gather(op),
            ["Gemm"] = (op, import) => MatrixOperators.Gemm(op, import.builder, import.budget),
            ["GlobalAveragePool"] = (op, import) => SpatialOperators.GlobalAveragePool(op, import.builder),
            ["Identity"] = (op, _) => ShapeOperators.Identity(op),
            ["MatMul"] = (op, import) => MatrixOperators.MatMul(op, import.builder, import.budget),
            ["MaxPool"] = (op, import) => SpatialOperators.MaxPool(op, import.builder),
            ["Mul"] = (op, import) => ArithmeticOperators.Mul(op, import.builder, import.budget),
            ["Pad"] = (op, import) => SpatialOperators.Pad(op, import.builder),
            ["ReduceMean"] = (op, import) => MatrixOperators.ReduceMean(op, import.builder),
            ["Relu"] = (op, import) => ArithmeticOperators.Relu(op, import.builder),
            ["Reshape"] = (op, _) => ShapeOperators.Reshape(op),
            ["Shape"] = (op, _) => ShapeOperators.Shape(op),
            ["Softmax"] = (op, import) => MatrixOperators.Softmax(op, import.builder),
            ["Squeeze"] = (op, _) => ShapeOperators.Squeeze(op),
            ["Sub"] = (op, import) => ArithmeticOperators.Sub(op, import.builder, import.budget),
            ["Sum"] = (op, import) => ArithmeticOperators.SumAll(op, import.builder, import.budget),
            ["Transpose"] = (op, import) => ShapeOperators.Transpose(op, import.budget),
            ["Unsqueeze"] = (op, _) => ShapeOperators.Unsqueeze(op),
        }.ToFrozenDictionary();

    /// <summary>Operators that make padding themselves which a Pad before them has put off.</summary>
    private static readonly FrozenSet<string> TakesPad = new[] { "Conv", "MaxPool", "AveragePool", "Pad" }.ToFrozenSet();

    private const string LogitsName = "logits";
    private const string ProbabilitiesName = "probabilities";

    // Weights that ConstantOfShape makes, or that several nodes share: more than any ResNet has. Every other one takes at least a byte of the file.
    private const long RepeatedWeights = 1 << 28;

    // Upper estimates of what a node becomes here and in the passes, of an output, and of a name in a set.
    private const int BytesPerNode = 6144;
    private const int BytesPerOutput = 2048;
    private const int BytesPerName = 128;

    private readonly OnnxFile file;
    private readonly OnnxInput input;
    private readonly IReadOnlyDictionary<string, StateTensor> constants;
    private readonly OnnxGraphBuilder builder = new();
    private readonly ReadBudget budget;
    private readonly Dictionary<string, object> values = new(StringComparer.Ordinal);

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
    /// <param name="outputs">Names of the values that are wanted; none for class scores where the model gives such, else for all of its outputs.</param>
    /// <param name="constants">Constants that the file leaves to its user.</param>
    /// <param name="budget">What may be allocated.</param>
    /// <exception cref="GraphException">Something in the graph cannot run here; the message names the operator, its node and its opset.</exception>
    /// <exception cref="WeightsException">A constant cannot be used.</exception>
    public static Network Import(OnnxFile file, OnnxInput input, ImmutableArray<string> outputs, ImmutableArray<StateTensor> constants, ReadBudget budget)
    {
        ImmutableDictionary<string, StateTensor> known = file.Graph.Initializers.SetItems(constants.Select(constant => KeyValuePair.Create(constant.Name, constant)));
        ImmutableArray<OnnxNode> needed = Needed(file, input.Name, outputs is [] ? [.. file.Graph.Outputs.Select(output => output.Name)] : outputs, known, budget);
        foreach (OnnxNode node in needed) CheckOperator(file, node);
        string? first = null;
        foreach (Activation start in input.Layouts())
        {
            var importer = new OnnxImporter(file, input, known, budget);
            try
            {
                return importer.Run(start, needed, outputs);
            }
            catch (LayoutException e)
            {
                first ??= e.Message;
            }
        }
        throw new GraphException(first ?? $"{file.Path}: its input {FileText.Clean(input.Name)} has no elements.");
    }

    private Network Run(Activation start, ImmutableArray<OnnxNode> nodes, ImmutableArray<string> outputs)
    {
        values[input.Name] = start;
        builder.UniqueName(start.Tensor);
        long opset = OpsetOf(file);
        foreach (OnnxNode node in nodes)
        {
            budget.Charge(BytesPerNode);
            OnnxOperator op = new(node, opset, file.Path, ValueOf);
            if (op.Output.Length == 0) throw op.Fail("it has no first output");
            try
            {
                values[op.Output] = Operators[node.OpType](op, this);
            }
            catch (OverflowException e)
            {
                throw new GraphException(op.Fail("a size in it passes 2^31").Message, e);
            }
            catch (GraphException e) when (!e.Message.StartsWith(file.Path, StringComparison.Ordinal))
            {
                throw new GraphException(op.Fail(e.Message.TrimEnd('.')).Message, e);
            }
        }
        CheckWeights();
        return outputs is [] && ClassScores() is { } scores
            ? Finish(start, scores, isClassifier: true)
            : Finish(start, [.. (outputs is [] ? [.. file.Graph.Outputs.Select(output => output.Name)] : outputs).Select(Output)], isClassifier: false);
    }

    /// <summary>A few bytes must not promise gigabytes to a device.</summary>
    private void CheckWeights()
    {
        long weights = builder.Nodes.OfType<EpilogueNode>().Sum(node => node.Filter?.Count ?? 0);
        if (weights - RepeatedWeights > file.Length)
            throw new WeightsException($"{file.Path}: refused: its nodes use {weights} weights, more than a file of {file.Length} bytes justifies.");
    }

    private object ValueOf(OnnxOperator op, string name)
    {
        if (!values.TryGetValue(name, out object? value))
        {
            return constants.TryGetValue(name, out StateTensor? constant)
                ? constant
                : throw op.Fail($"its input {OnnxNames.Show(name)} is made by no node before it, or by an output that is not supported, such as a mask or indices");
        }
        return value is Activation { Pad: not null } padded && !TakesPad.Contains(op.Type) ? values[name] = builder.WithoutPendingPad(padded) : value;
    }

    private Network Finish(Activation start, ImmutableArray<TensorView> views, bool isClassifier)
    {
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
        if (!values.TryGetValue(name, out object? value) && !constants.ContainsKey(name))
            throw new GraphException($"{file.Path}: no node makes the output {OnnxNames.Show(name)}, or it is an output that is not supported, such as a mask or indices; the graph's own are {string.Join(", ", file.Graph.Outputs.Take(8).Select(output => OnnxNames.Show(output.Name)))}, and nodes go by their names.");
        return value is Activation activation
            ? builder.WithoutPendingPad(activation)
            : throw new GraphException($"{file.Path}: its output {OnnxNames.Show(name)} is constant; there is nothing to run.");
    }

    /// <summary>
    /// Logits and probabilities, when one output is a vector for each image, or one of several such that a classifier makes; null otherwise, and where the
    /// vector is what a pool leaves of activations: features, which a classifier would read.
    /// </summary>
    private ImmutableArray<TensorView>? ClassScores()
    {
        if (!input.IsImage) return null;
        Activation[] vectors = [.. file.Graph.Outputs.Select(value => Result(value.Name)).Where(value =>
            value.HasBatch && Enumerable.Range(1, value.Rank - 1).Count(dimension => value.Size(dimension) > 1) <= 1)];
        if (vectors.Length > 1) vectors = [.. vectors.Where(value => MakerOf(value.Tensor) is LinearNode or SoftmaxNode)];
        if (vectors is not [var output] || MakerOf(output.Tensor) is Pool2dNode pool && MakerOf(pool.Inputs[0]) is ReluNode) return null;
        int classes = (int)Math.Min(output.Shape.Count, int.MaxValue);
        if (MakerOf(output.Tensor) is SoftmaxNode softmax && output.Shape.C == classes)
            return [(output with { Tensor = softmax.Inputs[0] }).View(LogitsName), output.View(ProbabilitiesName)];
        Activation logits = builder.AsRows(output, classes);
        Activation probabilities = builder.EmitElementwise(
            logits, ProbabilitiesName, tensor => new SoftmaxNode { Name = tensor, Inputs = [logits.Tensor], Output = tensor });
        return [logits.View(LogitsName), probabilities.View(ProbabilitiesName)];
    }

    private Node? MakerOf(string tensor) => builder.Nodes.LastOrDefault(node => node.Output == tensor);

    /// <summary>The nodes that some values depend on, in order.</summary>
    private static ImmutableArray<OnnxNode> Needed(
        OnnxFile file, string input, ImmutableArray<string> wanted, ImmutableDictionary<string, StateTensor> constants, ReadBudget budget)
    {
        if (wanted is []) throw new GraphException($"{file.Path}: the graph has no outputs; name those that you want, or export the model with them.");
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
            if (twice is not null) throw OperatorOf(file, node).Fail($"the value {OnnxNames.Show(twice)} that it makes is made elsewhere, too");
            nodes.Add(node);
        }
        nodes.Reverse();
        return [.. nodes];
    }

    private static void CheckOperator(OnnxFile file, OnnxNode node)
    {
        OnnxOperator op = OperatorOf(file, node);
        if (node.Domain is not ("" or "ai.onnx")) throw op.Fail($"operators of the domain {FileText.Clean(node.Domain)} are not supported");
        if (!Operators.ContainsKey(node.OpType)) throw op.Fail("this operator is not supported");
    }

    /// <summary>A node to speak of, whose inputs are not at hand.</summary>
    private static OnnxOperator OperatorOf(OnnxFile file, OnnxNode node) =>
        new(node, OpsetOf(file), file.Path, (_, _) => throw new InvalidOperationException());

    private static long OpsetOf(OnnxFile file) => file.Opsets.GetValueOrDefault("", 1);
}
