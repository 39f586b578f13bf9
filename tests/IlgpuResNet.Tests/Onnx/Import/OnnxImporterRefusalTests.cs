using System.Diagnostics;
using System.Globalization;
using IlgpuResNet.Onnx;
using IlgpuResNet.Planning;
using static IlgpuResNet.Tests.RandomOnnxGraph;

namespace IlgpuResNet.Tests;

/// <summary>Graphs that cannot run end in one line that says where and why; hostile ones also in time and in little memory.</summary>
[TestClass]
public sealed class OnnxImporterRefusalTests : IDisposable
{
    private readonly OnnxFolder folder = new();

    public void Dispose() => folder.Dispose();

    /// <summary>A 1x1 map of two channels, and constants to refer to.</summary>
    private static OnnxSketch Sketch(long opset = 17) => new OnnxSketch(opset)
        .Input("x", [0, 2, 4, 4])
        .Floats("w", [2, 2, 1, 1], 1, 2, 3, 4).Floats("two", [2], 1, 2).Floats("three", [3], 1, 2, 3).Floats("matrix", [2, 2], 1, 2, 3, 4)
        .Floats("none", [0])
        .Longs("rows", 0, -1);

    public static IEnumerable<object[]> Nodes =>
    [
        [Of("Sin", "x"), "is not supported"],
        [Of("Conv", "x"), "its input 1 is missing"],
        [Of("Conv", "x -"), "its input 1 is missing"],
        [Of("Conv", "x three"), "floats of 3 or 4 dimensions"],
        [Of("Conv", "x w three"), "its bias is [3]"],
        [Of("Conv", "x w", Int("group", 3)), "in 3 groups"],
        [Of("Conv", "x w", Float("group", 1)), "is of type Float, but Int was expected"],
        [Of("Conv", "x w", Ints("kernel_shape", 3, 3)), "kernel_shape is [3, 3]"],
        [Of("Conv", "x w", Ints("pads", 1, 1)), "4 numbers"],
        [Of("Conv", "x w", Ints("pads", -1, 0, 0, 0)), "numbers from 0"],
        [Of("Conv", "x w", Ints("pads", long.MaxValue, 0, 0, 0)), "numbers from 0"],
        [Of("Conv", "x w", Ints("strides", 0, 1)), "numbers from 1"],
        [Of("Conv", "x w", Ints("dilations", 1L << 40, 1)), "numbers from 1"],
        [Of("Conv", "x w", Text("auto_pad", "SOME")), "auto_pad 'SOME' is unknown"],
        [Of("Conv", "w x"), "its filter (its input 1, x) is computed"],
        [Of("Conv", "x y"), "is made by no node before it"],
        [Of("MaxPool", "x"), "it has no kernel_shape"],
        [Of("MaxPool", "x", Ints("kernel_shape", 9, 9)), "but its input is [4, 4, 2]"],
        [Of("MaxPool", "x", Ints("kernel_shape", 1 << 20, 1 << 20), Ints("pads", 1 << 20, 1 << 20, 1 << 20, 1 << 20)), "too large"],
        [Of("AveragePool", "x", Ints("kernel_shape", 2, 2), Ints("pads", 2, 2, 2, 2)), "mean would be of nothing"],
        [Of("Pad", "x", Ints("pads", 0, 0, 1, 1, 0, 0, 1, 1), Text("mode", "secret")), "its mode 'secret' is unknown"],
        [Of("Pad", "x", Ints("pads", 0, 0, 4, 0, 0, 0, 0, 0), Text("mode", "reflect")), "larger than the 4 elements"],
        [Of("Pad", "x", Ints("pads", 1, 0, 0, 0, 0, 0, 0, 0)), "the images of a batch"],
        [Of("Pad", "x", Ints("pads", 0, 0, 0, long.MinValue, 0, 0, 0, 0)), "passes 2^31"],
        [Of("Pad", "x", Ints("pads", 1)), "8 small numbers"],
        [Of("Pad", "x"), "it has no pads"],
        [Of("BatchNormalization", "x two two two three"), "its variance is [3]"],
        [Of("BatchNormalization", "x two two two"), "its input 4 is missing"],
        [Of("BatchNormalization", "x two two two two", Int("training_mode", 1)), "training mode"],
        [Of("Div", "two x"), "a constant divided by a computed tensor"],
        [Of("Pow", "x two"), "its exponent is [2]"],
        [Of("PRelu", "x rows"), "its slope is Int64"],
        [Of("Gelu", "x", Text("approximate", "some")), "its approximation 'some' is unknown"],
        [Of("ArgMax", "x", Int("axis", 1), Int("select_last_index", 1)), "the last of equal elements"],
        [Of("TopK", "x rows", Int("axis", 1)), "its k is [0, -1]"],
        [Of("TopK", "x", Int("k", 1), Int("largest", 0)), "the smallest elements"],
        [Of("LpNormalization", "x", Int("p", 1)), "its norm 1"],
        [Of("GroupNormalization", "x two two", Int("num_groups", 3)), "do not divide into 3 groups"],
        [Of("InstanceNormalization", "x three three"), "its scale is [3]"],
        [Of("Slice", "rows rows rows - rows"), "its step is 0"],
        [Of("Slice", "x rows"), "it has no ends"],
        [Of("Split", "x", Int("axis", 1), Ints("split", 1)), "are not 1 that fill 2 elements"],
        [Of("Concat", "x two", Int("axis", 1)), "its input 1 is constant"],
        [Of("Expand", "x rows"), "cannot be repeated to [0, -1]"],
        [Of("DequantizeLinear", "x two"), "quantised activations are not supported"],
        [Of("Add", "x three"), "does not broadcast"],
        [Of("Add", "x none"), "does not broadcast"],
        [Of("Add", "x rows"), "but floats were expected"],
        [Of("Add", "two three"), "do not fit each other"],
        [Of("Sum", ""), "its input 0 is missing"],
        [Of("Clip", "x rows"), "one float was expected"],
        [Of("Relu", "two"), "is constant"],
        [Of("Gemm", "x matrix"), "a matrix was expected"],
        [Of("MatMul", "matrix x"), "on the left"],
        [Of("MatMul", "x matrix"), "2 rows, but its input has 4"],
        [Of("Softmax", "x", Int("axis", 7)), "axis 7 does not exist"],
        [Of("ReduceMean", "x", Ints("axes", 0)), "across the images of a batch"],
        [Of("Reshape", "x"), "it has no shape"],
        [Of("Reshape", "x two"), "a few int64 were expected"],
        [Of("Flatten", "x", Int("axis", 5)), "axis 5 does not exist"],
        [Of("Squeeze", "x", Ints("axes", 1)), "is not of size 1"],
        [Of("Unsqueeze", "x", Ints("axes", 1, 1)), "names an axis twice"],
        [Of("Unsqueeze", "x", Ints("axes", [.. Enumerable.Range(1, 20).Select(axis => (long)axis)])), "more than the 16"],
        [Of("Transpose", "x", Ints("perm", 0, 1, 2)), "no permutation"],
        [Of("Transpose", "x", Ints("perm", [.. Enumerable.Repeat(1L, 100_000)])), "no permutation"],
        [Of("Transpose", "x", Ints("perm", 1, 0, 2, 3)), "moves the batch"],
        [Of("Cast", "x", Int("to", OnnxElementType.Int64)), "a conversion to int64"],
        [Of("Constant", ""), "no value of a type"],
        [Of("ConstantOfShape", "-"), "its shape is missing"],
        [Of("Gather", "rows rows", Int("axis", 1)), "axis 1 does not exist"],
        [Of("Gather", "rows -"), "its indices is missing"],
        [Of("Dropout", "x two two"), "one float was expected"],
    ];

