using System.Collections.Immutable;
using System.Runtime.InteropServices;
using IlgpuResNet.Graphs;
using IlgpuResNet.Onnx;
using IlgpuResNet.Planning;
using static IlgpuResNet.Tests.RandomOnnxGraph;

namespace IlgpuResNet.Tests;

/// <summary>Small models written by hand, with answers that float32 holds exactly.</summary>
[TestClass]
public sealed class OnnxImporterTests : IDisposable
{
    private readonly OnnxFolder folder = new();

    public void Dispose() => folder.Dispose();

    /// <summary>y = relu(2 conv(x) - 3 + x) over [N, 2, 2, 2], flattened and transposed as well.</summary>
    private static OnnxSketch Block() => new OnnxSketch()
        .Input("x", [0, 2, 2, 2])
        .Floats("w", [2, 2, 1, 1], 1, 2, -1, 1).Floats("one", [2], 1, 1).Floats("zero", [2], 0, 0).Floats("scale", [2], 2, 2).Floats(
            "shift", [2], -3, -3)
        .Longs("rows", 0, -1)
        .Node("Conv", "x w", "conv")
        .Node("BatchNormalization", "conv scale shift zero one", "norm", Float("epsilon", 0))
        .Node("Add", "norm x", "sum")
        .Node("Relu", "sum", "y")
        .Node("Reshape", "y rows", "flat")
        .Node("Transpose", "y", "last", Ints("perm", 0, 2, 3, 1))
        .Outputs("y");

    private static readonly float[] BlockInput = [1, -2, 3, 4, 0, 5, -6, 7];
    private static readonly float[] BlockConv = [1, 8, -9, 18, -1, 7, -9, 3];
    private static readonly float[] BlockNorm = [.. BlockConv.Select(value => 2 * value - 3)];
    private static readonly float[] BlockOutput = [.. BlockNorm.Zip(BlockInput, (a, b) => Math.Max(a + b, 0))];

    [TestMethod]
    public void Values_inside_come_by_name_also_where_fusion_would_swallow_them()
    {
        using OnnxModel model = Load(Block());
        float[] sum = [.. BlockNorm.Zip(BlockInput, (a, b) => a + b)];
        float[] last = [.. Enumerable.Range(0, 8).Select(i => BlockOutput[i % 2 * 4 + i / 2])];
        (string Name, float[] Values, ImmutableArray<int> Shape)[] expected =
        [
            ("x", BlockInput, [2, 2, 2]), ("conv", BlockConv, [2, 2, 2]), ("norm", BlockNorm, [2, 2, 2]), ("sum", sum, [2, 2, 2]),
            ("y", BlockOutput, [2, 2, 2]), ("flat", BlockOutput, [8]), ("last", last, [2, 2, 2]),
        ];
        foreach ((string name, float[] values, ImmutableArray<int> shape) in expected)
        {
            using InferenceSession session = Session(model, name);
            Assert.AreEqual(name, session.Outputs[0].Name);
            CollectionAssert.AreEqual(shape.ToArray(), session.Outputs[0].Shape.ToArray(), name);
            CollectionAssert.AreEqual(values, Run(session, BlockInput)[0], name);
        }
        // All at once, in another order, and one of them twice.
        string[] names = ["flat", "norm", "x", "conv", "last", "norm", "y", "sum"];
        using InferenceSession all = Session(model, [.. names]);
        float[][] results = Run(all, BlockInput);
        for (int i = 0; i < names.Length; i++)
            CollectionAssert.AreEqual(expected.Single(value => value.Name == names[i]).Values, results[i], names[i]);
    }

    [TestMethod]
    public void Only_what_is_asked_for_is_computed_and_kept()
    {
        using OnnxModel model = Load(Block());
        Assert.HasCount(1, Plan("conv").Steps);
        Assert.HasCount(1, Plan("y").Steps, "batch norm, sum and ReLU belong to the convolution");
        Assert.HasCount(1, Plan("flat").Steps);
        Assert.HasCount(1, Plan("y", "flat", "last").Steps);
        Assert.HasCount(2, Plan("conv", "y").Steps);
        Assert.IsEmpty(Plan("x").Steps);
        Assert.IsLessThan(Plan("conv", "norm", "sum", "y").ArenaLength, Plan("y").ArenaLength);

        ExecutionPlan Plan(params ImmutableArray<string> outputs) => ExecutionPlan.Create(model.Bind(null, null, outputs), 1);
    }

