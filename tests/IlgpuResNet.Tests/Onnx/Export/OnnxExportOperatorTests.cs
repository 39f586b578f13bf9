using IlgpuResNet.Graphs;
using IlgpuResNet.Onnx;
using Microsoft.ML.OnnxRuntime;

namespace IlgpuResNet.Tests;

/// <summary>Single nodes with all their attributes, exported and run in ONNX Runtime, against their definition in double.</summary>
[TestClass]
public sealed class OnnxExportOperatorTests : IDisposable
{
    private const int Batch = 2;

    private readonly WeightsFolder folder = new();

    public void Dispose() => folder.Dispose();

    [TestMethod]
    public void Convolutions_with_any_window_match_their_definition()
    {
        for (int seed = 0; seed < 60; seed++)
        {
            var random = new Random(seed);
            int groups = random.Next(1, 4), c = groups * random.Next(1, 3), k = groups * random.Next(1, 4), r = random.Next(1, 4),
                s = random.Next(1, 5);
            float[] filter = TestData.Uniform(random, k * (c / groups) * r * s), bias = TestData.Uniform(random, k);
            var conv = new Conv2dNode
            {
                Name = "conv",
                Inputs = ["input"],
                Output = "output",
                Weight = TestTensors.Create("conv.weight", [k, c / groups, r, s], filter),
                Bias = random.Next(2) == 0 ? TestTensors.Create("conv.bias", [k], bias) : null,
                Window = RandomWindow(random, isPool: false, ceilMode: false, dilates: true),
                Groups = groups,
            };
            Check(conv, c, random, seed, TestData.Epsilon * c * r * s * 4, (image, outChannel) =>
            {
                double sum = conv.Bias is null ? 0 : bias[outChannel];
                foreach ((int i, int j, int y, int x) in image.Taps)
                {
                    for (int inner = 0; image.IsInside(y, x) && inner < c / groups; inner++)
                    {
                        int inChannel = outChannel / (k / groups) * (c / groups) + inner;
                        sum += (double)filter[((outChannel * (c / groups) + inner) * r + i) * s + j] * image[inChannel, y, x];
                    }
                }
                return sum;
            }, r, s);
        }
    }

    [TestMethod]
    public void Maximum_pools_with_any_window_match_their_definition()
    {
        for (int seed = 0; seed < 60; seed++)
        {
            var random = new Random(seed);
            (int r, int s) = (random.Next(2, 5), random.Next(2, 4));
            bool padHasValue = random.Next(4) == 0;
            var pool = new Pool2dNode
            {
                Name = "pool",
                Inputs = ["input"],
                Output = "output",
                Kind = PoolKind.Max,
                Kernel = (r, s),
                Window = RandomWindow(random, isPool: true, ceilMode: !padHasValue && random.Next(2) == 0, dilates: true),
                PadValue = padHasValue ? 0.25 : double.NegativeInfinity,
            };
            Check(pool, 3, random, seed, 0, (image, channel) =>
            {
                double max = double.NegativeInfinity;
                foreach ((_, _, int y, int x) in image.Taps)
                    max = Math.Max(max, image.IsInside(y, x) ? image[channel, y, x] : image.IsPadding(y, x) ? pool.PadValue : max);
                return max;
            }, r, s);
        }
    }

    [TestMethod]
    public void Average_pools_with_any_window_match_their_definition()
    {
        for (int seed = 0; seed < 60; seed++)
        {
            var random = new Random(seed);
            (int r, int s) = (random.Next(2, 5), random.Next(2, 4));
            bool countsPad = random.Next(2) == 0;
            var pool = new Pool2dNode
            {
                Name = "pool",
                Inputs = ["input"],
                Output = "output",
                Kind = PoolKind.Average,
                Kernel = (r, s),
                Window = RandomWindow(random, isPool: true, ceilMode: random.Next(2) == 0, dilates: false),
                CountIncludePad = countsPad,
            };
            Check(pool, 3, random, seed, TestData.Epsilon * r * s * 4, (image, channel) =>
            {
                double sum = 0;
                int count = 0;
                foreach ((_, _, int y, int x) in image.Taps)
                {
                    if (image.IsInside(y, x)) sum += image[channel, y, x];
                    if (image.IsInside(y, x) || (countsPad && image.IsPadding(y, x))) count++;
                }
                return sum / count;
            }, r, s);
        }
    }

