using System.Collections.Immutable;
using IlgpuResNet.Onnx;
using IlgpuResNet.Weights;
using static IlgpuResNet.Tests.RandomOnnxGraph;

namespace IlgpuResNet.Tests;

/// <summary>Arithmetic of shapes and of constants, whose results are the sizes of a Reshape or weights of a sum.</summary>
[TestClass]
public sealed class OnnxConstantTests : IDisposable
{
    private static readonly float[] Input = [.. Enumerable.Range(0, 24).Select(i => (float)i - 7)];

    private readonly OnnxFolder folder = new();

    public void Dispose() => folder.Dispose();

    /// <summary>Each makes the sizes [0, 4, 6] of a value <c>[N, 2, 3, 4]</c>.</summary>
    [TestMethod]
    [DataRow("slice", DisplayName = "a slice with a step backwards")]
    [DataRow("batch", DisplayName = "the batch of a computed shape, sliced")]
    [DataRow("matrix", DisplayName = "a transposed matrix of integers, sliced and flattened, as PyTorch writes pads")]
    [DataRow("arithmetic", DisplayName = "sum, difference, product and quotient of integers")]
    [DataRow("where", DisplayName = "Equal and Where, as PyTorch writes expand")]
    [DataRow("split", DisplayName = "parts of a split")]
    [DataRow("cast", DisplayName = "a float without its fraction")]
    public void Sizes_are_computed(string kind)
    {
        OnnxSketch sketch = Sketch().Longs("zero", 0).Longs("one", 1).Longs("minus", -1).Longs("rest", 4, 6);
        switch (kind)
        {
            case "slice":
                sketch.Longs("all", 9, 6, 1, 4, 1, 0).Longs("last", -1).Longs("least", long.MinValue + 1).Longs("back", -2)
                    .Node("Slice", "all last least zero back", "sixes").Longs("order", 0, 1, 2).Node("Gather", "sixes order", "sizes");
                break;
            case "batch":
                sketch.Node("Shape", "x", "shape").Node("Slice", "shape zero one", "batch").Node(
                    "Concat", "batch rest", "sizes", Int("axis", 0));
                break;
            case "matrix":
                sketch.Longs("numbers", 4, 0, 9, 6, 8, 7).Longs("pairs", -1, 2).Longs("two", 2)
                    .Node("Reshape", "numbers pairs", "matrix").Node("Transpose", "matrix", "turned", Ints("perm", 1, 0))
                    .Node("Slice", "turned zero two zero", "rows").Longs("columns", 0, 1).Longs("first", 0)
                    .Node("Gather", "rows columns", "picked", Int("axis", 1)).Longs("flat", -1).Node("Reshape", "picked flat", "four")
                    .Longs("order", 2, 0, 3).Node("Gather", "four order", "sizes", Int("axis", 0));
                break;
            case "arithmetic":
                sketch.Longs("a", 3, 9, 15).Longs("b", 3, 5, 3).Longs("three", 3).Node("Sub", "a b", "difference")
                    .Node("Div", "a three", "quotient").Longs("c", 0, 1, 1).Node("Mul", "quotient c", "product")
                    .Longs("d", 0, 1, 1).Node("Add", "product d", "sizes");
                break;
            case "where":
                sketch.Longs("wanted", -1, 4, 6).Longs("marked", -1).Longs("ones", 0, 0, 0).Node("Equal", "wanted marked", "open").Node(
                    "Where", "open ones wanted", "sizes");
                break;
            case "split":
                sketch.Longs("five", 7, 8, 0, 4, 6).Longs("parts", 2, 3).Node("Split", "five parts", "unused sizes", Int("axis", 0));
                break;
            default:
                sketch.Floats("floats", [3], 0.5f, 4.75f, 6).Node("Cast", "floats", "sizes", Int("to", OnnxElementType.Int64));
                break;
        }
        using OnnxModel model = Load(sketch.Node("Reshape", "x sizes", "y").Outputs("y"));
        using InferenceSession session = Session(model);
        CollectionAssert.AreEqual(new[] { 4, 6 }, session.Outputs.Single().Shape.ToArray());
        CollectionAssert.AreEqual(Input, Run(session, Input));
    }