    [TestMethod]
    [DynamicData(nameof(Nodes))]
    public void A_node_that_cannot_run_is_named(object[] node, string part)
    {
        const long Opset = 10;
        // The other node makes x the input where the one in question has constants alone.
        OnnxSketch sketch =
            Sketch(Opset).Node("Relu", "x", "other").Node((string)node[0], (string)node[1], "y", (OnnxAttribute[])node[2]).Outputs("y");
        string message = Refused(sketch, part);
        StringAssert.Contains(message, $"node y_node ({node[0]}, opset {Opset})", StringComparison.Ordinal);
    }

    [TestMethod]
    public void Graphs_that_are_none_are_refused()
    {
        Refused(Sketch().Node("Relu", "x", "y").Outputs(""), "has no outputs");
        Refused(Sketch().Node("Relu", "x", "y").Outputs("z"), "no node makes the output z");
        Refused(Sketch().Node("Relu", "x", "y").Outputs("y w"), "its output w is constant");
        Refused(Sketch().Outputs("w"), "has none that anything is computed from");
        Refused(Sketch().Input("other", [1]).Node("Add", "x other", "y").Outputs("y"), "it has 2: x, other");
        Refused(Sketch().Node("Relu", "y", "y").Outputs("y"), "has none that anything");
        Refused(Sketch().Node("Relu", "z", "y").Node("Add", "y x", "z").Outputs("z"), "is made by no node before it");
        Refused(Sketch().Node("Relu", "x", "y").Node("Relu", "y", "y").Outputs("y"), "is made elsewhere, too");
        Refused(Sketch().Node("Relu", "x", "x").Outputs("x"), "is made elsewhere, too");
        Refused(Sketch().Node("Relu", "x", "w").Outputs("w"), "is made elsewhere, too");
        Refused(Sketch().Node("Dropout", "x", "y mask").Node("Relu", "mask", "z").Outputs("z"), "not supported, such as a mask");
        Refused(new OnnxSketch().Input("x", [1, 3, 1L << 40, 1]).Node("Relu", "x", "y").Outputs("y"), "passes the limit");
        Refused(new OnnxSketch().Input("x", [1, 3, 1 << 20, 1 << 20]).Node("Relu", "x", "y").Outputs("y"), "passes the limit");
        Refused(new OnnxSketch().Input("x", [4], OnnxElementType.Int64).Node("Relu", "x", "y").Outputs("y"), "is int64");
    }

