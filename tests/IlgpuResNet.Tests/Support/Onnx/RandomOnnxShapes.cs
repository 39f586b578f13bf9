using IlgpuResNet.Onnx;
using static IlgpuResNet.Tests.RandomOnnxGraph;

namespace IlgpuResNet.Tests;

/// <summary>Rearrangements of maps that end where they began, and the ends of networks: pooling, flattening, matrices, softmax.</summary>
internal sealed class RandomOnnxShapes(RandomOnnxGraph graph)
{
    private const int FirstAxesInput = 13;

    /// <summary>Another shape or order, perhaps a layer there, and back.</summary>
    public RandomMap ThereAndBack(RandomMap x)
    {
        int kind = graph.Random.Next(6);
        graph.StatesSize |= kind is 1 or 3;
        switch (kind)
        {
            case 0:
                string last = graph.Node("Transpose", [x.Name], Ints("perm", 0, 2, 3, 1));
                if (graph.Chance(50)) last = graph.Node("Mul", [last, graph.Floats(0.5f, 2, x.C)]);
                return x with { Name = graph.Node("Transpose", [Perhaps(last)], Ints("perm", 0, 3, 1, 2)) };
            case 1:
                string flat = graph.Node("Reshape", [x.Name, graph.Longs(0, x.C, -1)]);
                return x with { Name = graph.Node("Reshape", [Perhaps(flat), graph.Longs(0, 0, x.H, x.W)]) };
            case 2:
                long axis = graph.Pick(1, 2, 3, 4, -1);
                string wide = graph.WithInts("Unsqueeze", x.Name, "axes", FirstAxesInput, [axis < 0 && graph.Opset < 11 ? 4 : axis]);
                return x with
                {
                    Name =
                    graph.WithInts("Squeeze", Perhaps(wide), "axes", FirstAxesInput, [axis < 0 && graph.Opset < 11 ? 4 : axis])
                };
            case 3:
                string computed = graph.Node("Reshape", [x.Name, ImageShape(x.Name, -1)]);
                return x with { Name = graph.Node("Reshape", [Perhaps(computed), ImageShape(x.Name, x.C, x.H, x.W)]) };
            case 4:
                string wider = graph.Node("Cast", [x.Name], Int("to", OnnxElementType.Double));
                return x with { Name = graph.Node("Cast", [wider], Int("to", OnnxElementType.Float)) };
            default:
                string twice = graph.Node("Transpose", [x.Name], Ints("perm", 0, 1, 3, 2));
                return x with { Name = graph.Node("Transpose", [Perhaps(twice)], Ints("perm", 0, 1, 3, 2)) };
        }
    }

    /// <summary>From a map to what the network gives.</summary>
    public string End(RandomMap x)
    {
        if (graph.Chance(15)) return graph.Chance(50) ? x.Name : graph.Node("Softmax", [x.Name], Int("axis", 1));
        if (graph.Chance(80)) x = Pool(x);
        graph.StatesSize |= (x.H, x.W) != (1, 1);
        string row = Flat(x);
        int features = x.C * x.H * x.W;
        for (int i = graph.Random.Next(1, 3); i > 0; i--)
        {
            int outputs = graph.Random.Next(1, 9);
            row = graph.Chance(60) ? Gemm(row, features, outputs)
                : graph.Node("Add", [graph.Node("MatMul", [row, graph.Floats(-1, 1, features, outputs)]), graph.Floats(-1, 1, outputs)]);
            if (graph.Chance(20)) row = graph.Node("Relu", [row]);
            features = outputs;
        }
        return graph.Random.Next(6) switch
        {
            4 => graph.Node("LogSoftmax", [row], Int("axis", 1)),
            5 => graph.Node("LpNormalization", [graph.Node("Add", [row, graph.Scalar(0.5f)])], Int("axis", 1)),
            0 => graph.Node("Softmax", [row], Int("axis", graph.Pick(1, graph.Opset >= 11 ? -1 : 1))),
            1 => graph.Node("Softmax", [row]),
            _ => row,
        };
    }

    private RandomMap Pool(RandomMap x)
    {
        const int FirstAxesOfReduce = 18;
        int kind = graph.Random.Next(3);
        graph.StatesSize |= kind == 1;
        string name = kind switch
        {
            0 => graph.WithInts("ReduceMean", x.Name, "axes", FirstAxesOfReduce, graph.Opset >= 11 && graph.Chance(50) ? [-1, -2] : [2, 3],
                Int("keepdims", 1)),
            1 => graph.Node("AveragePool", [x.Name], Ints("kernel_shape", x.H, x.W)),
            _ => graph.Node("GlobalAveragePool", [x.Name]),
        };
        return new RandomMap(name, x.C, 1, 1);
    }

    private string Flat(RandomMap x)
    {
        switch (graph.Random.Next(5))
        {
            case 0:
                return graph.Node("Reshape", [x.Name, graph.Longs(0, -1)]);
            case 1:
                return graph.Node("Reshape", [x.Name, graph.Longs(-1, x.C * x.H * x.W)]);
            case 2:
                return graph.Node("Reshape", [x.Name, ImageShape(x.Name, -1)]);
            case 3 when (x.H, x.W) == (1, 1):
                return graph.WithInts("Squeeze", x.Name, "axes", FirstAxesInput, [2, 3]);
            default:
                return graph.Node("Flatten", [x.Name], Int("axis", graph.Opset >= 11 && graph.Chance(30) ? -3 : 1));
        }
    }

    private string Gemm(string row, int features, int outputs)
    {
        bool transposed = graph.Chance(60);
        string matrix = transposed ? graph.Floats(-1, 1, outputs, features) : graph.Floats(-1, 1, features, outputs);
        List<OnnxAttribute> attributes = [];
        if (transposed || graph.Chance(30)) attributes.Add(Int("transB", transposed ? 1 : 0));
        if (graph.Chance(30)) attributes.Add(Float("alpha", 0.5f));
        if (graph.Chance(30)) attributes.Add(Float("beta", graph.Pick(0, 1, -1.5f)));
        int[] added = graph.Random.Next(4) switch
        {
            0 => [],
            1 => [1, outputs],
            2 => [1],
            _ => [outputs],
        };
        // C became optional in opset 11.
        bool adds = graph.Opset < 11 || graph.Chance(80);
        return graph.Node("Gemm", adds ? [row, matrix, graph.Floats(-1, 1, added)] : [row, matrix], [.. attributes]);
    }

    /// <summary>The number of images as PyTorch computes it, and stated sizes behind it.</summary>
    private string ImageShape(string x, params ReadOnlySpan<long> sizes)
    {
        string shape = graph.Node("Shape", [x]);
        string images = graph.Node("Gather", [shape, graph.Longs(0)], Int("axis", 0));
        return graph.Node("Concat", [images, graph.Longs(sizes)], Int("axis", 0));
    }

    private string Perhaps(string name) => graph.Chance(50) ? graph.Node("Relu", [name]) : name;
}
