using IlgpuResNet.Onnx;
using static IlgpuResNet.Tests.RandomOnnxGraph;

namespace IlgpuResNet.Tests;

/// <summary>A value <c>[N, C, H, W]</c> of a random graph.</summary>
internal readonly record struct RandomMap(string Name, int C, int H, int W);

/// <summary>Random layers over maps, such as ResNets of all exporters have them.</summary>
internal sealed class RandomOnnxLayers(RandomOnnxGraph graph)
{
    private Random Random => graph.Random;

    /// <summary>One layer or block of any kind.</summary>
    public RandomMap Layer(RandomMap x) => Random.Next(16) switch
    {
        0 or 1 or 2 => Conv(x),
        3 => BatchNorm(x),
        4 => Activation(x),
        5 or 6 => Residual(x),
        7 => Pool(x),
        8 => Padded(x),
        9 => Affine(x),
        10 => new RandomOnnxShapes(graph).ThereAndBack(x),
        12 => new RandomOnnxGates(graph).Function(x),
        13 => new RandomOnnxGates(graph).Gate(x),
        14 => new RandomOnnxGates(graph).Selection(x),
        15 => new RandomOnnxGates(graph).Norm(x),
        _ => Nothing(x),
    };

    /// <summary>Arithmetic with a constant that broadcasts.</summary>
    public RandomMap Affine(RandomMap x)
    {
        int[] shape = Random.Next(7) switch
        {
            0 => [],
            1 => [1],
            2 => [1, x.C, 1, 1],
            3 => [x.H, x.W],
            4 => [1, 1, 1, x.W],
            5 => [x.C, x.H, x.W],
            _ => [x.C, 1, 1],
        };
        graph.StatesSize |= shape is [_, _] or [_, _, _, > 1] or [_, > 1, > 1];
        string type = graph.Pick("Mul", "Add", "Sub", "Div");
        string constant = graph.Floats(0.5f, 2, shape);
        bool isFirst = type is not "Div" && graph.Chance(30);
        return x with { Name = graph.Node(type, isFirst ? [constant, x.Name] : [x.Name, constant]) };
    }

    /// <summary>Max(x, 0) or limits on both sides.</summary>
    public RandomMap Activation(RandomMap x)
    {
        if (graph.Chance(60)) return x with { Name = graph.Node("Relu", [x.Name]) };
        const int FirstInputs = 11;
        if (graph.Opset < FirstInputs) return x with { Name = graph.Node("Clip", [x.Name], Float("min", 0), Float("max", 6)) };
        string[] inputs = Random.Next(3) switch
        {
            0 => [x.Name, graph.Scalar(0), graph.Scalar(6)],
            1 => [x.Name, "", graph.Scalar(0.5f)],
            _ => [x.Name, graph.Scalar(-0.5f)],
        };
        return x with { Name = graph.Node("Clip", inputs) };
    }

    private RandomMap BatchNorm(RandomMap x) => x with
    {
        Name = graph.Node(
            "BatchNormalization",
            [x.Name, graph.Floats(0.5f, 1.5f, x.C), graph.Floats(-1, 1, x.C), graph.Floats(-1, 1, x.C), graph.Floats(0.5f, 2, x.C)],
            Float("epsilon", 1e-3f)),
    };

    private RandomMap Nothing(RandomMap x)
    {
        const int FirstInputs = 12;
        return x with
        {
            Name = graph.Chance(50) ? graph.Node("Identity", [x.Name])
                : graph.Opset < FirstInputs ? graph.Node("Dropout", [x.Name], Float("ratio", 0.25f))
                : graph.Node("Dropout", [x.Name, graph.Scalar(0.25f), graph.False()]),
        };
    }

    /// <summary>A convolution of any kind.</summary>
    private RandomMap Conv(RandomMap x)
    {
        int groups = graph.Chance(30) ? Divisors(x.C)[^1] : graph.Pick<int>(Divisors(x.C));
        int k = groups * Random.Next(1, 4);
        (int r, int s) = (Random.Next(1, 4), Random.Next(1, 4));
        RandomWindow window = RandomWindow.Create(graph, x, r, s, dilates: true, ceils: false);
        return Conv(x, window, k, groups);
    }

