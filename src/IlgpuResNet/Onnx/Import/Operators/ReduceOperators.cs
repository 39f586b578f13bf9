using System.Collections.Immutable;
using IlgpuResNet.Graphs;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Onnx;

/// <summary>
/// Sums, means, maxima and norms over dimensions, and the largest elements. Over a map they are pools, over channels products with ones.
/// </summary>
internal static class ReduceOperators
{
    private enum Reduction
    {
        Sum,
        Mean,
        Max,
    }

    /// <summary>The handlers by the operators' names.</summary>
    public static Dictionary<string, OnnxHandler> Handlers { get; } = new()
    {
        ["ArgMax"] = (op, builder, _) => ArgMax(op, builder),
        ["LogSoftmax"] = LogSoftmax,
        ["LpNormalization"] = LpNormalization,
        ["ReduceL2"] = (op, builder, budget) =>
            CombineOperators.Square(op, builder, op.Activation(0)) is { } square
            && Reduce(op, builder, budget, square, Reduction.Sum) is { } sum
                ? ActivationOperators.Apply(op, builder, sum, new ActivationFunction(ActivationKind.Sqrt))
                : null,
        ["ReduceMax"] = (op, builder, budget) => Reduce(op, builder, budget, op.Activation(0), Reduction.Max),
        ["ReduceMean"] = (op, builder, budget) => Reduce(op, builder, budget, op.Activation(0), Reduction.Mean),
        ["ReduceSum"] = (op, builder, budget) => Reduce(op, builder, budget, op.Activation(0), Reduction.Sum),
        ["ReduceSumSquare"] = (op, builder, budget) => CombineOperators.Square(op, builder, op.Activation(0)) is { } square
            ? Reduce(op, builder, budget, square, Reduction.Sum)
            : null,
        ["TopK"] = (op, builder, _) => TopK(op, builder),
    };

    /// <summary>The first index of the largest element of a dimension, as a float.</summary>
    private static Activation? ArgMax(OnnxOperator op, OnnxGraphBuilder builder)
    {
        if (op.Int("select_last_index", 0) != 0) throw op.Fail("it picks the last of equal elements, which is not supported");
        Activation input = op.Activation(0);
        int axis = op.Axis(op.Int("axis", 0), input.Rank);
        return Largest(op, builder, input, axis, 1, givesIndices: true) is { } index
            ? Without(index, [axis], op.Int("keepdims", 1) != 0)
            : null;
    }

    /// <summary>The largest elements of a dimension, and their indices as floats.</summary>
    private static Activation? TopK(OnnxOperator op, OnnxGraphBuilder builder)
    {
        Activation input = op.Activation(0);
        long[] k = op.IntsOfInput(1, "k", "") ?? [op.Int("k", 0)];
        int axis = op.Axis(op.Int("axis", -1), input.Rank);
        if (op.Int("largest", 1) == 0) throw op.Fail("it picks the smallest elements, which is not supported");
        if (k is not [>= 1 and var count] || count > input.Size(axis))
            throw op.Fail($"its k is {OnnxOperator.List(k)}, but a number up to the {input.Size(axis)} elements of its axis was expected");
        if (Largest(op, builder, input, axis, (int)count, givesIndices: false) is not { } values) return null;
        if (Largest(op, builder, input, axis, (int)count, givesIndices: true) is { } indices) op.Give(1, indices);
        return values;
    }

    private static Activation? Largest(OnnxOperator op, OnnxGraphBuilder builder, Activation input, int axis, int k, bool givesIndices)
    {
        if (MatrixOperators.RowLength(op, input, input.Dims[axis]) is not { } classes) return null;
        ImmutableArray<Axis> made = OnnxGraphBuilder.AxesOf(k);
        return EmitRows(
            op, builder, input, classes, [axis], made,
            (rows, tensor) => new TopKNode { Name = op.Name, Inputs = [rows], Output = tensor, K = k, GivesIndices = givesIndices });
    }

    /// <summary><c>x - max - log(sum(exp(x - max)))</c> over a dimension.</summary>
    private static Activation? LogSoftmax(OnnxOperator op, OnnxGraphBuilder builder, ReadBudget budget)
    {
        Activation input = op.Activation(0);
        int axis = op.Axis(op.Int("axis", op.Opset >= MatrixOperators.FirstSingleAxis ? -1 : 1), Math.Max(input.Rank, 1));
        // Before opset 13 it is over all dimensions from the axis on.
        int[] axes = op.Opset >= MatrixOperators.FirstSingleAxis ? [axis] : [.. Enumerable.Range(axis, input.Rank - axis)];
        return Shifted(input, Reduce(op, builder, budget, input, Reduction.Max, axes, keep: true)) is { } shifted
            && Reduce(
                op, builder, budget, ActivationOperators.Apply(op, builder, shifted, new ActivationFunction(ActivationKind.Exp)),
                Reduction.Sum, axes, keep: true) is { } sum
            ? Shifted(shifted, ActivationOperators.Apply(op, builder, sum, new ActivationFunction(ActivationKind.Log)))
            : null;

        Activation? Shifted(Activation value, Activation? summand) =>
            summand is not null && builder.Affine(op, summand, [], [-1], null, budget) is { } negative
                ? CombineOperators.Combine(op, builder, CombineKind.Add, value, negative)
                : null;
    }

