using IlgpuResNet.Devices;
using IlgpuResNet.Execution;
using IlgpuResNet.Graphs;
using IlgpuResNet.Kernels;
using IlgpuResNet.Planning;

namespace IlgpuResNet.Tests;

/// <summary>Effects of <see cref="SessionOptions.Numerics"/> on a session on the processor, and what stays as it is.</summary>
[TestClass, TestCategory(VectorWidthTests.Category)]
public sealed class NumericsTests
{
    private const int Seed = 7_002;
    private const int Side = 96;
    private const int MaxBatch = 3;

    private static readonly ResNetConfig Thin = ResNetConfig.ResNet18 with { StemWidth = 32, BaseWidth = 32, NumClasses = 10 };

    public required TestContext TestContext { get; set; }

    private ComputeDevice Processor => TestDevice.OpenCompute(BackEnd.Cpu, TestContext);

    [TestMethod]
    public void Fast_uses_Winograd_and_Exact_does_not()
    {
        using ResNet model = ResNet.Create(Thin, Seed);
        ExecutionPlan plan = ExecutionPlan.Create(model, Side, Side, MaxBatch);
        IFamilyPlanner planner = Processor.Open().Kernels.Planner;
        CollectionAssert.Contains(MethodSelector.Choose(planner, plan, Numerics.Fast), new Conv2dMethod(Conv2dAlgorithm.WinogradF4));
        Assert.IsTrue(MethodSelector.Choose(planner, plan, Numerics.Exact).All(kernel => kernel.IsExact));
    }

    [TestMethod]
    public void Fast_and_Exact_differ_by_rounding_alone()
    {
        using ResNet model = ResNet.Create(Thin, Seed);
        float[] fast = Run(model, Numerics.Fast, 1), exact = Run(model, Numerics.Exact, 1);
        double error = Math.Sqrt(fast.Zip(exact, (f, e) => Math.Pow(f - (double)e, 2)).Sum() / exact.Sum(e => (double)e * e));
        TestContext.WriteLine($"relative L2 difference {error:E2}");
        Assert.IsTrue(error is > 0 and < 1e-5, $"{error:E2}, seed {Seed}");
    }

    [TestMethod]
    [DataRow(Numerics.Fast)]
    [DataRow(Numerics.Exact)]
    public void Any_batch_up_to_the_largest_gives_the_bits_of_one_image_alone(Numerics numerics)
    {
        using ResNet model = ResNet.Create(Thin, Seed);
        using InferenceSession session = Open(model, numerics, MaxBatch), single = Open(model, numerics, 1);
        float[] images = TestData.Uniform(new Random(Seed), MaxBatch * 3 * Side * Side);
        float[] together = new float[MaxBatch * Thin.NumClasses], alone = new float[Thin.NumClasses];
        session.Run(images, together);
        for (int i = 0; i < MaxBatch; i++)
        {
            session.Run(images.AsSpan(i * images.Length / MaxBatch, images.Length / MaxBatch), alone);
            TestData.AssertSameBits(together.AsSpan(i * alone.Length, alone.Length), alone, $"{numerics}, image {i}, seed {Seed}");
            single.Run(images.AsSpan(i * images.Length / MaxBatch, images.Length / MaxBatch), alone);
            TestData.AssertSameBits(
                together.AsSpan(i * alone.Length, alone.Length), alone, $"{numerics}, image {i} in a session for one, seed {Seed}");
        }
    }

    [TestMethod]
    public void Sessions_share_weights_where_their_layers_use_the_same_algorithms()
    {
        using ResNet model = ResNet.Create(Thin, Seed);
        Graph graph = model.Bind(Side, Side, []).Graph;
        DeviceRuntime runtime = Processor.Open();
        var sharing = SharedWeights.Of(runtime);
        DeviceWeights[] acquired = [Acquire(Side, Numerics.Fast), Acquire(Side, Numerics.Fast), Acquire(Side, Numerics.Exact),
            Acquire(2 * Side, Numerics.Exact)];
        Assert.AreSame(acquired[0], acquired[1]);
        Assert.AreNotSame(acquired[0], acquired[2]);
        Assert.AreSame(acquired[2], acquired[3]);
        foreach (DeviceWeights weights in acquired) sharing.Release(weights);

        DeviceWeights again = Acquire(Side, Numerics.Fast);
        Assert.AreNotSame(acquired[0], again, "freed with the last session");
        sharing.Release(again);

        DeviceWeights Acquire(int side, Numerics numerics)
        {
            ExecutionPlan plan = ExecutionPlan.Create(graph, side, side, MaxBatch);
            return sharing.Acquire(graph, plan, MethodSelector.Choose(runtime.Kernels.Planner, plan, numerics), threads: 2);
        }
    }

    private float[] Run(ResNet model, Numerics numerics, int images)
    {
        using InferenceSession session = Open(model, numerics, images);
        float[] logits = new float[images * Thin.NumClasses];
        session.Run(TestData.Uniform(new Random(Seed), images * 3 * Side * Side), logits);
        return logits;
    }

    private InferenceSession Open(ResNet model, Numerics numerics, int maxBatch) =>
        new(model, Processor, new SessionOptions { MaxBatch = maxBatch, Height = Side, Width = Side, Numerics = numerics });
}