    /// <summary>A view takes the elements pixel by pixel, ONNX's Flatten channel by channel.</summary>
    [TestMethod]
    [DataRow(1)]
    [DataRow(3)]
    public void A_flattened_map_meets_its_linear_layer(int side)
    {
        const int Channels = 2, Outputs = 3, Seed = 4;
        var random = new Random(Seed);
        int features = side * side * Channels;
        float[] matrix = TestData.Uniform(random, Outputs * features), images = TestData.Uniform(random, Batch * features);
        Node[] nodes =
        [
            new ClipNode { Name = "low", Inputs = ["input"], Output = "low", Min = -0.5, Max = double.PositiveInfinity },
            new ClipNode { Name = "high", Inputs = ["low"], Output = "high", Min = double.NegativeInfinity, Max = 0.5 },
            new ViewNode { Name = "flatten", Inputs = ["high"], Output = "flatten", Shape = new MapShape(1, 1, features) },
            new LinearNode { Name = "fc", Inputs = ["flatten"], Output = "fc",
                Weight = TestTensors.Create("fc.weight", [Outputs, features], matrix) },
            new AddNode { Name = "add", Inputs = ["fc", "fc"], Output = "add" },
            new SoftmaxNode { Name = "output", Inputs = ["add"], Output = "output" },
        ];
        var expected = new List<double>();
        for (int n = 0; n < Batch; n++)
        {
            double[] scores = new double[Outputs];
            for (int k = 0; k < Outputs; k++)
                for (int pixel = 0; pixel < side * side; pixel++)
                    for (int c = 0; c < Channels; c++)
                        scores[k] += 2 * matrix[k * features + pixel * Channels + c] * Math.Clamp(
                            (double)images[(n * Channels + c) * side * side + pixel], -0.5, 0.5);
            expected.AddRange(Oracle.Softmax(Outputs, scores));
        }
        using OnnxExportRuntime runtime = Export(new Graph("test", "input", Channels, ["output"], [.. nodes]), side, side);
        // The error of a score moves a probability by at most twice that.
        double tolerance = TestData.Epsilon * features * 2 * 4 * 2;
        TestData.AssertClose(
            [.. expected], runtime.Run("output", images, Batch, Channels, side, side), tolerance, $"side {side}, seed {Seed}");
    }

    [TestMethod]
    public void Padding_by_size_stays_for_images_of_any_size_and_other_padding_beside_it_is_refused()
    {
        var pool = new Pool2dNode
        {
            Name = "pool",
            Inputs = ["input"],
            Output = "output",
            Kind = PoolKind.Max,
            Kernel = (3, 3),
            Window = new SlidingWindow { StrideH = 2, StrideW = 2, AutoPad = AutoPad.SameLower }
        };
        var options = new OnnxExportOptions { Height = 9, Width = 9, DynamicSize = true };
        OnnxModelToWrite model = Export(pool);
        Assert.AreEqual("SAME_LOWER", model.Nodes.Single().Attributes["auto_pad"].S);
        Refused(pool with { Window = pool.Window with { Pad = Padding.Same(1) } });
        Refused(pool with { Window = pool.Window with { DilationW = 2 } });
        Refused(pool with { PadValue = 0 });
        Refused(pool with { Window = new SlidingWindow { CeilMode = true }, PadValue = 0 });
        Refused(pool with { Kind = PoolKind.Average, Window = new SlidingWindow { DilationH = 2 } });

        void Refused(Node node) => StringAssert.StartsWith(Assert.ThrowsExactly<GraphException>(() => Export(node)).Message, "pool: ");

        OnnxModelToWrite Export(Node node) =>
            OnnxExporter.Export(new Graph("test", "input", 1, ["output"], [node]), options, new Dictionary<string, string>());
    }

