using static IlgpuResNet.Tests.RandomOnnxGraph;

namespace IlgpuResNet.Tests;

/// <summary>
/// The ends of networks, written by hand as ONNX: which have class activation maps, and that numbers are right which float32 holds exactly.
/// </summary>
[TestClass]
public sealed class PooledClassifierTests : IDisposable
{
    // Two channels of 2x2.
    private static readonly float[] Input = [1, 2, 3, 6, -1, 4, 5, 0];

    private readonly OnnxFolder folder = new();

    public void Dispose() => folder.Dispose();

    /// <summary>y = relu(x) [N, 2, 2, 2]; w is [3, 2], v its transpose, b [3].</summary>
    private static OnnxSketch Start() => new OnnxSketch()
        .Input("x", [0, 2, 2, 2])
        .Floats("w", [3, 2], 1, 2, -1, 4, 0, 8).Floats("v", [2, 3], 1, -1, 0, 2, 4, 8).Floats("k", [3, 2, 1, 1], 1, 2, -1, 4, 0, 8).Floats(
            "b", [3], 1, 2, 4)
        .Floats("scale", [3], 2, 4, -1).Floats("shift", [3], 1, 0, 2).Floats("zero", [3], 0, 0, 0).Floats("one", [3], 1, 1, 1)
        .Node("Relu", "x", "y");

    private static readonly float[][] Maps = [[1, 10, 13, 6], [-1, 14, 17, -6], [0, 32, 40, 0]];

    private static readonly Dictionary<string, OnnxSketch> Ends = new()
    {
        ["Gemm"] = Start().Node("GlobalAveragePool", "y", "p").Node("Flatten", "p", "f").Node("Gemm", "f w b", "s", Int("transB", 1))
            .Outputs("s"),
        ["Gemm of an untransposed matrix"] =
            Start().Node("GlobalAveragePool", "y", "p").Node("Flatten", "p", "f").Node("Gemm", "f v b", "s").Outputs("s"),
        ["MatMul and Add"] = Start().Node("ReduceMean", "y", "p", Ints("axes", 2, 3), Int("keepdims", 0)).Node("MatMul", "p v", "m").Node(
            "Add", "m b", "s").Outputs("s"),
        ["1x1 convolution"] = Start().Node("AveragePool", "y", "p", Ints("kernel_shape", 2, 2)).Node("Conv", "p k b", "c").Node(
            "Flatten", "c", "s").Outputs("s"),
        ["Softmax"] = Start().Node("GlobalAveragePool", "y", "p").Node("Flatten", "p", "f").Node("Gemm", "f w b", "l", Int("transB", 1))
            .Node("Softmax", "l", "s").Outputs("s"),
    };

    public static IEnumerable<object[]> EndNames => Ends.Keys.Select(name => new object[] { name });

    [TestMethod]
    [DynamicData(nameof(EndNames))]
    public void The_end_of_a_classifier_is_found_however_it_is_written(string end)
    {
        using OnnxModel model = Load(Ends[end]);
        using var mapper = new ClassActivationMapper(model, ComputeDevice.Cpu, new SessionOptions { MaxBatch = 5, Outputs = ["y"] });
        ClassActivations activations = mapper.Run(Input);
        for (int k = 0; k < Maps.Length; k++)
        {
            ClassActivationMap map = activations.Map(k);
            CollectionAssert.AreEqual(Maps[k], map.Values.ToArray(), $"{end}, class {k}");
            Assert.AreEqual(new[] { 1f, 2, 4 }[k], map.Bias, end);
            Assert.AreEqual(Maps[k].Average() + map.Bias, map.Logit, end);
            Assert.AreEqual((Maps[k].Min(), Maps[k].Max(), 4), (map.Min, map.Max, map.PooledPixels), end);
        }
    }

    [TestMethod]
    public void A_scale_after_the_layer_scales_its_maps()
    {
        using OnnxModel model = Load(Start()
            .Node("GlobalAveragePool", "y", "p").Node("Conv", "p k b", "c").Node(
                "BatchNormalization", "c scale shift zero one", "n", Float("epsilon", 0)).Node("Flatten", "n", "s").Outputs("s"));
        using var mapper = new ClassActivationMapper(model, ComputeDevice.Cpu);
        ClassActivations activations = mapper.Run(Input);
        CollectionAssert.AreEqual(Array.ConvertAll(Maps[1], value => 4 * value), activations.Map(1).Values.ToArray());
        CollectionAssert.AreEqual(Array.ConvertAll(Maps[2], value => -value), activations.Map(2).Values.ToArray());
        CollectionAssert.AreEqual(new[] { 3f, 8, -2 }, Enumerable.Range(0, 3).Select(activations.Bias).ToArray());
        for (int k = 0; k < 3; k++)
            Assert.AreEqual(activations.Map(k).Values.ToArray().Average() + activations.Bias(k), activations.Logits[k]);
    }

    [TestMethod]
    public void Other_ends_are_refused_with_what_was_found()
    {
        Refused(Start().Node("MaxPool", "y", "p", Ints("kernel_shape", 2, 2)).Node("Flatten", "p", "f").Node("Gemm", "f v b", "s").Outputs(
            "s"), "its layer 's_node' reads [1, 1, 2] of 'p_node', a Pool2d");
        Refused(Start().Floats("u", [8, 1], 1, 2, 3, 4, 5, 6, 7, 8).Node("Flatten", "y", "f").Node("Gemm", "f u", "s").Outputs("s"),
            "its layer 's_node' reads [1, 1, 8] of 'y_node'");
        Refused(Start().Node("GlobalAveragePool", "y", "p").Node("Flatten", "p", "f").Node("Gemm", "f v b", "g").Node("Relu", "g", "s")
            .Outputs("s"), "something that is not linear comes after its layer");
        Refused(Start().Node("Conv", "y k b", "c").Node("GlobalAveragePool", "c", "p").Node("Flatten", "p", "f").Outputs("f"),
            "its scores are made by 'p_node', a Pool2d");
        Refused(Start().Node("AveragePool", "y", "p", Ints("kernel_shape", 3, 3), Ints("pads", 1, 1, 0, 0)).Node("Conv", "p k b", "c").Node(
            "Flatten", "c", "s").Outputs("s"), "has padding");
        Refused(Start().Outputs("y"), "it gives no class scores");
    }

    private void Refused(OnnxSketch sketch, string found)
    {
        using OnnxModel model = Load(sketch);
        string message = Assert.ThrowsExactly<GraphException>(() => new ClassActivationMapper(model, ComputeDevice.Cpu)).Message;
        StringAssert.StartsWith(message, model.Weights.Source);
        StringAssert.Contains(message, "class activation maps need a network that ends in an average pool");
        StringAssert.Contains(message, found);
    }

    private OnnxModel Load(OnnxSketch sketch) => OnnxModel.Load(folder.Write("sketch.onnx", sketch.ToBytes()));
}
