using System.Collections.Immutable;
using IlgpuResNet.Graphs;
using IlgpuResNet.Kernels;
using IlgpuResNet.Planning;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Tests;

/// <summary>Networks some of whose channels are far larger than the others, in <see cref="Numerics.Fast"/>.</summary>
[TestClass]
public sealed class OutlierTests
{
    private const int Seed = 7_019;
    private const int Side = 96;
    private const int Channels = 3;

    /// <summary>The bar of docs/accuracy.md for whole networks.</summary>
    private const double Bar = 1e-5;

    /// <summary>The bar there of thin networks by Winograd's algorithm.</summary>
    private const double WinogradBar = 1e-4;

    private static readonly string Box = Path.Combine(AppContext.BaseDirectory, "FashionMnist", "fashion-resnet.safetensors");

    private static readonly ResNetConfig Thin = ResNetConfig.ResNet18 with { StemWidth = 32, BaseWidth = 32, NumClasses = 10 };

    public required TestContext TestContext { get; set; }

    [TestMethod]
    public void Only_the_layer_that_reads_the_outliers_is_computed_by_the_definition()
    {
        using ResNet plain = ResNet.Create(Thin, Seed), scaled = Scaled(1e4f, Seed, name => name == "layer1.0.bn1.weight");
        using InferenceSession ordinary = Open(plain, Numerics.Fast), first = Open(scaled, Numerics.Fast);
        int[] changed = [.. Enumerable.Range(0, first.StepMethods.Length).Where(i => first.StepMethods[i] != ordinary.StepMethods[i])];
        Assert.AreEqual("layer1.0.conv2", first.Plan.Steps[changed.Single()].Node.Name);
        Assert.AreEqual(new Conv2dMethod(Conv2dAlgorithm.Direct), first.StepMethods[changed[0]]);
        Assert.AreNotEqual(Conv2dAlgorithm.Direct, ordinary.StepMethods[changed[0]].Algorithm);
        using InferenceSession second = Open(scaled, Numerics.Fast);
        CollectionAssert.AreEqual(first.StepMethods, second.StepMethods);
    }

    /// <summary>Without the check, the error is 2e-5 with 1000 in each batch norm.</summary>
    [TestMethod]
    [DataRow(1e3f, 1.0)]
    [DataRow(1e3f, 0.2)]
    [DataRow(1e4f, 0.2)]
    [DataRow(1e5f, 0.2)]
    public void Networks_with_outliers_keep_the_bar_of_all_networks(float scale, double share)
    {
        for (int seed = Seed; seed < Seed + 4; seed++)
        {
            var random = new Random(seed);
            AssertWithin(Bar, scale, seed, _ => random.NextDouble() < share);
        }
    }

    [TestMethod]
    public void Outliers_that_pass_the_check_in_every_layer_keep_the_bar_of_Winograd()
    {
        for (int seed = Seed; seed < Seed + 4; seed++) AssertWithin(WinogradBar, (float)WinogradSpread.Most * 0.8f, seed, _ => true);
    }

    [TestMethod]
    public void Ordinary_networks_keep_their_methods()
    {
        using Model trained = Model.Load(Box);
        foreach (ResNetConfig config in (ResNetConfig[])[Thin, Thin with { PreActivation = true }, ResNetConfig.ResNet18])
        {
            using ResNet model = ResNet.Create(config, Seed);
            AssertKept(model, Side);
        }
        AssertKept(trained, null);
    }

    /// <summary>Magnitudes follow every node: one whose number of channels changes, and operations on two tensors.</summary>
    [TestMethod]
    public void Nodes_that_change_the_number_of_channels_keep_the_methods_before_and_after()
    {
        const int C = 32;
        var random = new Random(Seed);
        StateTensor filter = StateDict.Create([("filter", [C, C, 3, 3], TestData.Uniform(random, C * C * 9))])["filter"];
        Node Conv(string name, string input) => new Conv2dNode
        {
            Name = name,
            Inputs = [input],
            Output = name,
            Weight = filter,
            Window = new SlidingWindow { Pad = Padding.Same(1) },
        };
        EpilogueSpec half = new() { Scale = [0.5], Shift = [0] };
        var graph = new Graph("selections", "x", C, ["second"],
        [
            Conv("first", "x"),
            new TopKNode { Name = "largest", Inputs = ["first"], Output = "largest", K = 1, GivesIndices = false },
            new PointwiseNode { Name = "half", Inputs = ["largest"], Output = "half", Epilogue = half },
            new CombineNode { Name = "sum", Inputs = ["first", "half"], Output = "sum", Kind = CombineKind.Add },
            new GroupNormNode { Name = "norm", Inputs = ["sum"], Output = "norm", Groups = 4, Epsilon = 1e-5 },
            Conv("second", "norm"),
        ]);
        var plan = ExecutionPlan.Create(graph, Side, Side, 1);
        FilterNorms norms = FilterNorms.Of(filter.ToArray(), C, 9);
        ImmutableArray<(int Step, double Spread)> spreads = WinogradSpread.OfSteps(
            graph, plan,
            [.. plan.Steps.Select(step => step.Node is Conv2dNode ? new Conv2dMethod(Conv2dAlgorithm.WinogradF4) : default)],
            new Dictionary<string, FilterNorms> { ["first"] = norms, ["second"] = norms });
        Assert.HasCount(2, spreads);
        foreach ((int step, double spread) in spreads) Assert.IsLessThan(2, spread, plan.Steps[step].Node.Name);
    }

