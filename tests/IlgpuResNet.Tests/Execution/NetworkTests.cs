using System.Text.Json;
using System.Text.Json.Serialization;
using IlgpuResNet.Kernels;
using IlgpuResNet.Kernels.Simd;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Tests;

/// <summary>Whole networks against PyTorch in double: data/networks holds the weights, the answers and the script that made them.</summary>
public abstract class NetworkTests(BackEnd backEnd)
{
    private const int Top = 5;

    public required TestContext TestContext { get; set; }

    public static IEnumerable<object[]> Names => Golden.All.Select(golden => new object[] { golden.Name });

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Logits_are_those_of_PyTorch(string name) => Check(name, Numerics.Exact);

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Logits_of_fast_numerics_are_those_of_PyTorch(string name) => Check(name, Numerics.Fast);

    /// <summary>The project's bars for whole networks in float32.</summary>
    private static double Tolerance(Numerics numerics) => numerics is Numerics.Exact ? 1e-5 : 1e-4;

    private void Check(string name, Numerics numerics) => Check(Golden.All.Single(candidate => candidate.Name == name), numerics);

    /// <summary>
    /// Checks one network and returns the relative L2 error of its logits, and how many of its layers Winograd's algorithm computed.
    /// </summary>
    private protected (double Error, int WinogradLayers) Check(Golden golden, Numerics numerics)
    {
        ComputeDevice device = TestDevice.OpenCompute(backEnd, TestContext);
        using ResNet model = golden.Load();
        int[] shape = golden.Input.Shape;
        using var session = new InferenceSession(
            model, device, new SessionOptions { MaxBatch = shape[0], Height = shape[2], Width = shape[3], Numerics = numerics });
        float[] logits = new float[golden.Logits.Length * golden.Logits[0].Length];
        float[] probabilities = new float[logits.Length];
        session.Run(golden.Input.Values(), logits, probabilities);

        double[] expected = [.. golden.Logits.SelectMany(row => row)];
        double error = RelativeError(logits, expected);
        TestContext.WriteLine($"{golden.Name}: relative L2 error {error:E2}");
        Assert.IsLessThanOrEqualTo(
            Tolerance(numerics), error, $"{golden.Name}: relative L2 error {error:E2}; PyTorch's own float32 has {golden.Float32Error:E2}");
        TestData.AssertClose(
            Oracle.Softmax(session.NumClasses, expected), probabilities,
            ProbabilityTolerance(session.NumClasses, logits, expected), golden.Name);
        for (int i = 0; i < golden.Logits.Length; i++)
            CollectionAssert.AreEqual(Best(golden.Logits[i]), Best(logits.AsSpan(i * session.NumClasses, session.NumClasses).ToArray()),
                $"{golden.Name}: best classes of image {i}");
        Assert.IsEmpty(session.Warnings);
        return (error, session.StepMethods.Count(kernel => kernel.Algorithm is not Conv2dAlgorithm.Direct));
    }

    /// <summary>Indexes of the best classes, best first.</summary>
    private static int[] Best<T>(T[] scores) => [.. Enumerable.Range(0, scores.Length).OrderByDescending(i => scores[i]).Take(Top)];

    [TestMethod]
    public void Any_batch_up_to_the_largest_gives_the_same_bits_as_one_image_alone()
    {
        Golden golden = Golden.All.Single(candidate => candidate.Name == "resnet50");
        ComputeDevice device = TestDevice.OpenCompute(backEnd, TestContext);
        using ResNet model = golden.Load();
        int[] shape = golden.Input.Shape;
        float[] images = golden.Input.Values();
        int length = images.Length / shape[0], classes = model.Config.NumClasses;
        using var session = new InferenceSession(model, device, new SessionOptions { MaxBatch = 3, Height = shape[2], Width = shape[3] });
        float[] together = new float[3 * classes], alone = new float[3 * classes], pair = new float[2 * classes];
        session.Run(images, together);
        for (int i = 0; i < 3; i++) session.Run(images.AsSpan(i * length, length), alone.AsSpan(i * classes, classes));
        session.Run(images.AsSpan(length), pair);
        CollectionAssert.AreEqual(together, alone);
        CollectionAssert.AreEqual(together[classes..], pair);
    }

    /// <summary>
    /// Bound on the change of a probability p by the error of the logits, known by now to be small: when every logit moves by at most d,
    /// p is multiplied by something between exp(-2d) and exp(2d), which is 1 ± 2d to first order (d p_i / d x_j = p_i (δ_ij - p_j)).
    /// The softmax itself rounds as well: once in x - max, which stands in an exponent, once per class in the sum, and a few times in exp
    /// and the quotient. What is below the normal floats may be flushed to zero.
    /// </summary>
    private static Func<double, double> ProbabilityTolerance(int classes, float[] logits, double[] expected)
    {
        const int RoundingsOfExpAndQuotient = 4;
        const double SmallestNormal = 1.17549435e-38;
        double moved = logits.Zip(expected, (a, e) => Math.Abs(a - e)).Max();
        double range = logits.Max() - logits.Min();
        double relative = Math.Exp(2 * moved) - 1 + TestData.Epsilon * (range + classes + RoundingsOfExpAndQuotient);
        return p => relative * p + SmallestNormal;
    }

