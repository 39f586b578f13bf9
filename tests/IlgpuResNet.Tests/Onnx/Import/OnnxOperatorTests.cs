using IlgpuResNet.Onnx;
using IlgpuResNet.Planning;
using static IlgpuResNet.Tests.RandomOnnxGraph;

namespace IlgpuResNet.Tests;

/// <summary>Operators by hand whose answers are exact or short, and the steps that they become.</summary>
[TestClass]
public sealed class OnnxOperatorTests : IDisposable
{
    private static readonly float[] Input = [1, -2, 3, 4, 0, 5, -6, 7];

    private readonly OnnxFolder folder = new();

    public void Dispose() => folder.Dispose();

    [TestMethod]
    public void Largest_elements_come_with_their_indices()
    {
        OnnxSketch sketch = new OnnxSketch().Input("x", [0, 4]).Longs("two", 2)
            .Node("TopK", "x two", "values indices", Int("axis", 1)).Node("ArgMax", "x", "best", Int("axis", -1), Int("keepdims", 0))
            .Outputs("values indices best");
        using OnnxModel model = Load(sketch);
        float[][] results = Run(model, [3, 7, 7, -1, -5, -2, -9, -2], images: 2, "values", "indices", "best");
        CollectionAssert.AreEqual(new float[] { 7, 7, -2, -2 }, results[0]);
        CollectionAssert.AreEqual(new float[] { 1, 2, 1, 3 }, results[1]);
        CollectionAssert.AreEqual(new float[] { 1, 1 }, results[2]);
    }

    /// <summary>The input is <c>[1, 2, 2, 2]</c>: the channels are 1, -2, 3, 4 and 0, 5, -6, 7.</summary>
    [TestMethod]
    [DataRow("split", new float[] { 0, 5, -6, 7 })]
    [DataRow("scalar gather", new float[] { 0, 5, -6, 7 })]
    [DataRow("rows", new float[] { 3, 4, -6, 7 })]
    [DataRow("expand", new float[] { 4, 4, 4, 4, 7, 7, 7, 7 })]
    [DataRow("sum of squares", new float[] { 30, 110 })]
    [DataRow("cube", new float[] { 1, -8, 27, 64, 0, 125, -216, 343 })]
    [DataRow("wrap", new float[] { -2, 1, -2, 4, 3, 4, 5, 0, 5, 7, -6, 7 })]
    [DataRow("mean of channels", new float[] { 0.5f, 1.5f, -1.5f, 5.5f })]
    public void A_node_gives_these_numbers(string kind, float[] expected)
    {
        OnnxSketch sketch = new OnnxSketch().Input("x", [0, 2, 2, 2]).Longs("ones", 1, 1).Longs("one", 1).Longs("map", 2, 2);
        OnnxSketch made = kind switch
        {
            "split" => sketch.Node("Split", "x ones", "- y", Int("axis", 1)),
            "scalar gather" => sketch.Initializer(OnnxConstants.OfInt64("last", [], [-1])).Node("Gather", "x last", "y", Int("axis", 1)),
            "rows" => sketch.Longs("end", 9).Longs("axis", 2).Node("Slice", "x one end axis", "y"),
            "expand" => sketch.Node("GlobalMaxPool", "x", "max").Node("Expand", "max map", "y"),
            "sum of squares" => sketch.Node("ReduceSumSquare", "x", "y", Ints("axes", 2, 3), Int("keepdims", 0)),
            "cube" => sketch.Longs("exponent", 3).Node("Pow", "x exponent", "y"),
            "wrap" => sketch.Longs("pads", 0, 0, 0, 1, 0, 0, 0, 0).Node("Pad", "x pads", "y", Text("mode", "wrap")),
            _ => sketch.Node("ReduceMean", "x", "y", Ints("axes", 1)),
        };
        using OnnxModel model = Load(made.Outputs("y"));
        CollectionAssert.AreEqual(expected, Run(model, Input, images: 1, "y")[0]);
    }

    /// <summary>Exporters write these functions as several nodes.</summary>
    [TestMethod]
    [DataRow("SiLU")]
    [DataRow("hard swish")]
    [DataRow("GELU")]
    [DataRow("GELU, its half first")]
    public void What_exporters_write_as_several_nodes_is_one_step(string kind)
    {
        OnnxSketch sketch = new OnnxSketch().Input("x", [0, 2, 2, 2]).Floats("w", [2, 2, 1, 1], 1, 2, -1, 1)
            .Floats("root", [], 1.41421354f).Floats("one", [], 1).Floats("half", [], 0.5f).Node("Conv", "x w", "c");
        OnnxSketch made = kind switch
        {
            "SiLU" => sketch.Node("Sigmoid", "c", "s").Node("Mul", "s c", "y"),
            "hard swish" => sketch.Node("HardSigmoid", "c", "s", Float("alpha", 1f / 6)).Node("Mul", "c s", "y"),
            "GELU" => sketch.Node("Div", "c root", "d").Node("Erf", "d", "e").Node("Add", "e one", "g").Node("Mul", "c g", "m").Node(
                "Mul", "m half", "y"),
            _ => sketch.Node("Mul", "c half", "h").Node("Div", "c root", "d").Node("Erf", "d", "e").Node("Add", "e one", "g").Node(
                "Mul", "h g", "y"),
        };
        using OnnxModel model = Load(made.Outputs("y"));
        Assert.HasCount(1, ExecutionPlan.Create(model.Bind(null, null, ["y"]), 1).Steps);
        float[] conv = [1, 8, -9, 18, -1, 7, -9, 3], actual = Run(model, Input, images: 1, "y")[0];
        for (int i = 0; i < conv.Length; i++)
        {
            double x = conv[i], expected = kind switch
            {
                "SiLU" => x / (1 + Math.Exp(-x)),
                "hard swish" => x * Math.Clamp(x / 6 + 0.5, 0, 1),
                // The normal distribution's share below these numbers, to seven digits.
                _ => x switch { 1 => 0.8413447, -1 => -0.1586553, 3 => 2.9959503, -9 => 0, _ => x },
            };
            Assert.AreEqual(expected, actual[i], 1e-5, $"{kind} of {x}");
        }
    }

    private OnnxModel Load(OnnxSketch sketch) => OnnxModel.Load(folder.Write($"{Guid.NewGuid():N}.onnx", sketch.ToBytes()));

    private static float[][] Run(OnnxModel model, float[] input, int images, params string[] outputs)
    {
        using var session = new InferenceSession(
            model, ComputeDevice.Get("cpu"), new SessionOptions { MaxBatch = images, Outputs = [.. outputs] });
        float[][] results = [.. session.Outputs.Select(output => new float[images * output.Length])];
        session.Run(input, [.. results.Select(result => result.AsMemory())]);
        return results;
    }
}
