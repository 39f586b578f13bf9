using System.Collections.Frozen;
using System.Collections.Immutable;
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
            ["Concat"] = (op, _) => ShapeOperators.Concat(op),
            ["Constant"] = (op, _) => ShapeOperators.Constant(op),
            ["ConstantOfShape"] = (op, _) => ShapeOperators.ConstantOfShape(op),
            ["Conv"] = (op, import) => SpatialOperators.Conv(op, import.builder),
            ["Div"] = (op, import) => ArithmeticOperators.Div(op, import.builder, import.budget),
            ["Dropout"] = (op, _) => ShapeOperators.Dropout(op),
            ["Flatten"] = (op, _) => ShapeOperators.Flatten(op),
            ["Gather"] = (op, _) => ShapeOperators.Gather(op),
            ["Gemm"] = (op, import) => MatrixOperators.Gemm(op, import.builder, import.budget),
            ["GlobalAveragePool"] = (op, import) => SpatialOperators.GlobalAveragePool(op, import.builder),
            ["Identity"] = (op, _) => ShapeOperators.Identity(op),
            ["MatMul"] = (op, import) => MatrixOperators.MatMul(op, import.builder),
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
            ["Transpose"] = (op, _) => ShapeOperators.Transpose(op),
            ["Unsqueeze"] = (op, _) => ShapeOperators.Unsqueeze(op),
        }.ToFrozenDictionary();

    /// <summary>Operators that make padding themselves which a Pad before them has put off.</summary>
    private static readonly FrozenSet<string> TakesPad = new[] { "Conv", "MaxPool", "AveragePool", "Pad" }.ToFrozenSet();

    private const string LogitsName = "logits";
    private const string ProbabilitiesName = "probabilities";

    private readonly OnnxFile file;
    private readonly OnnxInput input;
    private readonly OnnxGraphBuilder builder = new();
    private readonly ReadBudget budget;
    private readonly Dictionary<string, object> values = new(StringComparer.Ordinal);

    private OnnxImporter(OnnxFile file, OnnxInput input, IEnumerable<StateTensor> constants, long budgetBytes)
    {
        this.file = file;
        this.input = input;
        budget = new ReadBudget(file.Path, budgetBytes);
        foreach (StateTensor constant in constants) values[constant.Name] = constant;
    }

    /// <summary>Imports a graph.</summary>
    /// <param name="file">The model.</param>
    /// <param name="input">Its input, with sizes.</param>
    /// <param name="outputs">Names of the values that are wanted; none for class scores where the model gives such, else for all of its outputs.</param>
    /// <param name="constants">Constants that the file leaves to its user.</param>
    /// <exception cref="GraphException">Something in the graph cannot run here; the message names the operator, its node and its opset.</exception>
    /// <exception cref="WeightsException">A constant cannot be used.</exception>
    public static Network Import(OnnxFile file, OnnxInput input, ImmutableArray<string> outputs, IReadOnlyCollection<StateTensor> constants)
    {
        ImmutableArray<OnnxNode> needed = Needed(file, outputs is [] ? [.. file.Graph.Outputs.Select(output => output.Name)] : outputs);
        foreach (OnnxNode node in needed) CheckOperator(file, node);
        long bytes = file.Graph.InitializersInOrder.Sum(tensor => tensor.Count * tensor.DataType.Size());
        string? first = null;
        foreach (Activation start in input.Layouts())
        {
            var importer = new OnnxImporter(file, input, file.Graph.InitializersInOrder.Concat(constants), bytes);
            try
            {
                return importer.Run(start, needed, outputs);
            }
            catch (LayoutException e)
            {
                first ??= e.Message;
            }
        }
        throw new GraphException(first ?? $"{file.Path}: its input {Message.Clean(input.Name)} has no elements.");
    }

    private Network Run(Activation start, ImmutableArray<OnnxNode> nodes, ImmutableArray<string> outputs)
    {
        values[input.Name] = start;
        builder.UniqueName(start.Tensor);
        long opset = OpsetOf(file);
        foreach (OnnxNode node in nodes)
        {
            OnnxOperator op = new(node, opset, file.Path, name => ValueOf(name, node, opset));
            if (op.Output.Length == 0) throw op.Fail("it has no output");
            try
            {
                values[op.Output] = Operators[node.OpType](op, this);
            }
            catch (OverflowException e)
            {
                throw new GraphException($"{op.Fail("a size in it passes 2^31").Message}", e);
            }
        }
        return outputs is [] && ClassScores() is { } scores
            ? Finish(start, scores, isClassifier: true)
            : Finish(start, [.. (outputs is [] ? [.. file.Graph.Outputs.Select(output => output.Name)] : outputs).Select(Output)], isClassifier: false);
    }

    private object ValueOf(string name, OnnxNode node, long opset)
    {
        if (!values.TryGetValue(name, out object? value))
            throw new GraphException($"{file.Path}: node {Message.Clean(node.Name)} ({node.OpType}, opset {opset}): its input {Message.Clean(name)} is made by no node before it, or by an output that is not supported.");
        if (value is not Activation { Pad: not null } padded || TakesPad.Contains(node.OpType)) return value;
        var op = new OnnxOperator(node, opset, file.Path, _ => padded);
        return values[name] = builder.WithoutPendingPad(op, padded);
    }

    private Network Finish(Activation start, ImmutableArray<TensorView> views, bool isClassifier)
    {
        var graph = new Graph(
            Path.GetFileNameWithoutExtension(file.Path), start.Tensor, start.Shape.C,
            [.. views.Select(view => view.Tensor).Distinct()], [.. builder.Nodes]);
        return new Network(Passes.Optimize(graph), start.Shape, start.View(input.Name), views, isClassifier);
    }

    private TensorView Output(string name) => Result(name).View(name);

    private Activation Result(string name)
    {
        if (!values.TryGetValue(name, out object? value))
            throw new GraphException($"{file.Path}: no node makes the output {Message.Clean(name)}, or it is an output that is not supported, such as a mask or indices.");
        if (value is not Activation activation)
            throw new GraphException($"{file.Path}: its output {Message.Clean(name)} is constant; there is nothing to run.");
        if (activation.Pad is null) return activation;
        OnnxNode maker = file.Graph.Nodes.First(node => node.Outputs.Contains(name));
        return builder.WithoutPendingPad(new OnnxOperator(maker, OpsetOf(file), file.Path, _ => activation), activation);
    }

    /// <summary>Logits and probabilities, when the first output is a vector for each image; null otherwise.</summary>
    private ImmutableArray<TensorView>? ClassScores()
    {
        Activation output = Result(file.Graph.Outputs[0].Name);
        int classes = (int)Math.Min(output.Shape.Count, int.MaxValue);
        if (!input.IsImage || !output.HasBatch || Enumerable.Range(1, output.Rank - 1).Count(dimension => output.Size(dimension) > 1) > 1) return null;
        if (builder.Nodes.LastOrDefault(node => node.Output == output.Tensor) is SoftmaxNode softmax && output.Shape.C == classes)
            return [(output with { Tensor = softmax.Inputs[0] }).View(LogitsName), output.View(ProbabilitiesName)];
        Activation logits = builder.AsRows(output, classes);
        Activation probabilities = builder.EmitElementwise(
            logits, ProbabilitiesName, tensor => new SoftmaxNode { Name = tensor, Inputs = [logits.Tensor], Output = tensor });
        return [logits.View(LogitsName), probabilities.View(ProbabilitiesName)];
    }

    /// <summary>The nodes that some values depend on, in order.</summary>
    private static ImmutableArray<OnnxNode> Needed(OnnxFile file, ImmutableArray<string> wanted)
    {
        var names = new HashSet<string>(wanted, StringComparer.Ordinal);
        var nodes = new List<OnnxNode>();
        foreach (OnnxNode node in file.Graph.Nodes.Reverse())
        {
            if (!node.Outputs.Any(names.Contains)) continue;
            names.UnionWith(node.Inputs);
            nodes.Add(node);
        }
        nodes.Reverse();
        return [.. nodes];
    }

    private static void CheckOperator(OnnxFile file, OnnxNode node)
    {
        var op = new OnnxOperator(node, OpsetOf(file), file.Path, _ => throw new InvalidOperationException());
        if (node.Domain is not ("" or "ai.onnx")) throw op.Fail($"operators of the domain {Message.Clean(node.Domain)} are not supported");
        if (!Operators.ContainsKey(node.OpType)) throw op.Fail("this operator is not supported");
    }

    private static long OpsetOf(OnnxFile file) => file.Opsets.GetValueOrDefault("", 1);
}
