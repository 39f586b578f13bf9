using static IlgpuResNet.Tests.RandomOnnxGraph;

namespace IlgpuResNet.Tests;

/// <summary>Random layers that ResNets have besides torchvision's: activations, gates, selections and normalisations by image.</summary>
internal sealed class RandomOnnxGates(RandomOnnxGraph graph)
{
    private const int FirstInputs = 13;

    private Random Random => graph.Random;

    /// <summary>A function of each value, as one node or as exporters write it.</summary>
    public RandomMap Function(RandomMap x)
    {
        const int FirstHardSwish = 14, FirstGelu = 20;
        string y = Random.Next(9) switch
        {
            0 => graph.Node("Sigmoid", [x.Name]),
            1 => graph.Node("Mul", [x.Name, graph.Node("Sigmoid", [x.Name])]),
            2 => graph.Node("HardSigmoid", [x.Name], Float("alpha", 0.25f)),
            3 when graph.Opset >= FirstHardSwish => graph.Node("HardSwish", [x.Name]),
            4 => graph.Node("LeakyRelu", [x.Name], Float("alpha", 0.1f)),
            5 => graph.Node("PRelu", [x.Name, graph.Floats(-0.5f, 0.5f, graph.Chance(50) ? [x.C, 1, 1] : [1])]),
            6 when graph.Opset >= FirstGelu => graph.Node("Gelu", [x.Name]),
            7 when graph.Opset >= 9 => Gelu(x.Name),
            _ => graph.Node("Tanh", [x.Name]),
        };
        return x with { Name = y };
    }

    /// <summary>A map times a gate for each channel or pixel, as SE blocks and spatial attention have it.</summary>
    public RandomMap Gate(RandomMap x)
    {
        string gate;
        if (graph.Chance(60))
        {
            string mean = graph.Node(graph.Pick("GlobalAveragePool", "GlobalMaxPool"), [x.Name]);
            gate = graph.Node("Conv", [mean, graph.Floats(-1, 1, x.C, x.C, 1, 1)]);
        }
        else
        {
            gate = graph.Node("Conv", [x.Name, graph.Floats(-1, 1, 1, x.C, 1, 1)]);
        }
        gate = graph.Node("Sigmoid", [gate]);
        string type = graph.Pick("Mul", "Mul", "Div", "Add");
        bool isFirst = type is not "Div" && graph.Chance(50);
        return x with { Name = graph.Node(type, isFirst ? [gate, x.Name] : [x.Name, gate]) };
    }

    /// <summary>Slices, joins and padding along any dimension but the batch.</summary>
    public RandomMap Selection(RandomMap x)
    {
        switch (Random.Next(5))
        {
            case 0:
                long[] order = [.. Enumerable.Range(0, Random.Next(1, x.C + 1)).Select(_ => (long)Random.Next(x.C))];
                return x with { Name = graph.Node("Gather", [x.Name, graph.Longs(order)], Int("axis", 1)), C = order.Length };
            case 1:
                string twice = graph.Node("Concat", [x.Name, graph.Node("Relu", [x.Name]), x.Name], Int("axis", graph.Pick(1)));
                return x with { Name = twice, C = 3 * x.C };
            case 2 when graph.Opset >= 10 && x.H > 2:
                string sliced = graph.Node("Slice", [x.Name, graph.Longs(1), graph.Longs(99), graph.Longs(2), graph.Longs(2)]);
                return x with { Name = sliced, H = x.H / 2 };
            case 3 when x.H > 2 && x.W > 2:
                string mode = graph.Pick("reflect", "edge");
                long[] pads = [0, 0, Random.Next(3), Random.Next(3), 0, 0, Random.Next(3), Random.Next(3)];
                string padded = graph.Opset >= 11 ? graph.Node("Pad", [x.Name, graph.Longs(pads)], Text("mode", mode))
                    : graph.Node("Pad", [x.Name], Text("mode", mode), Ints("pads", pads));
                return x with { Name = padded, H = x.H + (int)(pads[2] + pads[6]), W = x.W + (int)(pads[3] + pads[7]) };
            default:
                long[] channels = [0, Random.Next(3), 0, 0, 0, Random.Next(3), 0, 0];
                string wider = graph.Opset >= 11 ? graph.Node("Pad", [x.Name, graph.Longs(channels)])
                    : graph.Node("Pad", [x.Name], Ints("pads", channels));
                return x with { Name = wider, C = x.C + (int)(channels[1] + channels[5]) };
        }
    }

    /// <summary>Instance normalisation, a group norm as PyTorch writes it, or channels divided by their length.</summary>
    public RandomMap Norm(RandomMap x)
    {
        switch (Random.Next(3))
        {
            case 0:
                return x with
                {
                    Name = graph.Node(
                        "InstanceNormalization", [x.Name, graph.Floats(0.5f, 2, x.C), graph.Floats(-1, 1, x.C)], Float("epsilon", 0.1f)),
                };
            case 1:
                graph.StatesSize = true;
                int groups = x.C % 2 == 0 ? 2 : 1;
                string rows = graph.Node("Reshape", [x.Name, graph.Longs(0, groups, -1)]);
                string norm = graph.Node(
                    "InstanceNormalization", [rows, graph.Floats(1, 1, groups), graph.Floats(0, 0, groups)], Float("epsilon", 0.1f));
                string back = graph.Node("Reshape", [norm, graph.Longs(0, x.C, x.H, x.W)]);
                return x with { Name = graph.Node("Mul", [back, graph.Floats(0.5f, 2, x.C, 1, 1)]) };
            default:
                // Channels that may all be zero after a ReLU would have no length.
                string shifted = graph.Node("Add", [x.Name, graph.Scalar(0.5f)]);
                string squares = graph.WithInts("ReduceSum", graph.Node("Mul", [shifted, shifted]), "axes", FirstInputs, [1]);
                string length = graph.Node("Sqrt", [graph.Node("Add", [squares, graph.Scalar(0.25f)])]);
                return x with { Name = graph.Node("Div", [shifted, length]) };
        }
    }

    private string Gelu(string x)
    {
        string erf = graph.Node("Erf", [graph.Node("Div", [x, graph.Scalar(1.4142135f)])]);
        string gate = graph.Node("Add", [erf, graph.Scalar(1)]);
        return graph.Node("Mul", [graph.Node("Mul", [x, gate]), graph.Scalar(0.5f)]);
    }
}
