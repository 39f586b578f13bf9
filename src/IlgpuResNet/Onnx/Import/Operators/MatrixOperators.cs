using System.Collections.Immutable;
using IlgpuResNet.Graphs;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Onnx;

/// <summary>Products with a constant matrix, and softmax.</summary>
internal static class MatrixOperators
{
    /// <summary>Operator set from which on a softmax is over one dimension, not over all dimensions from an axis on.</summary>
    public const int FirstSingleAxis = 13;

    /// <summary>The handlers by the operators' names.</summary>
    public static Dictionary<string, OnnxHandler> Handlers { get; } = new()
    {
        ["Gemm"] = Gemm,
        ["MatMul"] = MatMul,
        ["Softmax"] = (op, builder, _) => Softmax(op, builder),
    };

    /// <summary><c>alpha A B + beta C</c> with constant B; C is constant or, with a beta of 1, as large as the product.</summary>
    public static Activation? Gemm(OnnxOperator op, OnnxGraphBuilder builder, ReadBudget budget)
    {
        Activation a = op.Activation(0);
        if (a.Rank != 2) throw op.Fail($"its input has {a.Rank} dimensions, but a matrix was expected");
        if (op.Int("transA", 0) != 0)
        {
            if (a.HasBatch) return op.Misfits("it transposes the batch");
            a = a with { Dims = [a.Dims[1], a.Dims[0]] };
        }
        float alpha = op.Float("alpha", 1), beta = op.Float("beta", 1);
        Activation? added = op.HasInput(2) && beta == 1 ? op.Input(2) as Activation : null;
        StateTensor? c = op.HasInput(2) && beta != 0 && added is null ? op.Weight(2, "its bias", 0, 1, 2) : null;
        // A bias per output becomes a part of the product; any other is added afterwards.
        bool fits = c is not null && beta == 1 && c.Shape[..^Math.Min(c.Shape.Length, 1)].All(size => size == 1);
        StateTensor weight = op.Weight(1, "its matrix", 2);
        bool transposed = op.Int("transB", 0) != 0;
        int outputs = weight.Shape[transposed ? 0 : 1];
        fits = fits && c!.Count == outputs;
        if (fits) budget.Charge(c!.Count * SpatialOperators.BytesPerBias);
        StateTensor? bias = fits ? c!.WithShape([outputs]) : null;
        if (Product(op, builder, budget, a, weight, transposed, alpha, bias) is not { } product) return null;
        if (added is not null) return ArithmeticOperators.Sum(op, builder, product, added);
        if (c is null || fits) return product;
        budget.Charge(c.Count * (sizeof(float) + 2L * sizeof(double)));
        return builder.Affine(op, product, c.Shape, null, Array.ConvertAll(c.ToDoubleArray(), value => beta * value), budget);
    }

    /// <summary>A product with a constant matrix over the last dimension.</summary>
    public static Activation? MatMul(OnnxOperator op, OnnxGraphBuilder builder, ReadBudget budget)
    {
        if (op.Input(0) is ConstantValue) throw op.Fail("a constant on the left of the product is not supported");
        return Product(op, builder, budget, op.Activation(0), op.Weight(1, "its matrix", 2), transposed: false, 1, null);
    }

    public static Activation? Softmax(OnnxOperator op, OnnxGraphBuilder builder)
    {
        Activation input = op.Activation(0);
        bool single = op.Opset >= FirstSingleAxis;
        int axis = op.Axis(op.Int("axis", single ? -1 : 1), Math.Max(input.Rank, 1));
        // Before opset 13 the softmax is over all dimensions from the axis on.
        ImmutableArray<Axis> axes = input.Rank == 0 ? [] : single ? input.Dims[axis] : [.. input.Dims[axis..].SelectMany(dim => dim)];
        if (RowLength(op, input, axes) is not { } classes) return null;
        Activation rows = builder.AsRows(input, classes);
        return builder.EmitElementwise(
            rows, op.Output, tensor => new SoftmaxNode { Name = op.Name, Inputs = [rows.Tensor], Output = tensor });
    }

    private static Activation? Product(
        OnnxOperator op, OnnxGraphBuilder builder, ReadBudget budget, Activation input,
        StateTensor weight, bool transposed, float alpha, StateTensor? bias)
    {
        if (input.Rank < 1) throw op.Fail("its input is a scalar");
        (int features, int outputs) = transposed ? (weight.Shape[1], weight.Shape[0]) : (weight.Shape[0], weight.Shape[1]);
        ImmutableArray<Axis> reduced = input.Dims[^1];
        if (reduced.Any(axis => axis.IsBatch)) return op.Misfits("it multiplies over the batch");
        if (input.Size(input.Rank - 1) != features)
            throw op.Fail($"its matrix has {features} rows, but its input has {input.Size(input.Rank - 1)} features");
        if (RowLength(op, input, reduced) is not { } length) return null;
        Activation rows = builder.AsRows(input, length);

        // The matrix has the features in the order of the dimension, memory has them in its own: a flattened map has channels last.
        var strides = new Dictionary<Axis, int>();
        int stride = transposed ? 1 : outputs;
        foreach (Axis axis in reduced.Reverse())
        {
            strides.Add(axis, stride);
            stride *= axis.Size;
        }
        ImmutableArray<Axis> kept = input.Memory[..^reduced.Length];
        ImmutableArray<Axis> inMemory = input.Memory[^reduced.Length..];
        bool asItIs = transposed && alpha == 1 && inMemory.SequenceEqual(reduced);
        string tensor = builder.UniqueName(op.Output);
        MapShape shape = builder.Emit(new LinearNode
        {
            Name = op.Name,
            Inputs = [rows.Tensor],
            Output = tensor,
            Weight = asItIs ? weight : OnnxConstants.Gathered(
                weight.Stored(budget), weight.Name, [outputs, features],
                [(outputs, transposed ? features : 1), .. inMemory.Select(axis => (axis.Size, strides[axis]))],
                alpha),
            Bias = bias,
        }, rows);
        ImmutableArray<Axis> made = OnnxGraphBuilder.AxesOf(outputs);
        return new Activation(tensor, shape, [.. kept, .. made], [.. input.Dims[..^1], made]);
    }

    /// <summary>Length of rows that consist of exactly these axes; null when the order in memory does not have such rows.</summary>
    public static int? RowLength(OnnxOperator op, Activation input, ImmutableArray<Axis> axes)
    {
        bool crossesBatch = axes.Any(axis => axis.IsBatch);
        int length = crossesBatch ? 0 : axes.Aggregate(1, (product, axis) => product * axis.Size);
        if (!crossesBatch && input.SuffixLength(axes) == length) return length;
        op.Misfits(crossesBatch ? "it works across the images of a batch" : "what it reduces over does not lie together in memory");
        return null;
    }
}