    /// <summary>MXNet's exporter sets it everywhere; where it meant something, scale and mean would have three sizes.</summary>
    [TestMethod]
    public void The_attribute_spatial_says_nothing_beside_vectors()
    {
        using OnnxModel model = Load(
            new OnnxSketch(opset: 7).Input("x", [0, 2, 2, 2]).Floats("one", [2], 1, 1).Floats("zero", [2], 0, 0).Floats("two", [2], 2, 2)
            .Node("BatchNormalization", "x two one zero one", "y", Float("epsilon", 0), Int("spatial", 0)).Outputs("y"));
        using InferenceSession session = Session(model);
        CollectionAssert.AreEqual(BlockInput.Select(value => 2 * value + 1).ToArray(), Run(session, BlockInput)[0]);
    }

    [TestMethod]
    [DataRow("logits", true, DisplayName = "a row of scores")]
    [DataRow("flat pixel", true, DisplayName = "scores as [N, K, 1, 1]")]
    [DataRow("softmax", true, DisplayName = "probabilities, whose scores are found")]
    [DataRow("softmax of pixel", true, DisplayName = "probabilities as [N, K, 1, 1]")]
    [DataRow("features", false, DisplayName = "what a pool leaves of activations is features")]
    [DataRow("map", false, DisplayName = "a map is no list of scores")]
    [DataRow("no image", false, DisplayName = "nor is a row that is made of a row")]
    public void A_classifier_is_known_by_what_it_gives(string kind, bool isClassifier)
    {
        OnnxSketch sketch = kind == "no image"
            ? new OnnxSketch().Input("x", [0, 2]).Floats("w", [2, 3], 1, 2, 3, 4, 5, 6).Node("MatMul", "x w", "y")
            : new OnnxSketch().Input("x", [0, 2, 2, 2]).Floats("w", [3, 2, 1, 1], 1, 2, 3, 4, 5, 6).Node("Conv", "x w", "conv").Node(
                "GlobalAveragePool", "conv", "pixel");
        switch (kind)
        {
            case "logits":
                sketch.Node("Flatten", "pixel", "y");
                break;
            case "flat pixel":
                sketch.Node("Identity", "pixel", "y");
                break;
            case "softmax":
                sketch.Node("Flatten", "pixel", "flat").Node("Softmax", "flat", "y");
                break;
            case "softmax of pixel":
                sketch.Node("Softmax", "pixel", "y", Int("axis", 1));
                break;
            case "features":
                sketch.Node("Relu", "conv", "active").Node("GlobalAveragePool", "active", "mean").Node("Flatten", "mean", "y");
                break;
            case "map":
                sketch.Node("Relu", "conv", "y");
                break;
        }
        using OnnxModel model = Load(sketch.Outputs("y"));
        Assert.AreEqual(isClassifier ? 3 : 0, model.NumClasses);
        using InferenceSession session = Session(model);
        if (!isClassifier)
        {
            Assert.AreEqual("y", session.Outputs.Single().Name);
            return;
        }
        CollectionAssert.AreEqual(new[] { "logits", "probabilities" }, session.Outputs.Select(output => output.Name).ToArray());
        float[] logits = new float[3], probabilities = new float[3];
        session.Run([1, 2, 3, 6, 0, 4, 4, 0], logits, probabilities);
        CollectionAssert.AreEqual(new float[] { 7, 17, 27 }, logits);
        Assert.AreEqual(1, probabilities.Sum(), 1e-6);
        Assert.AreEqual(Math.Exp(-10), probabilities[1] / probabilities[2], 1e-9);
    }

