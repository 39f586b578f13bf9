using System.Collections.Immutable;
using IlgpuResNet.Graphs;
using IlgpuResNet.Kernels;

namespace IlgpuResNet.Planning;

/// <summary>
/// Finds the layers whose channels differ too much for Winograd's algorithm. Pure.
/// </summary>
/// <remarks>
/// <para>
/// Winograd's algorithm rounds in proportion to the largest values of a tile, for every output of the tile, also for one that sees none of
/// them (Barabasz et al. 2020, "Error Analysis and Improving the Accuracy of Winograd Convolution", arXiv:1803.10986). By the definition an
/// output rounds in proportion to what it sees. So where one channel's contribution is far larger than the others', and absent from a part
/// of the tile, as after a ReLU, the others are lost there.
/// </para>
/// <para>
/// The contribution of an input channel is the magnitude of its values times the norm of the weights that read it. Magnitudes follow from
/// the weights: an output channel of independent values is as large as the norm of its weights times the root mean square of its inputs,
/// then scaled and shifted by its batch norm. A layer's spread is the largest contribution over the median of those that float32 tells from
/// 0 beside it, so that channels that are dead do not count.
/// </para>
/// </remarks>
internal static class WinogradSpread
{
    /// <summary>
    /// Largest spread of a layer that may be computed by Winograd's algorithm. The bound of docs/accuracy.md was measured with it.
    /// </summary>
    public const double Most = 32;

    /// <summary>Contributions below this share of the largest are lost in float32 by any algorithm.</summary>
    private const double Lost = 1.0 / (1 << 24);

    /// <summary>The methods, with an exact one for each layer whose channels differ too much for Winograd's algorithm.</summary>
    /// <param name="planner">Plans for the device's family.</param>
    /// <param name="graph">The plan's graph.</param>
    /// <param name="plan">The steps.</param>
    /// <param name="methods">The method of each step.</param>
    /// <param name="norms">Norms of each filter, by its node's output.</param>
    public static ImmutableArray<Conv2dMethod> Bounded(
        IFamilyPlanner planner, Graph graph, ExecutionPlan plan, ImmutableArray<Conv2dMethod> methods,
        IReadOnlyDictionary<string, FilterNorms> norms)
    {
        ImmutableArray<Conv2dMethod> exact = default;
        foreach ((int step, double spread) in OfSteps(graph, plan, methods, norms))
        {
            // A spread that is not a number is not bounded either.
            if (spread <= Most) continue;
            if (exact.IsDefault) exact = MethodSelector.Choose(planner, plan, Numerics.Exact);
            methods = methods.SetItem(step, exact[step]);
        }
        return methods;
    }

    /// <summary>The spread of each step that is computed by Winograd's algorithm.</summary>
    /// <inheritdoc cref="Bounded"/>
    public static ImmutableArray<(int Step, double Spread)> OfSteps(
        Graph graph, ExecutionPlan plan, ImmutableArray<Conv2dMethod> methods, IReadOnlyDictionary<string, FilterNorms> norms)
    {
        var steps = new Dictionary<string, int>();
        for (int i = 0; i < methods.Length; i++)
        {
            if (methods[i].Algorithm is not Conv2dAlgorithm.Direct) steps.Add(plan.Steps[i].Node.Output, i);
        }
        if (steps.Count == 0) return [];
        IReadOnlyDictionary<string, MapShape> shapes = graph.InferShapes(plan.Input.Shape.H, plan.Input.Shape.W);
        var spreads = ImmutableArray.CreateBuilder<(int Step, double Spread)>();
        var magnitudes = new Dictionary<string, double[]> { [graph.Input] = Even(graph.InputChannels, 1) };
        foreach (Node node in graph.Nodes)
        {
            double[][] inputs = [.. node.Inputs.Select(name => magnitudes[name])];
            if (steps.TryGetValue(node.Output, out int step)) spreads.Add((step, Of(inputs[0], norms[node.Output])));
            FilterNorms? filter = node is EpilogueNode { Filter: not null } ? norms[node.Output] : null;
            double[] result = Result(node, inputs, filter, shapes[node.Output].C);
            if (node is EpilogueNode { Epilogue: var spec }) Apply(spec, result, spec.HasResidual ? inputs[^1] : null);
            magnitudes[node.Output] = result;
        }
        return spreads.ToImmutable();
    }

