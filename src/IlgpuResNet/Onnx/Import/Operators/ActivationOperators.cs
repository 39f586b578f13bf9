using IlgpuResNet.Files;
using IlgpuResNet.Graphs;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Onnx;

/// <summary>Functions of each value besides ReLU.</summary>
internal static class ActivationOperators
{
    /// <summary>The handlers by the operators' names.</summary>
    public static Dictionary<string, OnnxHandler> Handlers { get; } = new()
    {
        ["Erf"] = Of(ActivationKind.Erf),
        ["Exp"] = Of(ActivationKind.Exp),
        ["Gelu"] = (op, builder, _) => Gelu(op, builder),
        ["HardSigmoid"] = (op, builder, _) => Emit(
            op, builder, new ActivationFunction(ActivationKind.HardSigmoid, op.Float("alpha", 0.2f), op.Float("beta", 0.5f))),
        ["HardSwish"] = Of(ActivationKind.HardSwish),
        ["LeakyRelu"] = (op, builder, _) =>
            Emit(op, builder, new ActivationFunction(ActivationKind.LeakyRelu, op.Float("alpha", 0.01f))),
        ["Log"] = Of(ActivationKind.Log),
        ["PRelu"] = PRelu,
        ["Pow"] = (op, builder, _) => Pow(op, builder),
        ["Sigmoid"] = Of(ActivationKind.Sigmoid),
        ["Sqrt"] = Of(ActivationKind.Sqrt),
        ["Tanh"] = Of(ActivationKind.Tanh),
    };

    /// <summary>Applies a function to a value that may be a part of an operator.</summary>
    public static Activation Apply(OnnxOperator op, OnnxGraphBuilder builder, Activation input, ActivationFunction function) =>
        builder.EmitElementwise(
            input, op.Output,
            tensor => new ActivationNode { Name = op.Name, Inputs = [input.Tensor], Output = tensor, Function = function });

    private static OnnxHandler Of(ActivationKind kind) => (op, builder, _) => Emit(op, builder, new ActivationFunction(kind));

    private static Activation Emit(OnnxOperator op, OnnxGraphBuilder builder, ActivationFunction function) =>
        Apply(op, builder, op.Activation(0), function);

    private static Activation Gelu(OnnxOperator op, OnnxGraphBuilder builder)
    {
        const double Half = 0.5;
        return op.Text("approximate", "none") switch
        {
            "none" => Emit(op, builder, new ActivationFunction(ActivationKind.Gelu, Half)),
            "tanh" => Emit(op, builder, new ActivationFunction(ActivationKind.GeluTanh, Half)),
            var other => throw op.Fail($"its approximation '{FileText.Clean(other)}' is unknown"),
        };
    }

    /// <summary>Slopes of negative values: one for all, which makes a leaky ReLU, or any that broadcast.</summary>
    private static Activation? PRelu(OnnxOperator op, OnnxGraphBuilder builder, ReadBudget budget)
    {
        Activation input = op.Activation(0);
        StateTensor slope = op.Constant(1, "its slope");
        if (!slope.IsFloat || slope.Count == 0)
            throw op.Fail($"its slope is {slope.DataType} {FileText.Shape(slope.Shape)}; floats were expected");
        budget.Charge(slope.Count * OnnxGraphBuilder.BytesPerChannel);
        double[] slopes = slope.ToDoubleArray();
        if (slopes.Distinct().Count() == 1)
            return Apply(op, builder, input, new ActivationFunction(ActivationKind.LeakyRelu, slopes[0]));
        return builder.Constants(op, input, slope.Shape, budget, (rows, expand) => tensor => new ActivationNode
        {
            Name = op.Name,
            Inputs = [rows.Tensor],
            Output = tensor,
            Function = new ActivationFunction(ActivationKind.PRelu),
            Slopes = expand(slopes),
        });
    }

    /// <summary>A constant power; the usual ones without a logarithm, which only positive numbers have.</summary>
    private static Activation? Pow(OnnxOperator op, OnnxGraphBuilder builder)
    {
        Activation input = op.Activation(0);
        StateTensor constant = op.Constant(1, "its exponent");
        if (constant.Count != 1) throw op.Fail($"its exponent is {FileText.Shape(constant.Shape)}, but one number was expected");
        double exponent = constant.IsFloat ? constant.ToDoubleArray()[0] : constant.ToInt64Array()[0];
        switch (exponent)
        {
            case 0:
                throw op.Fail("its exponent is 0, so that it computes nothing from its input");
            case 1:
                return input;
            case 2:
                return CombineOperators.Square(op, builder, input);
            case 3:
                return CombineOperators.Square(op, builder, input) is { } square
                    ? CombineOperators.Combine(op, builder, CombineKind.Multiply, square, input)
                    : null;
            case 0.5:
                return Apply(op, builder, input, new ActivationFunction(ActivationKind.Sqrt));
            default:
                return Apply(op, builder, input, new ActivationFunction(ActivationKind.Pow, exponent));
        }
    }
}
