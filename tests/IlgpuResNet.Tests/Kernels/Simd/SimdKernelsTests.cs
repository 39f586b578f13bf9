using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using IlgpuResNet.Kernels;
using IlgpuResNet.Kernels.Simd;

namespace IlgpuResNet.Tests;

/// <summary>Promises of the SIMD family beyond right results: the same bits however the work is split, on every vector width.</summary>
[TestClass, TestCategory(VectorWidthTests.Category)]
public sealed class SimdKernelsTests
{
    private const int Seed = 31;

    private static readonly Epilogue ResidualRelu = new(HasResidual: 1, ReluBeforeAdd: 0, Relu: 1);

    private static readonly Conv2dShape[] Shapes =
    [
        Conv2dShape.Create(2, 30, 30, 3, 64, 7, 7, 2, 3),
        Conv2dShape.Create(1, 14, 14, 33, 70, 3, 3, 1, 1),
        Conv2dShape.Create(1, 56, 56, 16, 130, 1, 1, 1, 0),
        Conv2dShape.Create(3, 7, 7, 64, 33, 1, 1, 2, 0),
        Conv2dShape.Create(2, 6, 5, 1024, 70, 1, 1, 1, 0),
        Conv2dShape.Create(2, 9, 9, 64, 64, 3, 3, 1, 1, groups: 4),
        Conv2dShape.Linear(1, 512, 1001),
        Conv2dShape.Linear(5, 100, 10),
        Conv2dShape.Create(2, 14, 14, 128, 128, 3, 3, 1, 1, groups: 32),
        Conv2dShape.Create(3, 9, 9, 70, 70, 3, 3, 2, 1, groups: 70),
        Conv2dShape.Create(2, 11, 7, 15, 120, 3, 3, 1, 2, dilation: 2, groups: 5),
    ];

    public TestContext TestContext { get; set; } = null!;

    [TestMethod]
    public void Any_number_of_groups_gives_the_same_bits()
    {
        foreach (Conv2dShape shape in Shapes)
        {
            float[] one = Run(shape, groups: 1, DefaultLanes, images: shape.N);
            for (int groups = 2; groups <= 5; groups++)
                TestData.AssertSameBits(one, Run(shape, groups, DefaultLanes, images: shape.N), $"{shape}, {groups} groups");
        }
    }

    [TestMethod]
    public void An_image_alone_gives_the_bits_it_has_in_a_batch()
    {
        foreach (Conv2dShape shape in Shapes)
        {
            float[] batch = Run(shape, groups: 2, DefaultLanes, images: shape.N);
            float[] alone = Run(shape with { N = 1 }, groups: 2, DefaultLanes, images: shape.N);
            TestData.AssertSameBits(alone, batch.AsSpan(0, alone.Length), $"{shape}");
        }
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(4)]
    [DataRow(8)]
    [DataRow(16)]
    public void Every_vector_width_matches_the_oracle(int lanes)
    {
        // Pixel counts that leave tiles of every height, channels that leave every kind of tail.
        for (int pixels = 1; pixels <= 29; pixels++)
        {
            var dense = Conv2dShape.Create(1, 1, pixels, 5, 30 + pixels, 1, 3, 1, 0) with { PadW = 1, Q = pixels };
            foreach (Conv2dShape shape in (Conv2dShape[])[dense, dense with { Groups = 5, K = 5 * pixels }])
            {
                AssertMatchesOracle(shape, groups: 2, lanes);
            }
        }
    }

    /// <summary>
    /// Panels of one vector, several groups in one, and neither, with vectors of 1 to 16 floats; last panels that are not full.
    /// </summary>
    [TestMethod]
    [DataRow(1, 1)]
    [DataRow(4, 3)]
    [DataRow(8, 3)]
    [DataRow(16, 3)]
    public void Grouped_panels_of_every_kind_match_the_oracle(int lanes, int expectedKinds)
    {
        var kinds = new HashSet<(int Vectors, bool InLaneGroups)>();
        foreach (int groupSize in (int[])[2, 4, 8, 16, 32])
        {
            foreach (int channels in (int[])[64, 96])
            {
                Conv2dShape shape = Conv2dShape.Create(1, 7, 9, channels, channels, 3, 3, 1, 1, groups: channels / groupSize);
                SimdPanels panels = SimdPanels.Of(shape, lanes);
                kinds.Add((panels.Vectors, panels.InLaneGroups));
                AssertMatchesOracle(shape, groups: 3, lanes);
                AssertMatchesOracle(shape with { K = channels + channels / groupSize }, groups: 2, lanes);
            }
        }
        Assert.HasCount(expectedKinds, kinds, $"{lanes} lanes");
    }

