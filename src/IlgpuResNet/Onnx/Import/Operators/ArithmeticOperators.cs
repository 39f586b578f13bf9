using System.Collections.Immutable;
using System.Diagnostics;
using IlgpuResNet.Files;
using IlgpuResNet.Graphs;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Onnx;

/// <summary>Operators that compute element by element: arithmetic with constants, sums, batch norm, ReLU and Clip.</summary>
internal static class ArithmeticOperators
{
    private const int FirstNumPyBroadcast = 7;

    /// <summary>Bytes for an element of a constant, which is read as float and as double and converted once.</summary>
    private const long BytesPerElement = sizeof(float) + 2 * sizeof(double);

    /// <summary>The handlers by the operators' names.</summary>
    public static Dictionary<string, OnnxHandler> Handlers { get; } = new()
    {
        ["Add"] = Add,
        ["BatchNormalization"] = BatchNormalization,
        ["Clip"] = (op, builder, _) => Clip(op, builder),
        ["Div"] = Div,
        ["Mul"] = Mul,
        ["Relu"] = (op, builder, _) => Relu(op, builder),
        ["Sub"] = Sub,
        ["Sum"] = SumAll,
    };

    public static ImportedValue? Add(OnnxOperator op, OnnxGraphBuilder builder, ReadBudget budget) =>
        Plus(op, builder, budget, op.Input(0), op.Input(1));

    public static ImportedValue? Sub(OnnxOperator op, OnnxGraphBuilder builder, ReadBudget budget) => (op.Input(0), op.Input(1)) switch
    {
        (Activation a, Activation b) =>
            builder.Affine(op, b, [], [-1], null, budget) is { } negative ? Sum(op, builder, a, negative) : null,
        (Activation a, ConstantValue b) => Affine(op, builder, budget, a, b, static c => (null, Array.ConvertAll(c, x => -x))),
        (ConstantValue a, Activation b) => Affine(op, builder, budget, b, a, static c => (Array.ConvertAll(c, _ => -1.0), c)),
        (ConstantValue a, ConstantValue b) => Fold(op, budget, a, b, static (x, y) => x - y, static (x, y) => x - y),
        _ => throw new UnreachableException(),
    };

    public static ImportedValue? Mul(OnnxOperator op, OnnxGraphBuilder builder, ReadBudget budget) => (op.Input(0), op.Input(1)) switch
    {
        (Activation a, Activation b) => CombineOperators.Combine(op, builder, CombineKind.Multiply, a, b),
        (Activation a, ConstantValue b) => Affine(op, builder, budget, a, b, static c => (c, null)),
        (ConstantValue a, Activation b) => Affine(op, builder, budget, b, a, static c => (c, null)),
        (ConstantValue a, ConstantValue b) => Fold(op, budget, a, b, static (x, y) => x * y, static (x, y) => x * y),
        _ => throw new UnreachableException(),
    };

    public static ImportedValue? Div(OnnxOperator op, OnnxGraphBuilder builder, ReadBudget budget) => (op.Input(0), op.Input(1)) switch
    {
        (Activation a, Activation b) => CombineOperators.Combine(op, builder, CombineKind.Divide, a, b),
        (_, Activation) => throw op.Fail("a constant divided by a computed tensor is not supported"),
        (Activation a, ConstantValue b) => Affine(op, builder, budget, a, b, static c => (Array.ConvertAll(c, x => 1 / x), null)),
        (ConstantValue a, ConstantValue b) => Fold(op, budget, a, b, static (x, y) => x / y, (x, y) => Quotient(op, x, y)),
        _ => throw new UnreachableException(),
    };

    /// <summary>Sum of one or more inputs.</summary>
    public static ImportedValue? SumAll(OnnxOperator op, OnnxGraphBuilder builder, ReadBudget budget)
    {
        ImportedValue? sum = op.Input(0);
        for (int i = 1; i < op.InputCount && sum is not null; i++)
            sum = Plus(op, builder, budget, sum, op.Input(i));
        return sum;
    }

    public static Activation? BatchNormalization(OnnxOperator op, OnnxGraphBuilder builder, ReadBudget budget)
    {
        const int FirstInferenceByDefault = 7;
        if (op.Int("training_mode", 0) != 0 || (op.Opset < FirstInferenceByDefault && op.Int("is_test", 0) == 0))
            throw op.Fail("it is in training mode; export the model for inference");
        if (op.Opset >= FirstInferenceByDefault && Enumerable.Range(1, op.OutputCount - 1).Any(op.HasOutput))
            throw op.Fail("it gives statistics, as it does in training; export the model for inference");
        Activation input = op.Activation(0);
        if (input.Rank < 2) throw op.Fail("its input has no channels");
        int channels = input.Size(1);
        double[] weight = Vector(1, "scale"), bias = Vector(2, "bias"), mean = Vector(3, "mean"), variance = Vector(4, "variance");
        (double[] scale, double[] shift) = BatchNormNode.Fold(weight, bias, mean, variance, op.Float("epsilon", 1e-5f));
        return builder.Affine(op, input, [channels, .. Enumerable.Repeat(1, input.Rank - 2)], scale, shift, budget);

        double[] Vector(int index, string what)
        {
            StateTensor tensor = op.Weight(index, $"its {what}", 1);
            // With spatial = 0 (opset 7) it would have three sizes; some exporters set that beside vectors, where it means nothing.
            if (tensor.Shape[0] != channels)
                throw op.Fail($"its {what} is {FileText.Shape(tensor.Shape)}, but its input has {channels} channels");
            budget.Charge(channels * BytesPerElement);
            return tensor.ToDoubleArray();
        }
    }