    /// <summary>Vectors along a dimension, divided by their lengths.</summary>
    private static Activation? LpNormalization(OnnxOperator op, OnnxGraphBuilder builder, ReadBudget budget)
    {
        if (op.Int("p", 2) != 2) throw op.Fail($"its norm {op.Int("p", 2)} is not supported, only 2 is");
        Activation input = op.Activation(0);
        int axis = op.Axis(op.Int("axis", -1), input.Rank);
        return CombineOperators.Square(op, builder, input) is { } square
            && Reduce(op, builder, budget, square, Reduction.Sum, [axis], keep: true) is { } sum
            ? CombineOperators.Combine(
                op, builder, CombineKind.Divide, input,
                ActivationOperators.Apply(op, builder, sum, new ActivationFunction(ActivationKind.Sqrt)))
            : null;
    }

    private static Activation? Reduce(OnnxOperator op, OnnxGraphBuilder builder, ReadBudget budget, Activation input, Reduction reduction)
    {
        long[] stated = op.IntsOfInput(1, "axes", "axes") ?? [];
        if (stated is [] && op.Int("noop_with_empty_axes", 0) != 0) return input;
        int[] axes = stated is [] ? [.. Enumerable.Range(0, input.Rank)]
            : [.. stated.Select(axis => op.Axis(axis, input.Rank)).Distinct().Order()];
        return Reduce(op, builder, budget, input, reduction, axes, op.Int("keepdims", 1) != 0);
    }

    private static Activation? Reduce(
        OnnxOperator op, OnnxGraphBuilder builder, ReadBudget budget, Activation input, Reduction reduction, int[] axes, bool keep)
    {
        if (axes is [2, 3] && input.Rank == 4)
        {
            PoolKind kind = reduction is Reduction.Max ? PoolKind.Max : PoolKind.Average;
            if (SpatialOperators.GlobalPool(op, builder, kind, input) is not { } pooled) return null;
            double[] count = [(double)input.Size(2) * input.Size(3)];
            Activation? result = reduction is Reduction.Sum ? builder.Affine(op, pooled, [], count, null, budget) : pooled;
            return result is null ? null : Without(result, axes, keep);
        }
        ImmutableArray<Axis> reduced = [.. axes.SelectMany(axis => input.Dims[axis])];
        if (MatrixOperators.RowLength(op, input, reduced) is not { } length) return null;
        Activation sum = EmitRows(op, builder, input, length, axes, [], (rows, tensor) => reduction is Reduction.Max
            ? new TopKNode { Name = op.Name, Inputs = [rows], Output = tensor, K = 1, GivesIndices = false }
            : new LinearNode
            {
                Name = op.Name,
                Inputs = [rows],
                Output = tensor,
                Weight = new FilledTensor
                {
                    Name = op.Output,
                    Shape = [1, length],
                    DataType = DataType.Float32,
                    Value = reduction is Reduction.Mean ? 1.0 / length : 1,
                },
            });
        return Without(sum, axes, keep);
    }

    /// <summary>Emits a node that replaces the innermost axes, all those of some dimensions, by others of the first of these.</summary>
    private static Activation EmitRows(
        OnnxOperator op, OnnxGraphBuilder builder, Activation input, int length, int[] axes, ImmutableArray<Axis> made,
        Func<string, string, Node> node)
    {
        Activation rows = builder.AsRows(input, length);
        string tensor = builder.UniqueName(op.Output);
        MapShape shape = builder.Emit(node(rows.Tensor, tensor), rows);
        int count = axes.Sum(axis => input.Dims[axis].Length);
        return new Activation(
            tensor, shape, [.. input.Memory[..^count], .. made],
            [.. input.Dims.Select((dim, axis) => axis == axes[0] ? made : axes.Contains(axis) ? [] : dim)]);
    }

    private static Activation Without(Activation value, int[] axes, bool keep) =>
        keep ? value : value with { Dims = [.. value.Dims.Where((_, axis) => !axes.Contains(axis))] };
}