    /// <summary>The spread of a layer; NaN or infinity where a weight or a magnitude is not finite.</summary>
    /// <param name="magnitudes">Magnitude of each input channel.</param>
    /// <param name="norms">Norms of its filter.</param>
    public static double Of(ReadOnlySpan<double> magnitudes, FilterNorms norms)
    {
        var contributions = new double[magnitudes.Length];
        double largest = 0;
        for (int c = 0; c < contributions.Length; c++)
        {
            contributions[c] = magnitudes[c] * norms.Inputs[c];
            if (!double.IsFinite(contributions[c])) return double.NaN;
            largest = Math.Max(largest, contributions[c]);
        }
        if (largest == 0) return 1;
        Array.Sort(contributions);
        int lost = 0;
        while (contributions[lost] <= Lost * largest) lost++;
        return largest / contributions[(lost + contributions.Length) / 2];
    }

    /// <summary>Magnitudes of a node's output, before its epilogue.</summary>
    private static double[] Result(Node node, double[][] inputs, FilterNorms? filter, int channels)
    {
        double[] input = inputs[0];
        if (filter is not null)
        {
            double mean = MeanOf(input);
            return [.. filter.Outputs.Select(norm => norm * mean)];
        }
        return node switch
        {
            SoftmaxNode => Even(channels, 1),
            ActivationNode { Function.Kind: var kind } when IsBounded(kind) => [.. input.Select(value => Math.Min(value, 1))],
            GroupNormNode norm => Normalised(norm, channels),
            CombineNode combine => Combined(combine.Kind, input, inputs[1]),
            // Elements that change their places, as in a view or a selection, are taken for equal.
            _ when node is ViewNode or SelectNode or TopKNode || input.Length != channels => Even(channels, inputs.Max(MeanOf)),
            _ => [.. input],
        };
    }

    private static double[] Normalised(GroupNormNode norm, int channels)
    {
        double[] magnitudes = Even(channels, 1), weight = norm.Weight?.ToDoubleArray() ?? magnitudes;
        double[] bias = norm.Bias?.ToDoubleArray() ?? new double[channels];
        for (int c = 0; c < channels; c++) magnitudes[c] = Math.Abs(weight[c]) + Math.Abs(bias[c]);
        return magnitudes;
    }

    private static double[] Combined(CombineKind kind, double[] first, double[] second)
    {
        var made = new double[first.Length];
        for (int c = 0; c < made.Length; c++)
        {
            double other = second[second.Length == 1 ? 0 : c];
            made[c] = kind switch
            {
                CombineKind.Multiply => first[c] * other,
                CombineKind.Divide => first[c] / other,
                _ => Math.Sqrt(first[c] * first[c] + other * other),
            };
        }
        return made;
    }

    /// <summary>Applies an epilogue to magnitudes.</summary>
    private static void Apply(EpilogueSpec spec, double[] magnitudes, double[]? residual)
    {
        for (int k = 0; k < magnitudes.Length; k++)
        {
            double value = magnitudes[k];
            if (spec.Scale is { } scale) value *= Math.Abs(scale[k]);
            if (spec.Shift is { } shift) value += Math.Abs(shift[k]);
            if (residual is not null) value = Math.Sqrt(value * value + residual[k] * residual[k]);
            if (spec.Activation is { Kind: var kind } && IsBounded(kind)) value = Math.Min(value, 1);
            if (spec.Clip is var (min, max)) value = Math.Min(value, Math.Max(Math.Abs(min), Math.Abs(max)));
            magnitudes[k] = value;
        }
    }

    /// <summary>True for functions with results between -1 and 1.</summary>
    private static bool IsBounded(ActivationKind kind) =>
        kind is ActivationKind.Sigmoid or ActivationKind.HardSigmoid or ActivationKind.Erf or ActivationKind.Tanh;

    /// <summary>Root mean square.</summary>
    private static double MeanOf(double[] values)
    {
        double sum = 0;
        foreach (double value in values) sum += value * value;
        return Math.Sqrt(sum / values.Length);
    }

    private static double[] Even(int channels, double magnitude)
    {
        var all = new double[channels];
        Array.Fill(all, magnitude);
        return all;
    }
}