    [TestMethod]
    public void A_size_that_the_file_leaves_open_is_chosen_with_the_session()
    {
        using OnnxModel model = Load(new OnnxSketch().Input("x", [0, 1, 0, 0]).Node("GlobalAveragePool", "x", "y").Outputs("y"));
        foreach ((int height, int width) in new[] { (2, 3), (5, 1) })
        {
            using var session =
                new InferenceSession(model, Cpu, new SessionOptions { Height = height, Width = width, Outputs = ["y"], MaxBatch = 2 });
            CollectionAssert.AreEqual(new[] { 1, height, width }, session.Input.Shape.ToArray());
            float[] images = [.. Enumerable.Range(0, 2 * height * width).Select(i => (float)i)];
            float[] means = Run(session, images)[0];
            CollectionAssert.AreEqual(new[] { images.Take(height * width).Average(), images.Skip(height * width).Average() }, means);
        }
        Assert.AreSame(model.Bind(4, 4, ["y"]), model.Bind(4, 4, ["y"]), "sessions of one size share a network, and so its weights");
        Refuses(() => model.Bind(0, 4, []), "at least 1x1");
        Refuses(() => model.Bind(4, -1, []), "at least 1x1");
        Refuses(() => model.Bind(1 << 30, 1 << 30, []), "passes the limit");
    }

    [TestMethod]
    public void A_size_that_the_file_fixes_is_kept()
    {
        using OnnxModel model = Load(new OnnxSketch().Input("x", [0, 1, 4, 6]).Node("Relu", "x", "y").Outputs("y"));
        Assert.AreEqual(24, model.Bind(4, 6, []).Input.Count);
        Refuses(() => model.Bind(5, 6, []), "fixed height of 4");
        Refuses(() => model.Bind(null, 4, []), "fixed width of 6");
        using OnnxModel row = Load(new OnnxSketch().Input("x", [0, 4]).Node("Relu", "x", "y").Outputs("y"));
        Refuses(() => row.Bind(4, 4, []), "no image");
    }

    [TestMethod]
    [DataRow(OnnxElementType.Double)]
    [DataRow(OnnxElementType.Float16)]
    public void Weights_and_inputs_of_other_floats_are_read(int type)
    {
        float[] values = [1.5f, -2, 0.25f, 3];
        byte[] bytes = type == OnnxElementType.Double
            ? MemoryMarshal.AsBytes<double>(Array.ConvertAll(values, value => (double)value)).ToArray()
            : MemoryMarshal.AsBytes<Half>(Array.ConvertAll(values, value => (Half)value)).ToArray();
        BytesTensor Weight(string name, ImmutableArray<int> shape) =>
            new() { Name = name, Shape = shape, DataType = OnnxElementType.ToDataType(type)!.Value, Values = bytes };
        using OnnxModel model = Load(new OnnxSketch()
            .Input("x", [0, 2, 1, 1], type)
            .Initializer(Weight("w", [2, 2, 1, 1])).Initializer(Weight("matrix", [2, 2])).Initializer(Weight("added", [1, 4, 1, 1]))
            .Node("Conv", "x w", "conv").Node("Flatten", "conv", "flat").Node("Gemm", "flat matrix", "y")
            .Outputs("y"));
        using InferenceSession session = Session(model, "conv", "y");
        float[][] results = Run(session, [2, 4]);
        CollectionAssert.AreEqual(new float[] { 3 - 8, 0.5f + 12 }, results[0]);
        CollectionAssert.AreEqual(new float[] { -5 * 1.5f + 12.5f * 0.25f, -5 * -2 + 12.5f * 3 }, results[1]);
    }

    [TestMethod]
    public void Initializers_among_the_inputs_are_no_inputs()
    {
        using OnnxModel model =
            Load(new OnnxSketch().Input("w", [2, 2, 1, 1]).Input("x", [0, 2, 1, 1]).Floats("w", [2, 2, 1, 1], 1, 2, 3, 4).Node(
                "Conv", "x w", "y").Outputs("y"));
        using InferenceSession session = Session(model, "y");
        CollectionAssert.AreEqual(new float[] { 12, 26 }, Run(session, [2, 5])[0]);
    }