    [TestMethod]
    public void Weights_that_are_not_finite_are_not_transformed()
    {
        var norms = new FilterNorms([1, 1], [1, float.PositiveInfinity]);
        Assert.AreEqual(double.NaN, WinogradSpread.Of([1, 1], norms));
        Assert.AreEqual(double.NaN, WinogradSpread.Of([double.NaN, 1], norms));
    }

    [TestMethod]
    [DataRow(new double[] { 1, 1, 1, 1 }, 1)]
    [DataRow(new double[] { 1, 1, 1, 100 }, 100)]
    [DataRow(new double[] { 0, 0, 0, 0 }, 1)]
    [DataRow(new double[] { 0, 0, 0, 100 }, 1)]
    [DataRow(new double[] { 1e-9, 1e-9, 1e-9, 2, 4 }, 1)]
    public void The_spread_leaves_out_channels_that_are_dead(double[] magnitudes, double spread)
    {
        float[] norms = [.. Enumerable.Repeat(2f, magnitudes.Length)];
        Assert.AreEqual(spread, WinogradSpread.Of(magnitudes, new FilterNorms(norms, norms)));
    }

    [TestMethod]
    public void Norms_of_a_filter_are_those_of_its_channels()
    {
        const int K = 7, C = 11, Taps = 9;
        float[] filter = TestData.Uniform(new Random(Seed), K * C * Taps);
        FilterNorms norms = FilterNorms.Of(filter, K, Taps);
        for (int k = 0; k < K; k++)
            Assert.AreEqual(Norm((i, _) => i == k), norms.Outputs[k], 1e-5, $"output {k}");
        for (int c = 0; c < C; c++)
            Assert.AreEqual(Norm((_, i) => i == c), norms.Inputs[c], 1e-5, $"input {c}");
        Assert.IsTrue(norms.AreFinite);
        filter[^1] = float.NaN;
        Assert.IsFalse(FilterNorms.Of(filter, K, Taps).AreFinite);

        double Norm(Func<int, int, bool> isOf) => Math.Sqrt(Enumerable.Range(0, filter.Length)
            .Where(i => isOf(i / (C * Taps), i / Taps % C)).Sum(i => (double)filter[i] * filter[i]));
    }

    private static void AssertKept(Model model, int? side)
    {
        using var session = new InferenceSession(model, ComputeDevice.Cpu, new SessionOptions { Height = side, Width = side });
        ImmutableArray<Conv2dMethod> chosen = MethodSelector.Choose(session.Kernels.Planner, session.Plan, Numerics.Fast);
        CollectionAssert.Contains(chosen.Select(method => method.Algorithm).ToArray(), Conv2dAlgorithm.WinogradF4);
        CollectionAssert.AreEqual(chosen, session.StepMethods);
    }

    private void AssertWithin(double bar, float scale, int seed, Func<string, bool> isScaled)
    {
        using ResNet model = Scaled(scale, seed, isScaled);
        float[] fast = Run(model, seed, Numerics.Fast), exact = Run(model, seed, Numerics.Exact);
        double error = Math.Sqrt(fast.Zip(exact, (f, e) => Math.Pow(f - (double)e, 2)).Sum() / exact.Sum(e => (double)e * e));
        TestContext.WriteLine($"{scale}, seed {seed}: {error:E1}");
        Assert.IsLessThan(bar, error, $"{scale}, seed {seed}");
    }

    private static float[] Run(ResNet model, int seed, Numerics numerics)
    {
        using InferenceSession session = Open(model, numerics);
        float[] logits = new float[Thin.NumClasses];
        session.Run(TestData.Uniform(new Random(seed), session.Input.Length), logits);
        return logits;
    }

    private static InferenceSession Open(ResNet model, Numerics numerics) =>
        new(model, ComputeDevice.Cpu, new SessionOptions { Height = Side, Width = Side, Numerics = numerics });

    /// <summary>A network that has a large scale in a few channels of some batch norms.</summary>
    private static ResNet Scaled(float scale, int seed, Func<string, bool> isScaled)
    {
        using ResNet plain = ResNet.Create(Thin, seed);
        var random = new Random(seed);
        var tensors = plain.Weights.Values.Select(tensor => (tensor.Name, tensor.Shape, Values: tensor.ToArray())).ToArray();
        foreach (var tensor in tensors)
        {
            bool isScale = tensor.Shape.Length == 1 && tensor.Name.EndsWith(".weight", StringComparison.Ordinal);
            if (!isScale || !isScaled(tensor.Name)) continue;
            for (int i = 0; i < Channels; i++) tensor.Values[random.Next(tensor.Values.Length)] = scale;
        }
        return ResNet.Create(Thin, StateDict.Create(tensors));
    }
}
