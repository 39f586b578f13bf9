using System.Collections.Immutable;
using System.Runtime.InteropServices;
using IlgpuResNet.Onnx;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Tests;

/// <summary>A small ONNX model written by hand: one line for each node.</summary>
internal sealed class OnnxSketch(long opset = 17)
{
    private readonly List<OnnxNode> nodes = [];
    private readonly List<StateTensor> initializers = [];
    private readonly List<OnnxValue> inputs = [];
    private ImmutableArray<string> outputs = [];

    /// <summary>An input; a size of 0 is dynamic.</summary>
    public OnnxSketch Input(string name, ReadOnlySpan<long> shape, int elementType = OnnxElementType.Float)
    {
        var dims = ImmutableArray.CreateBuilder<OnnxDimension>();
        foreach (long size in shape) dims.Add(size == 0 ? new OnnxDimension(null, $"dim{dims.Count}") : new OnnxDimension(size, null));
        inputs.Add(new OnnxValue(name, elementType, dims.ToImmutable()));
        return this;
    }

    /// <summary>An initializer of float32.</summary>
    public OnnxSketch Floats(string name, ImmutableArray<int> shape, params ReadOnlySpan<float> values) =>
        Initializer(
            new BytesTensor { Name = name, Shape = shape, DataType = DataType.Float32, Values = MemoryMarshal.AsBytes(values).ToArray() });

    /// <summary>An initializer of int64.</summary>
    public OnnxSketch Longs(string name, params ReadOnlySpan<long> values) =>
        Initializer(OnnxConstants.OfInt64(name, [values.Length], values));

    public OnnxSketch Initializer(StateTensor tensor)
    {
        initializers.Add(tensor);
        return this;
    }

    /// <summary>A node; names of inputs and outputs stand between spaces, <c>-</c> for one that is left out.</summary>
    public OnnxSketch Node(string type, string from, string to, params ReadOnlySpan<OnnxAttribute> attributes)
    {
        var byName = ImmutableDictionary.CreateBuilder<string, OnnxAttribute>();
        foreach (OnnxAttribute attribute in attributes) byName.Add(attribute.Name, attribute);
        ImmutableArray<string> results = Names(to);
        nodes.Add(new OnnxNode(results.IsEmpty ? "" : $"{results[0]}_node", type, "", Names(from), results, byName.ToImmutable()));
        return this;
    }

    /// <summary>A node whose one output, an output of the network too, has a name of any characters, as the node itself.</summary>
    public OnnxSketch Named(string type, string from, string name)
    {
        nodes.Add(new OnnxNode(name, type, "", Names(from), [name], ImmutableDictionary<string, OnnxAttribute>.Empty));
        outputs = [name];
        return this;
    }

    public OnnxSketch Outputs(string names)
    {
        outputs = Names(names);
        return this;
    }

    public byte[] ToBytes()
    {
        using var stream = new MemoryStream();
        OnnxWriter.Write(stream, new OnnxModelToWrite(
            "sketch", opset, [.. nodes], [.. initializers], [.. inputs],
            [.. outputs.Select(name => new OnnxValue(name, OnnxElementType.Float, null))], new Dictionary<string, string>()));
        return stream.ToArray();
    }

    private static ImmutableArray<string> Names(string names) =>
        [.. names.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(name => name == "-" ? "" : name)];
}