    [TestMethod]
    public void Padding_that_cuts_is_not_undone_by_the_padding_of_a_convolution()
    {
        using OnnxModel model = Load(new OnnxSketch(10)
            .Input("x", [0, 1, 1, 4]).Floats("w", [1, 1, 1, 3], 1, 10, 100)
            .Node("Pad", "x", "cut", Ints("pads", 0, 0, 0, -1, 0, 0, 0, -1)).Node("Conv", "cut w", "y", Ints("pads", 0, 1, 0, 1)).Outputs(
                "y"));
        using InferenceSession session = Session(model, "y");
        CollectionAssert.AreEqual(new float[] { 320, 32 }, Run(session, [1, 2, 3, 4])[0]);
    }

    [TestMethod]
    public void A_constant_of_more_dimensions_adds_them()
    {
        using OnnxModel model =
            Load(new OnnxSketch().Input("x", [2, 3]).Floats("c", [1, 1, 3], 10, 20, 30).Node("Add", "x c", "y").Outputs("y"));
        using InferenceSession session = Session(model, "y");
        Assert.IsFalse(session.Outputs[0].HasBatch);
        CollectionAssert.AreEqual(new[] { 1, 2, 3 }, session.Outputs[0].Shape.ToArray());
        CollectionAssert.AreEqual(new float[] { 11, 22, 33, 14, 25, 36 }, Run(session, [1, 2, 3, 4, 5, 6])[0]);
    }

    [TestMethod]
    public void Axes_that_were_split_and_flattened_in_different_ways_still_add_up()
    {
        using OnnxModel model = Load(new OnnxSketch()
            .Input("x", [0, 4, 2, 3]).Longs("rows", 0, 4, 6).Longs("all", 0, -1)
            .Node("Reshape", "x rows", "merged").Node("Reshape", "merged all", "a").Node("Flatten", "x", "b").Node("Add", "a b", "y")
            .Outputs("y"));
        using InferenceSession session = Session(model, "y");
        float[] values = [.. Enumerable.Range(0, 24).Select(i => (float)i)];
        CollectionAssert.AreEqual(Array.ConvertAll(values, value => 2 * value), Run(session, values)[0]);
    }

    [TestMethod]
    public void Threads_that_ask_for_one_size_get_one_network()
    {
        using OnnxModel model = Load(Block());
        var networks = new Network[16];
        Parallel.For(0, networks.Length, i => networks[i] = model.Bind(null, null, i % 2 == 0 ? ["conv", "y"] : ["y", "conv"]));
        Assert.AreEqual(2, networks.Distinct(ReferenceEqualityComparer.Instance).Count());
    }

    [TestMethod]
    public void A_disposed_model_is_refused_and_may_be_disposed_again()
    {
        OnnxModel model = Load(Block());
        InferenceSession session = Session(model, "y");
        model.Dispose();
        model.Dispose();
        Assert.ThrowsExactly<ObjectDisposedException>(() => Session(model, "y"));
        CollectionAssert.AreEqual(BlockOutput, Run(session, BlockInput)[0], "what was uploaded stays");
        session.Dispose();
    }

    private static ComputeDevice Cpu => ComputeDevice.Get("cpu");

    private OnnxModel Load(OnnxSketch sketch) => OnnxModel.Load(folder.Write($"{Guid.NewGuid():N}.onnx", sketch.ToBytes()));

    private static InferenceSession Session(OnnxModel model, params ImmutableArray<string> outputs) =>
        new(model, Cpu, new SessionOptions { Outputs = outputs });

    private static float[][] Run(InferenceSession session, float[] input)
    {
        float[][] results = [.. session.Outputs.Select(output => new float[input.Length / session.Input.Length * output.Length])];
        session.Run(input, [.. results.Select(result => result.AsMemory())]);
        return results;
    }

    private static void Refuses(Action action, string part)
    {
        GraphException error = Assert.ThrowsExactly<GraphException>(action);
        StringAssert.Contains(error.Message, part, StringComparison.Ordinal);
    }
}