    /// <summary>Each makes a constant <c>[2, 1, 1]</c> of 3 and -2, which is added.</summary>
    [TestMethod]
    [DataRow("slice")]
    [DataRow("gather")]
    [DataRow("concat")]
    [DataRow("split")]
    [DataRow("int8", DisplayName = "weights of 8 bits with a scale for each channel")]
    [DataRow("uint8", DisplayName = "weights of 8 bits with a zero point")]
    public void Weights_are_computed(string kind)
    {
        OnnxSketch sketch = Sketch().Longs("zero", 0).Longs("one", 1).Longs("two", 2);
        switch (kind)
        {
            case "slice":
                sketch.Floats("w", [4, 1, 2], 9, 9, 3, 8, 9, 9, -2, 8).Longs("axes", 0, 2).Longs("starts", 1, 0).Longs("ends", 99, 1)
                    .Longs("steps", 2, 1).Node("Slice", "w starts ends axes steps", "c");
                break;
            case "gather":
                sketch.Floats("w", [1, 3, 1], -2, 9, 3).Longs("order", -1, 0).Node("Gather", "w order", "turned", Int("axis", 1)).Node(
                    "Transpose", "turned", "c", Ints("perm", 1, 0, 2));
                break;
            case "concat":
                sketch.Floats("a", [1, 1, 1], 3).Floats("b", [1, 1, 1], -2).Node("Concat", "a b", "c", Int("axis", 0));
                break;
            case "split":
                sketch.Floats("w", [2, 3, 1], 9, 9, 3, 9, 9, -2).Longs("parts", 2, 1).Node("Split", "w parts", "- c", Int("axis", 1));
                break;
            case "int8":
                sketch.Initializer(Bytes("w", [2, 1, 1], DataType.Int8, 6, unchecked((byte)-8))).Floats("s", [2], 0.5f, 0.25f)
                    .Node("DequantizeLinear", "w s", "c", Int("axis", 0));
                break;
            default:
                sketch.Initializer(Bytes("w", [2, 1, 1], DataType.UInt8, 134, 124)).Floats("s", [], 0.5f)
                    .Initializer(Bytes("z", [], DataType.UInt8, 128)).Node("DequantizeLinear", "w s z", "c");
                break;
        }
        using OnnxModel model = Load(sketch.Node("Add", "x c", "y").Outputs("y"));
        using InferenceSession session = Session(model);
        CollectionAssert.AreEqual(Input.Select((value, i) => value + (i < 12 ? 3 : -2)).ToArray(), Run(session, Input));
    }

    /// <summary>Pixels as bytes are floats in the network: the Cast that makes floats of them has nothing to do.</summary>
    [TestMethod]
    public void An_input_of_bytes_is_taken_as_floats()
    {
        using OnnxModel model = Load(new OnnxSketch().Input("x", [0, 2, 3, 4], OnnxElementType.UInt8)
            .Node("Cast", "x", "f", Int("to", OnnxElementType.Float)).Node("Relu", "f", "y").Outputs("y"));
        using InferenceSession session = Session(model);
        float[] pixels = [.. Enumerable.Range(0, 24).Select(i => (float)(i * 11))];
        CollectionAssert.AreEqual(pixels, Run(session, pixels));
    }

    private static OnnxSketch Sketch() => new OnnxSketch().Input("x", [0, 2, 3, 4]);

    private static BytesTensor Bytes(string name, ImmutableArray<int> shape, DataType type, params byte[] values) =>
        new() { Name = name, Shape = shape, DataType = type, Values = values };

    private OnnxModel Load(OnnxSketch sketch) => OnnxModel.Load(folder.Write($"{Guid.NewGuid():N}.onnx", sketch.ToBytes()));

    private static InferenceSession Session(OnnxModel model) =>
        new(model, ComputeDevice.Get("cpu"), new SessionOptions { Outputs = ["y"] });

    private static float[] Run(InferenceSession session, float[] input)
    {
        float[] result = new float[session.Outputs[0].Length];
        session.Run(input, [result.AsMemory()]);
        return result;
    }
}
