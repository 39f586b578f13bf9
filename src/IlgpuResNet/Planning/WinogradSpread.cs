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
        var spreads = ImmutableArray.CreateBuilder<(int Step, double Spread)>();
        var magnitudes = new Dictionary<string, double[]> { [graph.Input] = Even(graph.InputChannels, 1) };
        foreach (Node node in graph.Nodes)
        {
            double[] input = magnitudes[node.Inputs[0]];
            if (steps.TryGetValue(node.Output, out int step)) spreads.Add((step, Of(input, norms[node.Output])));
            magnitudes[node.Output] = node switch
            {
                EpilogueNode made => Made(made, input, made.Filter is null ? null : norms[node.Output], magnitudes),
                ViewNode view when view.Shape.C != input.Length => Even(view.Shape.C, MeanOf(input)),
                SoftmaxNode => Even(input.Length, 1),
                _ => input,
            };
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

    /// <summary>Magnitudes after a node with an epilogue.</summary>
    private static double[] Made(EpilogueNode node, double[] input, FilterNorms? norms, Dictionary<string, double[]> magnitudes)
    {
        EpilogueSpec spec = node.Epilogue;
        double[]? residual = spec.HasResidual ? magnitudes[node.Inputs[1]] : null;
        double mean = norms is null ? 0 : MeanOf(input);
        var made = new double[norms?.Outputs.Length ?? input.Length];
        for (int k = 0; k < made.Length; k++)
        {
            double value = norms is null ? input[k] : norms.Outputs[k] * mean;
            if (spec.Scale is { } scale) value *= Math.Abs(scale[k]);
            if (spec.Shift is { } shift) value += Math.Abs(shift[k]);
            if (residual is not null) value = Math.Sqrt(value * value + residual[k] * residual[k]);
            if (spec.Clip is var (min, max)) value = Math.Min(value, Math.Max(Math.Abs(min), Math.Abs(max)));
            made[k] = value;
        }
        return made;
    }

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