    private static double RelativeError(float[] actual, double[] expected)
    {
        Assert.HasCount(expected.Length, actual);
        double difference = actual.Zip(expected, (a, e) => (a - e) * (a - e)).Sum();
        return Math.Sqrt(difference / expected.Sum(e => e * e));
    }
}

[TestClass, TestCategory(VectorWidthTests.Category)]
public sealed class NetworkCpuTests() : NetworkTests(BackEnd.Cpu)
{
    /// <summary>
    /// Twice the worst error found, which was 9.7e-7 with Winograd's F(4x4) on 16 lanes and 6.2e-7 without; 4, 8 and 16 lanes and none.
    /// The bars above leave room for real networks, which are wider.
    /// </summary>
    private const double Held = 2e-6;

    /// <summary>
    /// Every network once more, with Winograd's algorithm also in layers so small that another is faster: left alone, these thin
    /// networks use it in two layers. How many networks it fits depends on the vectors; these are those with 16 lanes.
    /// </summary>
    [TestMethod]
    [DataRow(Numerics.Exact, null, 0)]
    [DataRow(Numerics.Fast, null, 1)]
    [DataRow(Numerics.Fast, Conv2dAlgorithm.WinogradF2, 11)]
    [DataRow(Numerics.Fast, Conv2dAlgorithm.WinogradF4, 11)]
    [DataRow(Numerics.Fast, Conv2dAlgorithm.WinogradStride2, 8)]
    internal void The_worst_error_of_all_networks_is_small(Numerics numerics, Conv2dAlgorithm? forced, int leastNetworks)
    {
        var kernels = (SimdKernels)TestDevice.OpenCompute(BackEnd.Cpu, TestContext).Open().Kernels;
        kernels.Planner.Forced = forced;
        try
        {
            var results = Golden.All.Select(golden => (golden.Name, Result: Check(golden, numerics))).ToList();
            (string worst, (double error, _)) = results.MaxBy(result => result.Result.Error);
            int networks = results.Count(result => result.Result.WinogradLayers > 0),
                layers = results.Sum(result => result.Result.WinogradLayers);
            TestContext.WriteLine(
                $"the worst is {error:E2}, of {worst}; Winograd in {layers} layers of "
                + $"{networks} of {results.Count} networks, vectors of {kernels.Lanes}");
            Assert.IsLessThanOrEqualTo(Held, error, worst);
            Assert.IsGreaterThanOrEqualTo(leastNetworks, networks);
            if (numerics is Numerics.Exact) Assert.AreEqual(0, layers);
        }
        finally
        {
            kernels.Planner.Forced = null;
        }
    }
}

[TestClass, TestCategory("OpenCL")]
public sealed class NetworkOpenCLTests() : NetworkTests(BackEnd.OpenCL);

[TestClass, TestCategory("Cuda")]
public sealed class NetworkCudaTests() : NetworkTests(BackEnd.Cuda);

/// <summary>One entry of networks.json.</summary>
public sealed record Golden(string Name, string File, GoldenConfig Config, GoldenInput Input, double[][] Logits,
    [property: JsonPropertyName("float32_error")] double Float32Error)
{
    private static readonly JsonSerializerOptions Options = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    private static string Folder => Path.Combine(AppContext.BaseDirectory, "data", "networks");

    public static IReadOnlyList<Golden> All { get; } = JsonSerializer.Deserialize<Golden[]>(
        System.IO.File.ReadAllBytes(Path.Combine(Folder, "networks.json")), Options)!;

    public string WeightsPath => Path.Combine(Folder, File);

    public ResNet Load() => ResNet.Create(Config.ToResNetConfig(Name), StateDict.Load(WeightsPath));
}

/// <summary>The network as the script describes it.</summary>
public sealed record GoldenConfig(
    string Block, int[] Depths, int NumClasses, int InputChannels, int StemWidth, int BaseWidth, string StridePlacement, bool ReluBeforeAdd,
    int? FixedPool, string? Variant,
    int Groups = 1, int WidthPerGroup = 64, bool[]? ReplaceStrideWithDilation = null, bool PreActivation = false)
{
    public ResNetConfig ToResNetConfig(string name) => new()
    {
        Name = name,
        Block = Block == "basic" ? ResNetBlock.Basic : ResNetBlock.Bottleneck,
        Depths = [.. Depths],
        NumClasses = NumClasses,
        InputChannels = InputChannels,
        StemWidth = StemWidth,
        BaseWidth = BaseWidth,
        StridePlacement = StridePlacement == "conv3x3" ? IlgpuResNet.StridePlacement.Conv3x3 : IlgpuResNet.StridePlacement.FirstConv1x1,
        ReluBeforeAdd = ReluBeforeAdd,
        FixedPool = FixedPool,
        Groups = Groups,
        WidthPerGroup = WidthPerGroup,
        ReplaceStrideWithDilation = [.. ReplaceStrideWithDilation ?? []],
        PreActivation = PreActivation,
    };
}

/// <summary>An input that both sides can make: splitmix64, as the script's first lines say.</summary>
public sealed record GoldenInput(int[] Shape, ulong Seed)
{
    public float[] Values()
    {
        float[] values = new float[Shape.Aggregate(1, (product, size) => product * size)];
        ulong state = Seed;
        for (int i = 0; i < values.Length; i++)
        {
            ulong z = state += 0x9E3779B97F4A7C15;
            z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
            z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
            values[i] = ((z ^ (z >> 31)) >> 40) / (float)(1 << 23) - 1;
        }
        return values;
    }
}