    /// <summary>
    /// A pool's padding stays below its taps, as ONNX Runtime wants it; at times it cuts pixels off, or more of it follows from the size.
    /// </summary>
    private static SlidingWindow RandomWindow(Random random, bool isPool, bool ceilMode, bool dilates)
    {
        var pad = new Padding(random.Next(2), random.Next(2), random.Next(2), random.Next(2));
        if (random.Next(4) == 0) pad = pad with { Top = -1, Right = random.Next(-2, 1) };
        AutoPad auto = random.Next(4) == 0 ? TestData.Pick(random, AutoPad.SameUpper, AutoPad.SameLower) : AutoPad.None;
        if (isPool && auto is not AutoPad.None) (pad, dilates) = (default, false);
        return new SlidingWindow
        {
            StrideH = random.Next(1, 4),
            StrideW = random.Next(1, 4),
            DilationH = dilates ? random.Next(1, 3) : 1,
            DilationW = dilates ? random.Next(1, 3) : 1,
            Pad = pad,
            AutoPad = auto,
            CeilMode = ceilMode,
        };
    }

    private void Check(
        Node node, int channels, Random random, int seed, double tolerance, Func<Window, int, double> definition, int r, int s)
    {
        (int h, int w) = (random.Next(8, 13), random.Next(8, 13));
        SlidingWindow window = node is Conv2dNode conv ? conv.Window : ((Pool2dNode)node).Window;
        var graph = new Graph("test", "input", channels, ["output"], [node]);
        MapShape shape = graph.InferShapes(h, w)["output"];
        (_, _, Padding pad) = window.Place(new MapShape(h, w, channels), r, s)!.Value;

        float[] images = TestData.Uniform(random, Batch * channels * h * w);
        var expected = new List<double>();
        for (int n = 0; n < Batch; n++)
            for (int k = 0; k < shape.C; k++)
                for (int p = 0; p < shape.H; p++)
                    for (int q = 0; q < shape.W; q++)
                        expected.Add(definition(new Window(images, n * channels, h, w, pad, window, r, s, p, q), k));
        using OnnxExportRuntime runtime = Export(graph, h, w);
        TestData.AssertClose(
            [.. expected], runtime.Run("output", images, Batch, channels, h, w), tolerance, $"{node}, {h}x{w}, seed {seed}");
    }

    private OnnxExportRuntime Export(Graph graph, int height, int width)
    {
        string path = folder.PathOf("graph.onnx");
        using (FileStream file = File.Create(path))
            OnnxWriter.Write(file,
                OnnxExporter.Export(graph, new OnnxExportOptions { Height = height, Width = width }, new Dictionary<string, string>()));
        // ONNX's shape inference counts one window too many for some ceil_mode, and warns; the operators themselves do not.
        return new OnnxExportRuntime(path, OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR);
    }

    /// <summary>The window of one output pixel over images <c>[N·C, H, W]</c>.</summary>
    private sealed record Window(float[] Images, int FirstMap, int H, int W, Padding Pad, SlidingWindow Sliding, int R, int S, int P, int Q)
    {
        public float this[int channel, int y, int x] => Images[((FirstMap + channel) * H + y) * W + x];

        public IEnumerable<(int I, int J, int Y, int X)> Taps =>
            from i in Enumerable.Range(0, R)
            from j in Enumerable.Range(0, S)
            select (i, j, P * Sliding.StrideH - Pad.Top + i * Sliding.DilationH, Q * Sliding.StrideW - Pad.Left + j * Sliding.DilationW);

        /// <summary>Negative padding takes pixels away.</summary>
        public bool IsInside(int y, int x) =>
            y >= Math.Max(0, -Pad.Top) && y < H + Math.Min(Pad.Bottom, 0) && x >= Math.Max(0, -Pad.Left) && x < W + Math.Min(Pad.Right, 0);

        public bool IsPadding(int y, int x) =>
            !IsInside(y, x) && y >= -Pad.Top && y < H + Pad.Bottom && x >= -Pad.Left && x < W + Pad.Right;
    }
}