    public static Activation Relu(OnnxOperator op, OnnxGraphBuilder builder)
    {
        Activation input = op.Activation(0);
        return builder.EmitElementwise(
            input, op.Output, tensor => new ReluNode { Name = op.Name, Inputs = [input.Tensor], Output = tensor });
    }

    public static Activation Clip(OnnxOperator op, OnnxGraphBuilder builder)
    {
        Activation input = op.Activation(0);
        double min = op.NumberOfInput(1, "min", "min", double.NegativeInfinity);
        double max = op.NumberOfInput(2, "max", "max", double.PositiveInfinity);
        return builder.EmitElementwise(
            input, op.Output, tensor => new ClipNode { Name = op.Name, Inputs = [input.Tensor], Output = tensor, Min = min, Max = max });
    }

    /// <summary>The sum of two values of one shape.</summary>
    public static Activation? Sum(OnnxOperator op, OnnxGraphBuilder builder, Activation a, Activation b)
    {
        if (!a.HasLayoutOf(b)) return CombineOperators.Combine(op, builder, CombineKind.Add, a, b);
        Activation other = builder.AsShape(b, a.Shape);
        return builder.EmitElementwise(
            a, op.Output, tensor => new AddNode { Name = op.Name, Inputs = [a.Tensor, other.Tensor], Output = tensor }, other);
    }

    private static ImportedValue? Plus(
        OnnxOperator op, OnnxGraphBuilder builder, ReadBudget budget, ImportedValue left, ImportedValue right)
    {
        return (left, right) switch
        {
            (Activation a, Activation b) => Sum(op, builder, a, b),
            (Activation a, ConstantValue b) => Affine(op, builder, budget, a, b, static c => (null, c)),
            (ConstantValue a, Activation b) => Affine(op, builder, budget, b, a, static c => (null, c)),
            (ConstantValue a, ConstantValue b) => Fold(op, budget, a, b, static (x, y) => x + y, static (x, y) => x + y),
            _ => throw new UnreachableException(),
        };
    }

    private static Activation? Affine(
        OnnxOperator op, OnnxGraphBuilder builder, ReadBudget budget, Activation input, ConstantValue value,
        Func<double[], (double[]? Scale, double[]? Shift)> parts)
    {
        StateTensor constant = value.Tensor;
        if (!constant.IsFloat)
            throw op.Fail($"its constant {FileText.Clean(constant.Name)} is {constant.DataType}, but floats were expected");
        budget.Charge(constant.Count * BytesPerElement);
        (double[]? scale, double[]? shift) = parts(constant.ToDoubleArray());
        return builder.Affine(op, input, ShapeFor(op, constant, input.Rank), scale, shift, budget);
    }

    /// <summary>Shape of a constant for NumPy's broadcasting. Before opset 7, <c>axis</c> names the dimension of its first one.</summary>
    private static ImmutableArray<int> ShapeFor(OnnxOperator op, StateTensor constant, int rank)
    {
        if (op.Opset >= FirstNumPyBroadcast || !op.Has("axis")) return constant.Shape;
        int trailing = rank - op.Axis(op.Int("axis", 0), rank) - constant.Shape.Length;
        return trailing < 0 ? constant.Shape : [.. constant.Shape, .. Enumerable.Repeat(1, trailing)];
    }

    private static ConstantValue? Fold(
        OnnxOperator op, ReadBudget budget, ConstantValue left, ConstantValue right, Func<double, double, double> operation,
        Func<long, long, long> onIntegers)
    {
        StateTensor a = left.Tensor, b = right.Tensor;
        if (!a.IsFloat && !b.IsFloat) return IntegerOperators.Fold(op, a, b, onIntegers, budget);
        if (!a.IsFloat || !b.IsFloat) throw op.Fail("it computes with constants of integers and of floats");
        return new ConstantValue(OnnxConstants.Combine(op.Output, a, b, operation, budget)
            ?? throw op.Fail($"constants of shape {FileText.Shape(a.Shape)} and {FileText.Shape(b.Shape)} do not fit each other"));
    }

    /// <summary>Quotient of integers, rounded towards zero.</summary>
    private static long Quotient(OnnxOperator op, long a, long b) =>
        b is not (0 or -1) ? a / b : b == -1 ? unchecked(-a) : throw op.Fail("it divides an integer by 0");
}