    [TestMethod]
    public void Names_do_not_collide_with_those_that_are_made_here()
    {
        string path = folder.Write("names.onnx", Sketch()
            .Floats("rowWeights", [2, 32], [.. Enumerable.Repeat(1f, 64)])
            .Node("Flatten", "x", "x/view").Node("Gemm", "x/view rowWeights", "probabilities", Int("transB", 1)).Node(
                "Gemm", "x/view rowWeights", "logits", Int("transB", 1))
            .Node("Sum", "probabilities logits probabilities", "probabilities/2").Outputs("probabilities/2 logits").ToBytes());
        using OnnxModel model = OnnxModel.Load(path);
        Assert.AreEqual(2, model.NumClasses);
        Assert.HasCount(
            4, ExecutionPlan.Create(model.Bind(null, null, ["probabilities", "logits", "x/view", "probabilities/2"]), 2).Outputs);
        ExecutionPlan.Create(model);
    }

    [TestMethod]
    public void Weights_that_the_file_does_not_hold_have_a_limit()
    {
        OnnxSketch Filters(long k) => new OnnxSketch().Input("x", [0, 1, 1, 1]).Longs("size", k, 1, 1, 1)
            .Longs("pairs", 0, -1, 1, 2)
            .Node("ConstantOfShape", "size", "w").Node("Conv", "x w", "a").Node("Conv", "x w", "b").Node("Add", "a b", "sum").Node(
                "Reshape", "sum pairs", "y").Outputs("y");
        Refused(Filters((1L << 27) + 10_000), "more than a file of");
        using OnnxModel model = OnnxModel.Load(folder.Write("repeated.onnx", Filters(1L << 27).ToBytes()));
        Assert.HasCount(2, ExecutionPlan.Create(model).Steps);
    }

    [TestMethod]
    public void A_node_that_nothing_needs_is_not_looked_at()
    {
        string path = folder.Write("dead.onnx", Sketch()
            .Node("BatchNormalization", "x two two two two -", "norm").Node("Secret", "norm", "- dead").Node("Clip", "norm - -", "y")
            .Outputs("y").ToBytes());
        using OnnxModel model = OnnxModel.Load(path);
        Assert.HasCount(1, ExecutionPlan.Create(model).Steps);
    }

    [TestMethod]
    [DataRow("relus", DisplayName = "a hundred thousand nodes")]
    [DataRow("one name", DisplayName = "a hundred thousand nodes that make one value")]
    [DataRow("many of one", DisplayName = "thousands of views of one tensor")]
    [DataRow("sum", DisplayName = "a sum of a hundred thousand")]
    [DataRow("pads", DisplayName = "padding that doubles and doubles")]
    [DataRow("outer product", DisplayName = "constants that multiply")]
    [DataRow("large constant", DisplayName = "a constant of 2^31 elements in arithmetic")]
    [DataRow("large bias", DisplayName = "a bias of 2^28 elements")]
    [DataRow("large input", DisplayName = "a scale for 2^30 channels")]
    [DataRow("negated", DisplayName = "a difference of 2^30 channels")]
    [DataRow("reshapes", DisplayName = "a constant reshaped thousands of times")]
    [DataRow("transposes", DisplayName = "a constant transposed thousands of times")]
    [DataRow("concat", DisplayName = "a shape that doubles and doubles")]
    [DataRow("classes", DisplayName = "millions of classes")]
    [DataRow("outputs", DisplayName = "a hundred thousand outputs")]
    public void Hostile_graphs_take_little_time_and_memory(string what)
    {
        byte[] content = Hostile(what).ToBytes();
        string path = folder.Write("hostile.onnx", content);
        var least = TimeSpan.MaxValue;
        for (int tries = 0; tries < 3 && least >= TimeSpan.FromSeconds(1); tries++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            long start = Stopwatch.GetTimestamp();
            try
            {
                using OnnxModel model = OnnxModel.Load(path);
                ExecutionPlan.Create(model);
            }
            catch (ResNetException e)
            {
                Assert.IsLessThan(path.Length + 800, e.Message.Length, e.Message);
            }
            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            TimeSpan taken = Stopwatch.GetElapsedTime(start);
            Assert.IsLessThanOrEqualTo(2L * content.Length + (16 << 20), allocated, what);
            if (taken < least) least = taken;
        }
        Assert.IsLessThan(TimeSpan.FromSeconds(1), least, what);
    }