    /// <summary>
    /// Runs that would share a set of the cache are copied: 1x1 of 1024 channels, of 512 with stride 2, and 3x3 with borders.
    /// </summary>
    [TestMethod]
    [DataRow(1)]
    [DataRow(4)]
    [DataRow(8)]
    [DataRow(16)]
    public void Copied_runs_match_the_oracle(int lanes)
    {
        foreach (Conv2dShape shape in (Conv2dShape[])[
            Conv2dShape.Create(1, 5, 7, 1024, 33, 1, 1, 1, 0),
            Conv2dShape.Create(2, 7, 5, 512, 20, 1, 1, 2, 0),
            Conv2dShape.Create(1, 9, 9, 512, 20, 3, 3, 2, 1),
            Conv2dShape.Create(1, 6, 5, 1024, 10, 3, 3, 1, 2, dilation: 2)])
        {
            Assert.IsTrue(SimdInputTable.CopiesRuns(shape), $"{shape}");
            AssertMatchesOracle(shape, groups: 2, lanes);
        }
    }

    /// <summary>The products are below 1, and so are the shift and the residual.</summary>
    private static void AssertMatchesOracle(Conv2dShape shape, int groups, int lanes)
    {
        Data data = Data.Make(shape, images: shape.N);
        double[] expected = Oracle.Conv2d(shape, data.Input, data.Filter, data.Scale, data.Shift, data.Residual, ResidualRelu);
        double tolerance = 4 * TestData.Epsilon * (shape.GemmK + 2);
        TestData.AssertClose(expected, Run(shape, groups, lanes, images: shape.N), tolerance, $"{shape}, {lanes} lanes, seed {Seed}");
    }

    [TestMethod, TestCategory("OpenCL")]
    public void Another_kind_of_device_is_refused()
    {
        TestDevice device = TestDevice.Open(BackEnd.OpenCL, TestContext);
        var exception = Assert.ThrowsExactly<NotSupportedException>(() => new SimdKernels(device.Accelerator));
        StringAssert.Contains(exception.Message, device.Accelerator.Name);
    }

    [TestMethod]
    public void Short_views_are_refused()
    {
        using Context context = Open(groups: 1, out Accelerator accelerator);
        using (accelerator)
        {
            var kernels = new SimdKernels(accelerator);
            var shape = Conv2dShape.Create(1, 4, 4, 8, 8, 1, 1, 1, 0);
            using var buffer = accelerator.Allocate1D<float>(4 * 4 * 8);
            using var filter = accelerator.Allocate1D<float>(kernels.Planner.PackedFilterLength(shape));
            ArrayView<float> whole = buffer.View.AsContiguous();
            ArrayView<float> cut = whole.SubView(0, whole.Length - 1);
            ArrayView<float> packed = filter.View.AsContiguous();
            AssertRefused("Input", new Operands(cut, packed, whole, whole, whole, whole));
            AssertRefused("Filter", new Operands(whole, packed.SubView(1), whole, whole, whole, whole));
            AssertRefused("Scale", new Operands(whole, packed, whole.SubView(0, 7), whole, whole, whole));
            AssertRefused("Residual", new Operands(whole, packed, whole, whole, cut, whole));
            AssertRefused("Output", new Operands(whole, packed, whole, whole, whole, cut));

            void AssertRefused(string name, Operands operands)
            {
                var exception = Assert.ThrowsExactly<ArgumentException>(
                    () => kernels.Conv2d(accelerator.DefaultStream, shape, operands, ResidualRelu));
                StringAssert.Contains(exception.Message, name);
            }
        }
    }

