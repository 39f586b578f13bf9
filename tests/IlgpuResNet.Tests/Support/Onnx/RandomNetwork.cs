using System.Collections.Immutable;
using IlgpuResNet.Onnx;

namespace IlgpuResNet.Tests;

/// <summary>A random network and what it is run on.</summary>
internal sealed record RandomNetwork(int Seed, OnnxModelToWrite Model, int Images, RandomMap Input, bool HasSize,
    ImmutableArray<string> Outputs, ImmutableArray<string> Operators)
{
    public static RandomNetwork Create(int seed)
    {
        var random = new Random(seed);
        var graph = new RandomOnnxGraph(random, TestData.Pick(random, 7, 9, 11, 13, 17, 18, 20));
        var layers = new RandomOnnxLayers(graph);
        int images = random.Next(1, 4);
        var input = new RandomMap("input", random.Next(1, 7), random.Next(5, 14), random.Next(5, 14));
        RandomMap x = input;
        for (int i = graph.Pick(0, 0, 1, 2); i > 0; i--) x = layers.Affine(x);
        var inner = new List<string>();
        for (int i = random.Next(1, 6); i > 0; i--)
        {
            x = layers.Layer(x);
            if (graph.Chance(15)) inner.Add(x.Name);
        }
        string output = new RandomOnnxShapes(graph).End(x);
        ImmutableArray<string> outputs = [.. inner.Prepend(output).Where(name => name != "input").Distinct()];
        bool hasSize = graph.StatesSize || graph.Chance(30);
        OnnxDimension Fixed(int size, bool isFixed, string name) => isFixed ? new OnnxDimension(size, null) : new OnnxDimension(null, name);
        OnnxModelToWrite model = graph.Model(
            [Fixed(images, graph.Chance(40), "N"), new OnnxDimension(input.C, null), Fixed(input.H, hasSize, "H"),
                Fixed(input.W, hasSize, "W")],
            outputs.IsEmpty ? ["input"] : outputs);
        return new RandomNetwork(seed, model, images, input, hasSize, outputs, [.. graph.Operators]);
    }

    public override string ToString() =>
        $"seed {Seed}, opset {Model.Opset}, {Images} x {Input.C}x{Input.H}x{Input.W}, {string.Join(' ', Operators)}";
}