    private RandomMap Conv(RandomMap x, RandomWindow window, int k, int groups)
    {
        string filter = graph.Floats(-1, 1, k, x.C / groups, window.R, window.S);
        List<OnnxAttribute> attributes = window.Attributes(graph, statesKernel: graph.Chance(70));
        if (groups > 1 || graph.Chance(50)) attributes.Add(Int("group", groups));
        string name = graph.Node("Conv", graph.Chance(50) ? [x.Name, filter] : [x.Name, filter, graph.Floats(-1, 1, k)], [.. attributes]);
        return new RandomMap(name, k, window.P, window.Q);
    }

    private RandomMap Pool(RandomMap x)
    {
        const int FirstDilatedAverage = 19, FirstDilatedMaximum = 10, FirstCeil = 10;
        bool isMax = graph.Chance(50);
        RandomWindow window = RandomWindow.Create(
            graph, x, Random.Next(1, 4), Random.Next(1, 4),
            dilates: graph.Opset >= (isMax ? FirstDilatedMaximum : FirstDilatedAverage), ceils: graph.Opset >= FirstCeil);
        List<OnnxAttribute> attributes = window.Attributes(graph, statesKernel: true);
        if (!isMax && graph.Chance(50)) attributes.Add(Int("count_include_pad", 1));
        return new RandomMap(graph.Node(isMax ? "MaxPool" : "AveragePool", [x.Name], [.. attributes]), x.C, window.P, window.Q);
    }

    /// <summary>Padding by itself, and what takes it.</summary>
    private RandomMap Padded(RandomMap x)
    {
        const int FirstInputs = 11, FirstAxes = 18;
        if (graph.Chance(40)) x = x with { Name = graph.Node("Relu", [x.Name]) };
        int least = x.H > 3 && x.W > 3 ? -1 : 0;
        long[] pads = [0, 0, Random.Next(least, 3), Random.Next(least, 3), 0, 0, Random.Next(least, 3), Random.Next(least, 3)];
        float value = graph.Pick(0, 0, 0.25f, -1);
        OnnxAttribute[] mode = graph.Chance(50) ? [Text("mode", "constant")] : [];
        string name = graph.Opset < FirstInputs ? graph.Node("Pad", [x.Name], [.. mode, Ints("pads", pads), Float("value", value)])
            : graph.Opset >= FirstAxes && graph.Chance(50) ? graph.Node(
                "Pad", [x.Name, graph.Longs(pads[2], pads[3], pads[6], pads[7]), graph.Scalar(value), graph.Longs(2, -1)], mode)
            : graph.Node("Pad",
                value == 0 && graph.Chance(50) ? [x.Name, graph.Longs(pads)] : [x.Name, graph.Longs(pads), graph.Scalar(value)], mode);
        x = new RandomMap(name, x.C, x.H + (int)(pads[2] + pads[6]), x.W + (int)(pads[3] + pads[7]));
        return Random.Next(5) switch
        {
            0 or 1 => Conv(x),
            2 => Activation(x),
            _ => Pool(x),
        };
    }

    /// <summary>Two or three branches of one shape and their sum.</summary>
    private RandomMap Residual(RandomMap x)
    {
        bool halves = graph.Chance(30) && x.H > 2 && x.W > 2;
        int stride = halves ? 2 : 1, k = halves ? Random.Next(1, 7) : x.C;
        RandomMap a = Conv(x, RandomWindow.Fixed(x, 3, stride, 1), k, 1);
        if (graph.Chance(60)) a = BatchNorm(a);
        if (graph.Chance(60)) a = Activation(a);
        RandomMap b = halves || graph.Chance(30) ? Conv(x, RandomWindow.Fixed(x, 1, stride, 0), k, 1) : x;
        if (graph.Chance(30)) b = BatchNorm(b);
        string name = Random.Next(5) switch
        {
            0 => graph.Node("Sub", [a.Name, b.Name]),
            1 => graph.Node("Sum", [b.Name, a.Name]),
            2 => graph.Node("Sum", [a.Name, b.Name, BatchNorm(a).Name]),
            3 => graph.Node("Add", [b.Name, a.Name]),
            _ => graph.Node("Add", [a.Name, b.Name]),
        };
        RandomMap sum = a with { Name = name };
        return graph.Chance(60) ? Activation(sum) : sum;
    }

    private static int[] Divisors(int number) => [.. Enumerable.Range(1, number).Where(divisor => number % divisor == 0)];
}