    private static OnnxSketch Hostile(string what)
    {
        const int Many = 100_000, Some = 2000;
        OnnxSketch sketch = Sketch();
        switch (what)
        {
            case "relus":
                return Chain(sketch, Many, "x", (from, to) => sketch.Node("Relu", from, to));
            case "one name":
                for (int i = 0; i < Many; i++) sketch.Node("Relu", "y", "y");
                return sketch.Outputs("y");
            case "many of one":
                for (int i = 0; i < Some; i++)
                    sketch.Node("Softmax", "x", Name(i), Int("axis", 1)).Node("Softmax", "x", $"all{Name(i)}", Int("axis", 3));
                return sketch.Node("Sum", string.Join(' ', Enumerable.Range(0, Some).Select(Name)), "y").Outputs("y");
            case "sum":
                return sketch.Node("Sum", string.Join(' ', Enumerable.Repeat("x", Many)), "y").Outputs("y");
            case "pads":
                return Chain(sketch, Some, "x", (from, to) => sketch.Node("Pad", $"{from} pads", to)).Longs(
                    "pads", 0, 0, 1 << 20, 1 << 20, 0, 0, 1 << 20, 1 << 20);
            case "outer product":
                return sketch.Floats("column", [20_000, 1], new float[20_000]).Floats("row", [1, 20_000], new float[20_000])
                    .Node("Mul", "column row", "product").Node("Add", "x product", "y").Outputs("y");
            case "large constant":
                return sketch.Longs("size", int.MaxValue).Node("ConstantOfShape", "size", "large").Node("Add", "large large", "more").Node(
                    "Add", "x more", "y").Outputs("y");
            case "large bias":
                return sketch.Longs("size", 1 << 28).Longs("filterSize", 1 << 28, 2, 4, 4)
                    .Node("ConstantOfShape", "size", "bias").Node("ConstantOfShape", "filterSize", "filter").Node(
                        "Conv", "x filter bias", "y").Outputs("y");
            case "large input":
                return new OnnxSketch().Input("x", [0, 1 << 30, 1, 1]).Floats("two", [], 2).Node("Mul", "x two", "y").Outputs("y");
            case "negated":
                return new OnnxSketch().Input("x", [0, 1 << 30, 1, 1]).Node("Sub", "x x", "y").Outputs("y");
            case "reshapes":
                return Chain(sketch.Longs("all", -1), Some, "two", (from, to) => sketch.Node("Reshape", $"{from} all", to), "Mul");
            case "transposes":
                return Chain(sketch.Floats("square", [200, 200], new float[40_000]), Some, "square",
                    (from, to) => sketch.Node("Transpose", from, to), "Mul");
            case "concat":
                return Chain(sketch, 40, "rows", (from, to) => sketch.Node("Concat", $"{from} {from}", to, Int("axis", 0)), "Reshape");
            case "classes":
                return new OnnxSketch().Input("x", [0, 1, 1, 1]).Longs("size", 1 << 24, 1, 1, 1).Node("ConstantOfShape", "size", "w").Node(
                    "Conv", "x w", "y").Outputs("y");
            case "outputs":
                return sketch.Node("Relu", "x", "y").Outputs(string.Join(' ', Enumerable.Repeat("y", Many)));
            default:
                throw new ArgumentOutOfRangeException(nameof(what));
        }
    }

    /// <summary>A chain of nodes, and at its end one that joins it with the input when it began at a constant.</summary>
    private static OnnxSketch Chain(OnnxSketch sketch, int length, string first, Action<string, string> node, string? join = null)
    {
        string from = first;
        for (int i = 0; i < length; i++) node(from, from = Name(i));
        return join is null ? sketch.Outputs(from) : sketch.Node(join, $"x {from}", "y").Outputs("y");
    }

    private static string Name(int i) => "v" + i.ToString(CultureInfo.InvariantCulture);

    private static object[] Of(string type, string inputs, params OnnxAttribute[] attributes) => [type, inputs, attributes];

    private string Refused(OnnxSketch sketch, string part)
    {
        string path = folder.Write("refused.onnx", sketch.ToBytes());
        ResNetException error = Assert.Throws<ResNetException>(() => OnnxModel.Load(path).Dispose());
        Assert.IsTrue(error is GraphException or WeightsException, error.ToString());
        StringAssert.StartsWith(error.Message, path, StringComparison.Ordinal);
        StringAssert.Contains(error.Message, part, StringComparison.Ordinal);
        Assert.IsFalse(error.Message.AsSpan().ContainsAny('\n', '\r'), error.Message);
        Assert.IsLessThan(path.Length + 600, error.Message.Length, error.Message);
        return error.Message;
    }
}
