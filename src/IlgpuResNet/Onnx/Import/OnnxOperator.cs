using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using IlgpuResNet.Files;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Onnx;

/// <summary>One node of an ONNX graph with access to its inputs, as the operators' handlers read it.</summary>
internal sealed class OnnxOperator(OnnxNode node, long opset, string source, Func<OnnxOperator, string, ImportedValue> valueOf)
{
    /// <summary>Largest number of dimensions of a value.</summary>
    public const int MostDims = 16;

    /// <summary>Largest stride, dilation or padding: larger ones overflow in some product, and no real network has them.</summary>
    public const int Largest = 1 << 20;

    /// <summary>Largest length of a list of sizes, axes or pads.</summary>
    private const int MostNumbers = 2 * MostDims;

    /// <summary>Version of the operator set, which decides the operator's version.</summary>
    public long Opset { get; } = opset;

    public string Type => node.OpType;

    /// <summary>Name of the node in the graph: its own, or the name of its output when it has none.</summary>
    public string Name => node.Name.Length > 0 ? node.Name : Output;

    /// <summary>Name of the first output; <see cref="Give"/> makes others.</summary>
    public string Output => node.Outputs is [var first, ..] ? first : "";

    public int InputCount => node.Inputs.Length;

    public int OutputCount => node.Outputs.Length;

    public bool HasOutput(int index) => node.Outputs[index].Length > 0;

    public bool Has(string attribute) => node.Attributes.ContainsKey(attribute);

    public bool HasInput(int index) => index < node.Inputs.Length && node.Inputs[index].Length > 0;

    /// <summary>Why the order in memory that is tried does not allow this node; null while it does.</summary>
    public string? Misfit { get; private set; }

    /// <summary>Values of outputs other than the first, by name; null for none.</summary>
    public Dictionary<string, ImportedValue>? Others { get; private set; }

    /// <summary>Gives an output other than the first its value.</summary>
    public void Give(int index, ImportedValue value)
    {
        if (index < OutputCount && HasOutput(index)) (Others ??= new(StringComparer.Ordinal))[node.Outputs[index]] = value;
    }

    /// <summary>The value of an input.</summary>
    public ImportedValue Input(int index) =>
        HasInput(index) ? valueOf(this, node.Inputs[index]) : throw Fail($"its input {index} is missing");

    public Activation Activation(int index) => Input(index) as Activation
        ?? throw Fail($"its input {index} is constant, so that it computes nothing from the network's input");

    public StateTensor Constant(int index, string what)
    {
        if (Input(index) is ConstantValue constant) return constant.Tensor;
        string name = FileText.Clean(node.Inputs[index]);
        throw Fail($"{what} (its input {index}, {name}) is computed from the network's input, but must be constant");
    }

    /// <summary>A weight: a constant of floats whose rank is one of those given.</summary>
    public StateTensor Weight(int index, string what, params ReadOnlySpan<int> ranks)
    {
        StateTensor weight = Constant(index, what);
        if (!ranks.Contains(weight.Shape.Length) || weight.Shape.Contains(0) || !weight.IsFloat)
        {
            string found = $"{weight.DataType} {FileText.Shape(weight.Shape)}", expected = string.Join(" or ", ranks.ToArray());
            throw Fail($"{what} {FileText.Clean(weight.Name)} is {found}, but floats of {expected} dimensions were expected");
        }
        return weight;
    }

    public long Int(string attribute, long otherwise) =>
        TryGet(attribute, OnnxAttributeType.Int, out OnnxAttribute? value) ? value.I : otherwise;

    public float Float(string attribute, float otherwise) =>
        TryGet(attribute, OnnxAttributeType.Float, out OnnxAttribute? value) ? value.F : otherwise;

    public string Text(string attribute, string otherwise) =>
        TryGet(attribute, OnnxAttributeType.String, out OnnxAttribute? value) ? value.S : otherwise;