    /// <summary>2^31 floats and more: refused before any address is computed, also where the product wraps to something small.</summary>
    [TestMethod]
    public void More_elements_than_32_bits_count_are_refused()
    {
        using Context context = Open(groups: 1, out Accelerator accelerator);
        using (accelerator)
        {
            var kernels = new SimdKernels(accelerator);
            AcceleratorStream stream = accelerator.DefaultStream;
            using var buffer = accelerator.Allocate1D<float>(64);
            ArrayView<float> view = buffer.View.AsContiguous();
            var operands = new Operands(view, view, view, view, view, view);
            AssertRefused(() => kernels.Conv2d(stream, Conv2dShape.Create(1, 1 << 16, 1 << 16, 1, 1, 1, 1, 1, 0), operands, default));
            AssertRefused(() =>
                kernels.Conv2d(stream, Conv2dShape.Create(1, 1 << 15, 1 << 15, 1, 4, 1, 1, 1, 0) with { H = 1, W = 1 }, operands, default));
            AssertRefused(() => kernels.Pointwise(stream, 1 << 30, 4, operands, default));
            AssertRefused(() => kernels.MaxPool2d(stream, Pool2dShape.Create(2, 1 << 15, 1 << 15, 1, 1, 1, 0), view, view));
            AssertRefused(() => kernels.Softmax(stream, 1 << 16, 1 << 16, view, view));
        }

        static void AssertRefused(Action call) =>
            StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(call).Message, $"at most {int.MaxValue} floats");
    }

    [TestMethod]
    public void A_refused_step_ends_its_sequence_and_the_next_call_runs()
    {
        using Context context = Open(groups: 2, out Accelerator accelerator);
        using (accelerator)
        {
            var kernels = new SimdKernels(accelerator);
            AcceleratorStream stream = accelerator.DefaultStream;
            using var zeros = accelerator.Allocate1D(new float[2]);
            using var first = accelerator.Allocate1D(new float[2]);
            using var second = accelerator.Allocate1D(new float[2]);
            kernels.BeginSequence();
            kernels.Softmax(stream, 1, 2, zeros.View, first.View);
            Assert.ThrowsExactly<ArgumentException>(() => kernels.Softmax(stream, 1, 3, zeros.View, first.View));
            kernels.Softmax(stream, 1, 2, zeros.View, second.View);
            CollectionAssert.AreEqual(new[] { 0f, 0f }, first.GetAsArray1D(), "the sequence was given up");
            CollectionAssert.AreEqual(new[] { 0.5f, 0.5f }, second.GetAsArray1D(), "the call after it ran at once");
        }
    }

    [TestMethod]
    public void A_launch_allocates_only_the_task_of_ILGPU()
    {
        using Context context = Open(groups: 2, out Accelerator accelerator);
        using (accelerator)
        {
            var kernels = new SimdKernels(accelerator);
            var shape = Conv2dShape.Create(1, 4, 4, 8, 8, 3, 3, 1, 1);
            using var buffer = accelerator.Allocate1D<float>(4 * 4 * 8);
            using var other = accelerator.Allocate1D<float>(4 * 4 * 8);
            using var filter = accelerator.Allocate1D<float>(kernels.Planner.PackedFilterLength(shape));
            ArrayView<float> view = buffer.View.AsContiguous();
            var operands = new Operands(view, filter.View.AsContiguous(), view, view, view, other.View.AsContiguous());
            AcceleratorStream stream = accelerator.DefaultStream;
            const int Launches = 200;
            long before = 0;
            for (int i = 0; i < 2 * Launches; i++)
            {
                if (i == Launches) before = GC.GetTotalAllocatedBytes(precise: true);
                kernels.Conv2d(stream, shape, operands, ResidualRelu);
                stream.Synchronize();
            }
            long perLaunch = (GC.GetTotalAllocatedBytes(precise: true) - before) / Launches;

            // Measured: 288 bytes, one object of ILGPU that holds the kernel's parameters.
            Assert.IsLessThan(400, perLaunch);
        }
    }

    private static int DefaultLanes => 0;

    private static Context Open(int groups, out Accelerator accelerator)
    {
        var context = Context.Create(builder => KernelContext.Configure(builder).CPU(new CPUDevice(2, 1, groups)));
        accelerator = context.Devices[0].CreateAccelerator(context);
        return context;
    }

    private static float[] Run(Conv2dShape shape, int groups, int lanes, int images)
    {
        using Context context = Open(groups, out Accelerator accelerator);
        using (accelerator)
        {
            var kernels = lanes == DefaultLanes ? new SimdKernels(accelerator) : new SimdKernels(accelerator, lanes);
            Data data = Data.Make(shape, images);
            float[] packed = new float[kernels.Planner.PackedFilterLength(shape)];
            kernels.PackFilter(shape, data.Filter, packed);
            using var input = GuardedBuffer.Input(accelerator, data.Input);
            using var filter = GuardedBuffer.Input(accelerator, packed);
            using var scale = GuardedBuffer.Input(accelerator, data.Scale);
            using var shift = GuardedBuffer.Input(accelerator, data.Shift);
            using var output = GuardedBuffer.Input(accelerator, data.Residual);
            kernels.Conv2d(
                accelerator.DefaultStream, shape,
                new Operands(input.View, filter.View, scale.View, shift.View, output.View, output.View), ResidualRelu);
            accelerator.DefaultStream.Synchronize();
            return output.Read();
        }
    }

    /// <summary>The data of a shape; that of the first image is the same for every batch cut from the same number of images.</summary>
    private sealed record Data(float[] Input, float[] Filter, float[] Scale, float[] Shift, float[] Residual)
    {
        public static Data Make(in Conv2dShape shape, int images)
        {
            var random = new Random(Seed);
            int image = shape.H * shape.W * shape.C, map = shape.P * shape.Q * shape.K;
            float[] input = TestData.Uniform(random, images * image), residual = TestData.Uniform(random, images * map);
            return new Data(
                input[..(shape.N * image)],
                TestData.Uniform(random, shape.K * shape.GemmK),
                TestData.Uniform(random, shape.K),
                TestData.Uniform(random, shape.K),
                residual[..(shape.N * map)]);
        }
    }
}
