using IlgpuResNet.Files;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Onnx;

/// <summary>
/// Arithmetic of shapes on constant integers, and constants of 8-bit weights. A batch whose size is not known yet stays
/// <see cref="ShapeOperators.BatchSize"/> where nothing is computed from it.
/// </summary>
internal static class IntegerOperators
{
    /// <summary>The handlers by the operators' names.</summary>
    public static Dictionary<string, OnnxHandler> Handlers { get; } = new()
    {
        ["DequantizeLinear"] = (op, _, budget) => DequantizeLinear(op, budget),
        ["Equal"] = (op, _, budget) => Equal(op, budget),
        ["Where"] = (op, _, budget) => Where(op, budget),
    };

    /// <summary>True where two constants of integers are equal, as 1 and 0.</summary>
    public static ConstantValue Equal(OnnxOperator op, ReadBudget budget) =>
        new(Combined(op, op.Constant(0, "its left side"), op.Constant(1, "its right side"), static (a, b) => a == b ? 1 : 0, budget));

    /// <summary>Elements of one constant of integers where a condition holds, else of another.</summary>
    public static ConstantValue Where(OnnxOperator op, ReadBudget budget)
    {
        StateTensor condition = op.Constant(0, "its condition"), a = op.Constant(1, "its X"), b = op.Constant(2, "its Y");
        // Where the condition holds the first part has an element, elsewhere the second: a number marks what is left out.
        const long LeftOut = long.MaxValue;
        StateTensor first = Combined(op, condition, a, static (holds, x) => holds != 0 ? x : LeftOut, budget);
        return new ConstantValue(Combined(op, first, b, static (x, y) => x == LeftOut ? y : x, budget));
    }

    /// <summary>Arithmetic on two constants of integers; null when one of them is the number of images, which is not known.</summary>
    public static ConstantValue? Fold(
        OnnxOperator op, StateTensor left, StateTensor right, Func<long, long, long> operation, ReadBudget budget)
    {
        bool isUnknown = false;
        StateTensor result = Combined(op, left, right, Operation, budget);
        if (!isUnknown) return new ConstantValue(result);
        op.Misfits("it computes with the number of images");
        return null;

        long Operation(long a, long b)
        {
            isUnknown |= a == ShapeOperators.BatchSize || b == ShapeOperators.BatchSize;
            return isUnknown ? 0 : operation(a, b);
        }
    }

    /// <summary>Weights of 8 bits, or a bias of 32, as floats: <c>(x - zero point) * scale</c>, per tensor or along an axis.</summary>
    public static ConstantValue DequantizeLinear(OnnxOperator op, ReadBudget budget)
    {
        if (op.Input(0) is Activation)
            throw op.Fail("quantised activations are not supported, only quantised weights; use the model before it was quantised");
        StateTensor values = op.Constant(0, "x"), scale = op.Constant(1, "its scale");
        StateTensor? zero = op.HasInput(2) ? op.Constant(2, "its zero point") : null;
        if (values.IsFloat || !scale.IsFloat)
            throw op.Fail($"x is {values.DataType} and its scale {scale.DataType}; integers and floats were expected");
        if (op.Int("block_size", 0) != 0) throw op.Fail("scales per block are not supported");
        if (scale.Count != (zero?.Count ?? scale.Count)) throw op.Fail("its scale and its zero point differ in length");
        int period = (int)values.Count, repeat = 1;
        if (scale.Count != 1)
        {
            int axis = op.Axis(op.Int("axis", 1), values.Shape.Length);
            if (scale.Shape.Length != 1 || scale.Shape[0] != values.Shape[axis])
                throw op.Fail($"its scale is {FileText.Shape(scale.Shape)}, but axis {axis} has {values.Shape[axis]} elements");
            period = scale.Shape[0];
            for (int i = axis + 1; i < values.Shape.Length; i++) repeat *= values.Shape[i];
        }
        budget.Charge(scale.Count * 2 * sizeof(float));
        float[] scales = scale.ToArray(), zeros = zero?.ToArray() ?? new float[scales.Length];
        bool isOne = scales.Length == 1;
        return new ConstantValue(new ComputedTensor
        {
            Name = op.Output,
            Shape = values.Shape,
            DataType = DataType.Float32,
            Compute = destination =>
            {
                values.CopyTo(destination);
                for (int i = 0; i < destination.Length; i++)
                {
                    int at = isOne ? 0 : i / repeat % period;
                    destination[i] = (destination[i] - zeros[at]) * scales[at];
                }
            },
        });
    }

    private static StateTensor Combined(
        OnnxOperator op, StateTensor a, StateTensor b, Func<long, long, long> operation, ReadBudget budget) =>
        OnnxConstants.CombineIntegers(op.Output, Integers(op, a), Integers(op, b), operation, budget)
        ?? throw op.Fail($"constants of shape {FileText.Shape(a.Shape)} and {FileText.Shape(b.Shape)} do not fit each other");

    private static StateTensor Integers(OnnxOperator op, StateTensor tensor) => tensor.DataType switch
    {
        DataType.Int64 or DataType.Int32 => tensor,
        DataType.Bool => OnnxConstants.OfInt64(tensor.Name, tensor.Shape, Array.ConvertAll(tensor.ToByteArray(), value => (long)value)),
        var type => throw op.Fail($"its constant {FileText.Clean(tensor.Name)} is {type}, but integers were expected"),
    };
}