    public ImmutableArray<long>? Ints(string attribute) =>
        TryGet(attribute, OnnxAttributeType.Ints, out OnnxAttribute? value) ? value.Ints : null;

    public ImmutableArray<float>? Floats(string attribute) =>
        TryGet(attribute, OnnxAttributeType.Floats, out OnnxAttribute? value) ? value.Floats : null;

    public StateTensor? Tensor(string attribute) =>
        TryGet(attribute, OnnxAttributeType.Tensor, out OnnxAttribute? value) ? value.T : null;

    /// <summary>A list of numbers from 1 to <see cref="Largest"/>, such as strides and dilations.</summary>
    public int[] Positive(string attribute, int count, int otherwise)
    {
        if (Ints(attribute) is not { } values) return [.. Enumerable.Repeat(otherwise, count)];
        if (values.Length != count || values.Any(value => value is < 1 or > Largest))
            throw Fail($"its {attribute} are {List(values)}, but {count} numbers from 1 to {Largest} were expected");
        return [.. values.Select(value => (int)value)];
    }

    /// <summary>Index of a dimension; a negative one counts from the end.</summary>
    public int Axis(long axis, int rank) => axis >= -rank && axis < rank
        ? (int)(axis < 0 ? axis + rank : axis)
        : throw Fail($"its axis {axis} does not exist in {rank} dimensions");

    /// <summary>Integers that are an input in newer operator sets and an attribute in older ones; null when absent.</summary>
    public long[]? IntsOfInput(int index, string what, string attribute)
    {
        if (!HasInput(index))
        {
            if (Ints(attribute) is not { } values) return null;
            return values.Length <= MostNumbers
                ? [.. values]
                : throw Fail($"its {what} are {List(values)}, more than the {MostNumbers} that are supported");
        }
        StateTensor tensor = Constant(index, what);
        return tensor.DataType is DataType.Int64 or DataType.Int32 && tensor.Shape.Length <= 1 && tensor.Count <= MostNumbers
            ? tensor.ToInt64Array()
            : throw Fail($"its {what} are {tensor.DataType} {FileText.Shape(tensor.Shape)}, but a few int64 were expected");
    }

    /// <summary>A number that is an input in newer operator sets and an attribute in older ones.</summary>
    public double NumberOfInput(int index, string what, string attribute, double otherwise)
    {
        if (!HasInput(index)) return TryGet(attribute, OnnxAttributeType.Float, out OnnxAttribute? value) ? value.F : otherwise;
        StateTensor tensor = Constant(index, what);
        return tensor.Count == 1 && tensor.IsFloat
            ? tensor.ToDoubleArray()[0]
            : throw Fail($"its {what} is {tensor.DataType} {FileText.Shape(tensor.Shape)}, but one float was expected");
    }

    /// <summary>Numbers in brackets for a message; only the first of many.</summary>
    public static string List(IReadOnlyCollection<long> numbers) =>
        $"[{string.Join(", ", numbers.Take(MostDims))}{(numbers.Count > MostDims ? ", ..." : "")}]";

    /// <summary>An error that names this node: it cannot run, whatever the order in memory.</summary>
    public GraphException Fail(string why, Exception? inner = null) => new(Say(why), inner);

    /// <summary>Records that the order in memory which is tried does not allow this node; another may.</summary>
    /// <returns>Null, for the handler to return.</returns>
    public Activation? Misfits(string why)
    {
        Misfit = Say(why);
        return null;
    }

    private string Say(string why)
    {
        string place = $"{source}: node {OnnxNames.Show(Name)} ({FileText.Clean(Type)}, opset {Opset})";
        return $"{place}: {why}; this library runs ResNets and what is in them.";
    }

    private bool TryGet(string attribute, OnnxAttributeType type, [NotNullWhen(true)] out OnnxAttribute? value)
    {
        if (!node.Attributes.TryGetValue(attribute, out value)) return false;
        return value.Type == type
            ? true
            : throw Fail($"its attribute {FileText.Clean(attribute)} is of type {value.Type}, but {type} was expected");
    }
}
