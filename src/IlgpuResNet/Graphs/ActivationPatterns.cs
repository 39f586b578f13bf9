using System.Collections.Immutable;

namespace IlgpuResNet.Graphs;

/// <summary>
/// Recognises activations that exporters write as several nodes, so that each becomes part of an epilogue: <c>x * sigmoid(x)</c>, a hard
/// sigmoid in place of the sigmoid, and <c>x * (1 + erf(x / sqrt(2))) / 2</c> in any order of its factors.
/// </summary>
internal static class ActivationPatterns
{
    /// <summary>Largest relative difference of a constant from the one that a function has: exporters write them as float32.</summary>
    private const double Tolerance = 1e-6;

    private static readonly double HalfSqrt = Math.Sqrt(0.5);

    /// <summary>The graph with each pattern as one node. What only the pattern needed stays, and nothing reads it.</summary>
    public static Graph Recognise(Graph graph)
    {
        var makers = new Dictionary<string, Node>();
        var nodes = ImmutableArray.CreateBuilder<Node>(graph.Nodes.Length);
        Dictionary<string, int>? readers = null;
        foreach (Node node in graph.Nodes)
        {
            ActivationNode? found = node switch
            {
                CombineNode { Kind: CombineKind.Multiply } product when product.Epilogue == EpilogueSpec.Identity =>
                    OfProduct(makers, product, 0, 1) ?? OfProduct(makers, product, 1, 0),
                PointwiseNode scaled when UniformScale(scaled) is { } factor => Scaled(scaled, factor),
                _ => null,
            };
            Node kept = found ?? node;
            makers[kept.Output] = kept;
            nodes.Add(kept);
        }
        return graph with { Nodes = nodes.DrainToImmutable() };

        // A factor after a GELU becomes its alpha, if nothing else reads the GELU.
        ActivationNode? Scaled(PointwiseNode node, double factor)
        {
            if (makers.GetValueOrDefault(node.Inputs[0]) is not ActivationNode { Function.Kind: ActivationKind.Gelu } gelu) return null;
            readers ??= graph.Nodes.SelectMany(other => other.Inputs).Concat(graph.Outputs).CountBy(name => name).ToDictionary();
            if (readers[gelu.Output] != 1) return null;
            return Activated(node, gelu.Inputs[0], gelu.Function with { Alpha = gelu.Function.Alpha * factor });
        }
    }

    private static ActivationNode? OfProduct(Dictionary<string, Node> makers, CombineNode product, int value, int gate)
    {
        string x = product.Inputs[value];
        switch (makers.GetValueOrDefault(product.Inputs[gate]))
        {
            case ActivationNode { Function.Kind: ActivationKind.Sigmoid } sigmoid when sigmoid.Inputs[0] == x:
                return Activated(product, x, new ActivationFunction(ActivationKind.Silu));
            case ActivationNode { Function: { Kind: ActivationKind.HardSigmoid } function } hard
                when hard.Inputs[0] == x && Is(function.Alpha, 1.0 / 6) && Is(function.Beta, 0.5):
                return Activated(product, x, new ActivationFunction(ActivationKind.HardSwish));
            case PointwiseNode { Inputs: [var erfOutput] } onePlus
                when IsOnePlus(onePlus) && makers.GetValueOrDefault(erfOutput) is ActivationNode { Function.Kind: ActivationKind.Erf } erf
                && makers.GetValueOrDefault(erf.Inputs[0]) is PointwiseNode { Inputs: [var inner] } scaled
                && UniformScale(scaled) is { } scale && Is(scale, HalfSqrt):
                if (inner == x) return Activated(product, x, new ActivationFunction(ActivationKind.Gelu, 1));
                return makers.GetValueOrDefault(x) is PointwiseNode factor && factor.Inputs[0] == inner && UniformScale(factor) is { } alpha
                    ? Activated(product, inner, new ActivationFunction(ActivationKind.Gelu, alpha))
                    : null;
            default:
                return null;
        }
    }

    private static ActivationNode Activated(Node node, string input, ActivationFunction function) =>
        new() { Name = node.Name, Inputs = [input], Output = node.Output, Function = function };

    private static bool IsOnePlus(PointwiseNode node) =>
        node.Epilogue.Shift is { } shift && node.Epilogue with { Shift = null } == EpilogueSpec.Identity && shift.All(value => value == 1);

    /// <summary>The one factor that a node multiplies all channels by, if it does nothing else.</summary>
    private static double? UniformScale(PointwiseNode node) =>
        node.Epilogue.Scale is [var first, ..] scale && node.Epilogue with { Scale = null } == EpilogueSpec.Identity
        && scale.All(value => value == first)
            ? first
            : null;

    private static bool Is(double value, double expected) => Math.Abs(value - expected) <= Tolerance * expected;
}
