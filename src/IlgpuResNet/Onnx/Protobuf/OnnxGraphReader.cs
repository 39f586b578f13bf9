using System.Collections.Immutable;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Onnx;

/// <summary>
/// Reads GraphProto and its inputs and outputs. The items of each list are counted first, so that its memory is charged to the budget
/// before it is allocated.
/// </summary>
internal sealed class OnnxGraphReader(OnnxTensorReader tensors, ReadBudget budget)
{
    // Upper estimates of objects with the references to them, in bytes.
    private const int BytesPerValue = 96;
    private const int BytesPerDimension = 32;

    /// <summary>Reads a graph.</summary>
    /// <exception cref="WeightsException">The graph is damaged, or uses a feature that is not supported.</exception>
    public OnnxGraph Read(ProtoReader message)
    {
        (int nodeCount, int initializerCount, int inputCount, int outputCount) = Count(message);
        var nodes = NewList<OnnxNode>(nodeCount);
        var initializers = NewList<StateTensor>(initializerCount);
        var inputs = NewList<OnnxValue>(inputCount);
        var outputs = NewList<OnnxValue>(outputCount);
        var byName = ImmutableDictionary.CreateBuilder<string, StateTensor>(StringComparer.Ordinal);
        var nodeReader = new OnnxNodeReader(tensors, budget);
        string name = "";
        while (message.Next())
        {
            switch (message.Field)
            {
                case GraphField.Name:
                    name = message.Text();
                    break;
                case GraphField.Node:
                    nodes.Add(nodeReader.Read(message.Message("NodeProto"), nodes.Count));
                    break;
                case GraphField.Initializer:
                    StateTensor tensor = tensors.Read(message.Message("TensorProto"));
                    if (!byName.TryAdd(tensor.Name, tensor))
                    {
                        string shown = OnnxNames.Show(tensor.Name);
                        throw new WeightsException($"{budget.Source}: damaged ONNX file: two initializers are called {shown}.");
                    }
                    initializers.Add(tensor);
                    break;
                case GraphField.SparseInitializer:
                    throw SparseInitializer(message.Message("SparseTensorProto"));
                case GraphField.Input:
                    inputs.Add(ReadValue(message.Message("ValueInfoProto")));
                    break;
                case GraphField.Output:
                    outputs.Add(ReadValue(message.Message("ValueInfoProto")));
                    break;
            }
        }
        return new OnnxGraph(
            name, Whole(nodes, message), byName.ToImmutable(), Whole(inputs, message), Whole(outputs, message))
        {
            InitializersInOrder = Whole(initializers, message),
        };
    }

    private static (int Nodes, int Initializers, int Inputs, int Outputs) Count(ProtoReader message)
    {
        int nodes = 0, initializers = 0, inputs = 0, outputs = 0;
        while (message.Next())
        {
            switch (message.Field)
            {
                case GraphField.Node:
                    nodes++;
                    break;
                case GraphField.Initializer:
                    initializers++;
                    break;
                case GraphField.Input:
                    inputs++;
                    break;
                case GraphField.Output:
                    outputs++;
                    break;
            }
        }
        return (nodes, initializers, inputs, outputs);
    }

    /// <summary>The list, when it has as many items as were counted.</summary>
    private static ImmutableArray<T> Whole<T>(ImmutableArray<T>.Builder list, ProtoReader message)
    {
        message.CheckSame(list.Count == list.Capacity);
        return list.MoveToImmutable();
    }

    private ImmutableArray<T>.Builder NewList<T>(int count) where T : class
    {
        budget.Charge(count * (long)nint.Size);
        return ImmutableArray.CreateBuilder<T>(count);
    }

    private OnnxValue ReadValue(ProtoReader message)
    {
        budget.Charge(BytesPerValue);
        string name = "";
        int elementType = 0;
        ImmutableArray<OnnxDimension>? shape = null;
        while (message.Next())
        {
            if (message.Field == ValueInfoField.Name) name = message.Text();
            else if (message.Field == ValueInfoField.Type) (elementType, shape) = ReadType(message.Message("TypeProto"));
        }
        return new OnnxValue(name, elementType, shape);
    }

    private (int ElementType, ImmutableArray<OnnxDimension>? Shape) ReadType(ProtoReader message)
    {
        int elementType = 0;
        ImmutableArray<OnnxDimension>? shape = null;
        while (message.Next())
        {
            if (message.Field != TypeField.TensorType) continue;
            ProtoReader tensor = message.Message("TypeProto.Tensor");
            while (tensor.Next())
            {
                if (tensor.Field == TypeField.TensorElementType) elementType = tensor.Int32();
                else if (tensor.Field == TypeField.TensorShape) shape = ReadShape(tensor.Message("TensorShapeProto"));
            }
        }
        return (elementType, shape);
    }

    private ImmutableArray<OnnxDimension> ReadShape(ProtoReader message)
    {
        int rank = message.Count(ShapeField.Dim);
        if (rank > SafetensorsReader.HighestRank) throw message.Damaged($"has more than {SafetensorsReader.HighestRank} dimensions");
        budget.Charge(BytesPerDimension * (rank + 1));
        var shape = ImmutableArray.CreateBuilder<OnnxDimension>(rank);
        while (message.Next())
            if (message.Field == ShapeField.Dim) shape.Add(ReadDimension(message.Message("TensorShapeProto.Dimension")));
        return Whole(shape, message);
    }

    private static OnnxDimension ReadDimension(ProtoReader message)
    {
        long? value = null;
        string? parameter = null;
        while (message.Next())
        {
            if (message.Field == ShapeField.DimValue) value = message.Int64();
            else if (message.Field == ShapeField.DimParam) parameter = message.Text();
        }
        // Some exporters write -1 for an unknown size.
        return new OnnxDimension(value < 0 ? null : value, string.IsNullOrEmpty(parameter) ? null : parameter);
    }

    private WeightsException SparseInitializer(ProtoReader message)
    {
        string name = "";
        while (message.Next())
        {
            if (message.Field != SparseTensorField.Values) continue;
            ProtoReader values = message.Message("TensorProto");
            while (values.Next())
                if (values.Field == TensorField.Name) name = values.Text();
        }
        string initializer = $"initializer {OnnxNames.Show(name)}";
        return new WeightsException($"{budget.Source}: {initializer} is sparse, which is not supported; save it dense.");
    }
}
