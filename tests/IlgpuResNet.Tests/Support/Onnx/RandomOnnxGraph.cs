using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.InteropServices;
using IlgpuResNet.Onnx;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Tests;

/// <summary>An ONNX graph in the making, with the means to write each operator as the chosen opset has it.</summary>
internal sealed class RandomOnnxGraph(Random random, int opset)
{
    private readonly List<OnnxNode> nodes = [];
    private readonly List<StateTensor> initializers = [];
    private int names;

    public Random Random { get; } = random;

    public int Opset { get; } = opset;

    /// <summary>True once something in the graph holds for images of one size alone.</summary>
    public bool StatesSize { get; set; }

    /// <summary>Operators used, for messages.</summary>
    public IEnumerable<string> Operators => nodes.Select(node => node.OpType);

    public bool Chance(int percent) => Random.Next(100) < percent;

    public T Pick<T>(params ReadOnlySpan<T> choices) => TestData.Pick(Random, choices);

    /// <summary>Adds a node; returns the name of its output.</summary>
    public string Node(string type, IEnumerable<string> inputs, params ReadOnlySpan<OnnxAttribute> attributes)
    {
        string output = Name(type);
        var byName = ImmutableDictionary.CreateBuilder<string, OnnxAttribute>();
        foreach (OnnxAttribute attribute in attributes) byName.Add(attribute.Name, attribute);
        nodes.Add(new OnnxNode(Chance(80) ? output + "_node" : "", type, "", [.. inputs], [output], byName.ToImmutable()));
        return output;
    }

    public static OnnxAttribute Int(string name, long value) => new(name, OnnxAttributeType.Int) { I = value };

    public static OnnxAttribute Float(string name, float value) => new(name, OnnxAttributeType.Float) { F = value };

    public static OnnxAttribute Ints(string name, params ReadOnlySpan<long> values) =>
        new(name, OnnxAttributeType.Ints) { Ints = [.. values] };

    public static OnnxAttribute Text(string name, string value) => new(name, OnnxAttributeType.String) { S = value };

    public static OnnxAttribute Tensor(string name, StateTensor value) => new(name, OnnxAttributeType.Tensor) { T = value };

    /// <summary>Random floats in [low, high): an initializer of some type, a Constant, or one number repeated.</summary>
    public string Floats(float low, float high, params ReadOnlySpan<int> shape)
    {
        int count = 1;
        foreach (int size in shape) count *= size;
        float[] values = new float[count];
        for (int i = 0; i < count; i++) values[i] = low + (high - low) * Random.NextSingle();
        switch (Random.Next(10))
        {
            case 0:
                return Node("Constant", [], Tensor("value", Of("", shape, values)));
            case 1 when Opset >= 9:
                return Node("ConstantOfShape", [Longs([.. shape.ToArray().Select(size => (long)size)])],
                    Tensor("value", Of("", [1], values.AsSpan(0, 1))));
            case 2:
                byte[] doubles = MemoryMarshal.AsBytes<double>(Array.ConvertAll(values, value => (double)value)).ToArray();
                return ToFloat(
                    new BytesTensor { Name = Name("double"), Shape = [.. shape], DataType = DataType.Float64, Values = doubles });
            case 3:
                byte[] halves = MemoryMarshal.AsBytes<Half>(Array.ConvertAll(values, value => (Half)value)).ToArray();
                return ToFloat(new BytesTensor { Name = Name("half"), Shape = [.. shape], DataType = DataType.Float16, Values = halves });
            default:
                return Add(Of(Name("floats"), shape, values));
        }
    }

    /// <summary>Stated integers: an initializer or a Constant.</summary>
    public string Longs(params ReadOnlySpan<long> values)
    {
        bool isInitializer = Chance(50);
        var tensor = new BytesTensor
        {
            Name = isInitializer ? Name("longs") : "",
            Shape = [values.Length],
            DataType = DataType.Int64,
            Values = MemoryMarshal.AsBytes(values).ToArray()
        };
        return isInitializer ? Add(tensor) : Node("Constant", [], Tensor("value", tensor));
    }

    /// <summary>One stated float.</summary>
    public string Scalar(float value) => Add(Of(Name("scalar"), [], [value]));

    /// <summary>One stated truth value.</summary>
    public string False() => Add(new BytesTensor { Name = Name("false"), Shape = [], DataType = DataType.Bool, Values = [0] });

    /// <summary>Integers that are an attribute before some opset, and an input from it on.</summary>
    public string WithInts(string type, string input, string what, int firstInput, long[] values, params OnnxAttribute[] attributes) =>
        Opset >= firstInput
        ? Node(type, [input, Longs(values)], attributes)
        : Node(type, [input], [.. attributes, Ints(what, values)]);

    /// <summary>The whole model.</summary>
    public OnnxModelToWrite Model(ImmutableArray<OnnxDimension> input, ImmutableArray<string> outputs) => new(
        "random", Opset, [.. nodes], [.. initializers],
        [new OnnxValue("input", OnnxElementType.Float, input)],
        [.. outputs.Select(name => new OnnxValue(name, OnnxElementType.Float, null))],
        new Dictionary<string, string>());

    private string Name(string what) => string.Create(CultureInfo.InvariantCulture, $"{what}_{names++}");

    private string Add(StateTensor tensor)
    {
        initializers.Add(tensor);
        return tensor.Name;
    }

    private string ToFloat(StateTensor tensor) => Node("Cast", [Add(tensor)], Int("to", OnnxElementType.Float));

    private static BytesTensor Of(string name, ReadOnlySpan<int> shape, ReadOnlySpan<float> values) =>
        new() { Name = name, Shape = [.. shape], DataType = DataType.Float32, Values = MemoryMarshal.AsBytes(values).ToArray() };
}
