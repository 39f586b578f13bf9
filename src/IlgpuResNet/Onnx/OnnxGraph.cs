using System.Collections.Immutable;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Onnx;

/// <summary>Types of attributes of a node (AttributeProto.AttributeType); the numbers are the file's.</summary>
internal enum OnnxAttributeType
{
    /// <summary>No value.</summary>
    Undefined = 0,

    /// <summary>One float32.</summary>
    Float = 1,

    /// <summary>One 64-bit integer.</summary>
    Int = 2,

    /// <summary>One text.</summary>
    String = 3,

    /// <summary>One tensor.</summary>
    Tensor = 4,

    /// <summary>A subgraph, whose content is not read.</summary>
    Graph = 5,

    /// <summary>A list of float32.</summary>
    Floats = 6,

    /// <summary>A list of 64-bit integers.</summary>
    Ints = 7,

    /// <summary>A list of texts.</summary>
    Strings = 8,

    /// <summary>A list of tensors, which is not read.</summary>
    Tensors = 9,

    /// <summary>A list of subgraphs, which is not read.</summary>
    Graphs = 10,

    /// <summary>A sparse tensor, which is not read.</summary>
    SparseTensor = 11,

    /// <summary>A list of sparse tensors, which is not read.</summary>
    SparseTensors = 12,

    /// <summary>A type, which is not read.</summary>
    TypeProto = 13,

    /// <summary>A list of types, which is not read.</summary>
    TypeProtos = 14,
}

/// <summary>A graph as the file has it, not checked against the operators' definitions.</summary>
/// <param name="Name">The graph's name, often empty.</param>
/// <param name="Nodes">Nodes in file order, which ONNX requires to be topological.</param>
/// <param name="Initializers">Constant tensors by name.</param>
/// <param name="Inputs">Inputs of the graph; before IR version 4 the initializers are among them.</param>
/// <param name="Outputs">Outputs of the graph.</param>
internal sealed record OnnxGraph(
    string Name,
    ImmutableArray<OnnxNode> Nodes,
    ImmutableDictionary<string, StateTensor> Initializers,
    ImmutableArray<OnnxValue> Inputs,
    ImmutableArray<OnnxValue> Outputs)
{
    /// <summary><see cref="Initializers"/> in file order.</summary>
    public required ImmutableArray<StateTensor> InitializersInOrder { get; init; }
}

/// <summary>One node of a graph.</summary>
/// <param name="Name">The node's name, often empty.</param>
/// <param name="OpType">The operator, such as <c>Conv</c>.</param>
/// <param name="Domain">Empty for the operators of ONNX itself.</param>
/// <param name="Inputs">Names of values; empty for an optional input that is absent.</param>
/// <param name="Outputs">Names of values; empty for an optional output that is absent.</param>
/// <param name="Attributes">Attributes by name.</param>
internal sealed record OnnxNode(
    string Name,
    string OpType,
    string Domain,
    ImmutableArray<string> Inputs,
    ImmutableArray<string> Outputs,
    ImmutableDictionary<string, OnnxAttribute> Attributes)
{
    /// <summary>Version of ONNX's own operators that a node of a local function is written for; null for the graph's.</summary>
    public long? Opset { get; init; }
}

/// <summary>A local function: a graph that nodes call as an operator. It is replaced by its nodes while the file is read.</summary>
/// <param name="Domain">Domain of the operator that it defines.</param>
/// <param name="Name">Name of the operator that it defines.</param>
/// <param name="Inputs">Names of its inputs inside the function.</param>
/// <param name="Outputs">Names of its outputs inside the function.</param>
/// <param name="Nodes">Its nodes in order; an attribute may refer to one of the call.</param>
/// <param name="Defaults">Attributes that a call may leave out.</param>
/// <param name="Opset">Version of ONNX's own operators inside the function; null for the graph's.</param>
internal sealed record OnnxFunction(
    string Domain,
    string Name,
    ImmutableArray<string> Inputs,
    ImmutableArray<string> Outputs,
    ImmutableArray<OnnxNode> Nodes,
    ImmutableDictionary<string, OnnxAttribute> Defaults,
    long? Opset);

/// <summary>One attribute of a node. Only the member for its <see cref="Type"/> has a value.</summary>
internal sealed record OnnxAttribute(string Name, OnnxAttributeType Type)
{
    /// <summary>Inside a local function, the attribute of the call whose value counts; null for a value of its own.</summary>
    public string? Reference { get; init; }

    /// <summary>The value of a <see cref="OnnxAttributeType.Float"/>.</summary>
    public float F { get; init; }

    /// <summary>The value of an <see cref="OnnxAttributeType.Int"/>.</summary>
    public long I { get; init; }

    /// <summary>The value of a <see cref="OnnxAttributeType.String"/>.</summary>
    public string S { get; init; } = "";

    /// <summary>The value of a <see cref="OnnxAttributeType.Tensor"/>.</summary>
    public StateTensor? T { get; init; }

    /// <summary>The values of <see cref="OnnxAttributeType.Floats"/>.</summary>
    public ImmutableArray<float> Floats { get; init; } = [];

    /// <summary>The values of <see cref="OnnxAttributeType.Ints"/>.</summary>
    public ImmutableArray<long> Ints { get; init; } = [];

    /// <summary>The values of <see cref="OnnxAttributeType.Strings"/>.</summary>
    public ImmutableArray<string> Strings { get; init; } = [];
}

/// <summary>An input or output of a graph.</summary>
/// <param name="Name">Name of the value.</param>
/// <param name="ElementType">Number of the element type (<see cref="OnnxElementType"/>); 0 when none is given or it is no tensor.</param>
/// <param name="Shape">Sizes; empty for a scalar, null when none are given or the value is no tensor.</param>
internal sealed record OnnxValue(string Name, int ElementType, ImmutableArray<OnnxDimension>? Shape);

/// <summary>One size of a value: a number, a named parameter such as <c>batch</c>, or neither if it is unknown.</summary>
internal readonly record struct OnnxDimension(long? Value, string? Parameter);
