using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using IlgpuResNet.Kernels;
using IlgpuResNet.Kernels.Simd;

namespace IlgpuResNet.Tests;

/// <summary>
/// Winograd's convolution on every vector width: right, as exact as it is said to be, and the same bits however the work is split.
/// </summary>
[TestClass, TestCategory(VectorWidthTests.Category)]
public sealed class SimdWinogradTests
{
    private const int Seed = 41;
    private const int WidestLanes = 0;

    private static readonly Epilogue ResidualRelu = new(HasResidual: 1, ReluBeforeAdd: 0, Relu: 1);

    /// <summary>Whole tiles and partial ones, channels of panels that are not full, more tiles than a block, several images.</summary>
    private static readonly Conv2dShape[] Shapes =
    [
        Conv2dShape.Create(1, 8, 8, 16, 32, 3, 3, 1, 1),
        Conv2dShape.Create(3, 7, 7, 32, 33, 3, 3, 1, 1),
        Conv2dShape.Create(2, 14, 13, 64, 70, 3, 3, 1, 1),
        Conv2dShape.Create(1, 50, 46, 16, 17, 3, 3, 1, 1),
        Conv2dShape.Create(5, 3, 2, 16, 100, 3, 3, 1, 0) with { P = 1, Q = 1, W = 3 },
    ];

    public required TestContext TestContext { get; set; }

    [TestMethod]
    [DataRow(1, Conv2dAlgorithm.WinogradF2)]
    [DataRow(1, Conv2dAlgorithm.WinogradF4)]
    [DataRow(1, Conv2dAlgorithm.WinogradStride2)]
    [DataRow(4, Conv2dAlgorithm.WinogradF2)]
    [DataRow(4, Conv2dAlgorithm.WinogradF4)]
    [DataRow(4, Conv2dAlgorithm.WinogradStride2)]
    [DataRow(8, Conv2dAlgorithm.WinogradF2)]
    [DataRow(8, Conv2dAlgorithm.WinogradF4)]
    [DataRow(8, Conv2dAlgorithm.WinogradStride2)]
    [DataRow(16, Conv2dAlgorithm.WinogradF2)]
    [DataRow(16, Conv2dAlgorithm.WinogradF4)]
    [DataRow(16, Conv2dAlgorithm.WinogradStride2)]
    internal void Random_shapes_match_the_oracle(int lanes, Conv2dAlgorithm algorithm)
    {
        const int Cases = 60;
        using var device = new Device(groups: 2, lanes);
        for (int seed = 0; seed < Cases; seed++)
        {
            var random = new Random(seed);
            Conv2dShape shape = RandomShape(random, lanes, WinogradFilter.Stride(algorithm));
            var epilogue = new Epilogue(random.Next(2), random.Next(2), random.Next(2), random.Next(2), -0.5f, 0.75f);
            Data data = Data.Make(shape, seed);
            double[] expected = Oracle.Conv2d(
                shape, data.Input, data.Filter, data.Scale, data.Shift, epilogue.HasResidual != 0 ? data.Residual : null, epilogue);
            float[] actual = device.Run(shape, data, epilogue, algorithm, residualIsOutput: random.Next(2) == 0);

            // Values below 1. A sum of C products of transformed values, scaled; a shift and a residual.
            double tolerance = 4 * TestData.Epsilon * (shape.C * WinogradBound.Amplification(algorithm) + 2);
            TestData.AssertClose(expected, actual, tolerance, $"{shape}, {epilogue}, {lanes} lanes, {algorithm}, seed {seed}");
        }
    }

    /// <summary>
    /// The bound above is far from what rounding does on average, so that is measured too: 0.8 times the error of direct
    /// convolution with F(2x2), whose sums are shorter, and 2.2 times with F(4x4) were found, with 64 channels as with 256; 0.9 to 1.0
    /// times with stride 2.
    /// </summary>
    [TestMethod]
    [DataRow(Conv2dAlgorithm.WinogradF2, 1.25)]
    [DataRow(Conv2dAlgorithm.WinogradF4, 3.0)]
    [DataRow(Conv2dAlgorithm.WinogradStride2, 1.25)]
    internal void The_error_is_a_small_multiple_of_that_of_direct_convolution(Conv2dAlgorithm algorithm, double most)
    {
        using var device = new Device(groups: 2, WidestLanes);
        foreach (int channels in (int[])[64, 256])
        {
            Conv2dShape shape = Conv2dShape.Create(1, 12, 12, channels, 32, 3, 3, WinogradFilter.Stride(algorithm), 1);
            Data data = Data.Make(shape, Seed);
            for (int i = 0; i < data.Input.Length; i++) data.Input[i] = Math.Max(data.Input[i], 0);
            double[] expected = Oracle.Conv2d(shape, data.Input, data.Filter, data.Scale, data.Shift, null, Epilogue.None);
            double direct = Error(Conv2dAlgorithm.Direct), winograd = Error(algorithm);
            TestContext.WriteLine($"{channels} channels: {algorithm} {winograd:E2}, direct {direct:E2}, ratio {winograd / direct:F2}");
            Assert.IsLessThanOrEqualTo(most * direct, winograd);

            double Error(Conv2dAlgorithm by)
            {
                float[] actual = device.Run(shape, data, Epilogue.None, by, residualIsOutput: false);
                return Math.Sqrt(actual.Zip(expected, (a, e) => (a - e) * (a - e)).Sum() / expected.Sum(e => e * e));
            }
        }
    }

    [TestMethod]
    [DataRow(Conv2dAlgorithm.WinogradF2)]
    [DataRow(Conv2dAlgorithm.WinogradF4)]
    [DataRow(Conv2dAlgorithm.WinogradStride2)]
    internal void Any_number_of_groups_and_any_batch_give_the_same_bits(Conv2dAlgorithm algorithm)
    {
        foreach (Conv2dShape plain in Shapes)
        {
            Conv2dShape shape = WithStride(plain, WinogradFilter.Stride(algorithm));
            Data data = Data.Make(shape, Seed);
            using var single = new Device(groups: 1, WidestLanes);
            float[] expected = single.Run(shape, data, ResidualRelu, algorithm, residualIsOutput: true);
            for (int groups = 2; groups <= 5; groups++)
            {
                using var several = new Device(groups, WidestLanes);
                TestData.AssertSameBits(
                    expected, several.Run(shape, data, ResidualRelu, algorithm, residualIsOutput: true), $"{shape}, {groups} groups");
            }
            for (int n = 0; n < shape.N; n++)
            {
                Conv2dShape alone = shape with { N = 1 };
                int image = (int)alone.InputLength, map = (int)alone.OutputLength;
                Data cut = data with
                {
                    Input = data.Input[(n * image)..((n + 1) * image)],
                    Residual = data.Residual[(n * map)..((n + 1) * map)],
                };
                TestData.AssertSameBits(
                    expected.AsSpan(n * map, map), single.Run(alone, cut, ResidualRelu, algorithm, residualIsOutput: true),
                    $"{shape}, image {n}");
            }
        }
    }

    /// <summary>
    /// One large value among values below 1. Outputs whose tile lacks it keep the usual bound, and the others one that has the value in it,
    /// whether or not they see it. By the definition, each output that does not see it keeps the usual bound.
    /// </summary>
    [TestMethod]
    [DataRow(Conv2dAlgorithm.Direct)]
    [DataRow(Conv2dAlgorithm.WinogradF2)]
    [DataRow(Conv2dAlgorithm.WinogradF4)]
    [DataRow(Conv2dAlgorithm.WinogradStride2)]
    internal void A_large_value_spoils_its_own_tiles_by_no_more_than_the_bound(Conv2dAlgorithm algorithm)
    {
        const int Row = 9, Column = 10, Channel = 5;
        bool isDirect = algorithm is Conv2dAlgorithm.Direct;
        int stride = isDirect ? 1 : WinogradFilter.Stride(algorithm), outputs = isDirect ? 1 : WinogradFilter.Outputs(algorithm);
        int side = isDirect ? WinogradFilter.Taps : WinogradFilter.Side(algorithm);
        double factor = isDirect ? WinogradFilter.Taps * WinogradFilter.Taps : WinogradBound.Amplification(algorithm);
        using var device = new Device(groups: 2, WidestLanes);
        Conv2dShape shape = Conv2dShape.Create(1, 18, 19, 32, 20, 3, 3, stride, 1);
        foreach (float large in (float[])[1e4f, 1e6f])
        {
            Data data = Data.Make(shape, Seed);
            data.Input[(Row * shape.W + Column) * shape.C + Channel] = large;
            double[] expected = Oracle.Conv2d(shape, data.Input, data.Filter, data.Scale, data.Shift, null, Epilogue.None);
            float[] actual = device.Run(shape, data, Epilogue.None, algorithm, residualIsOutput: false);
            double unseen = 0;
            for (int i = 0; i < actual.Length; i++)
            {
                int p = i / shape.K / shape.Q, q = i / shape.K % shape.Q;
                bool isSpoiled = InTile(p, Row) && InTile(q, Column);
                double values = shape.C - 1 + (isSpoiled ? large : 1), error = Math.Abs(actual[i] - expected[i]);
                Assert.IsLessThanOrEqualTo(4 * TestData.Epsilon * (values * factor + 2), error, $"{large}, ({p}, {q}), seed {Seed}");
                if (isSpoiled && !(Sees(p, Row) && Sees(q, Column))) unseen = Math.Max(unseen, error);
            }
            TestContext.WriteLine($"{algorithm}, {large}: error of outputs in the same tile that do not see it {unseen:E1}");
        }

        bool InTile(int output, int pixel) => pixel - (output / outputs * outputs * stride - shape.PadH) is >= 0 and var at && at < side;

        bool Sees(int output, int pixel) => pixel - (output * stride - shape.PadH) is >= 0 and < WinogradFilter.Taps;
    }

    [TestMethod]
    public void A_layer_it_does_not_fit_is_computed_directly_and_refused_otherwise()
    {
        using var device = new Device(groups: 2, lanes: 8);
        Conv2dShape fits = Conv2dShape.Create(1, 28, 28, 128, 128, 3, 3, 1, 1);
        Assert.AreNotEqual(Conv2dAlgorithm.Direct, device.Kernels.Planner.FastestConv2d(fits).Algorithm);
        Conv2dShape[] others =
        [
            Conv2dShape.Create(1, 28, 28, 128, 128, 3, 3, 3, 1), Conv2dShape.Create(1, 28, 28, 128, 128, 3, 3, 1, 2, dilation: 2),
            Conv2dShape.Create(1, 28, 28, 128, 128, 3, 3, 1, 1, groups: 2), Conv2dShape.Create(1, 28, 28, 128, 128, 1, 1, 1, 0),
            Conv2dShape.Create(1, 28, 28, 128, 128, 5, 5, 1, 2), Conv2dShape.Create(1, 28, 28, 124, 128, 3, 3, 1, 1),
        ];
        foreach (Conv2dShape other in others)
        {
            Assert.AreEqual(Conv2dAlgorithm.Direct, device.Kernels.Planner.FastestConv2d(other).Algorithm, $"{other}");
            var exception =
                Assert.ThrowsExactly<ArgumentException>(() => device.Kernels.Planner.PackedFilterLength(other, Conv2dAlgorithm.WinogradF4));
            StringAssert.Contains(exception.Message, nameof(Conv2dAlgorithm.WinogradF4));
        }
    }

    private static Conv2dShape WithStride(Conv2dShape shape, int stride) => shape with
    {
        StrideH = stride,
        StrideW = stride,
        P = (shape.P - 1) / stride + 1,
        Q = (shape.Q - 1) / stride + 1,
    };

    private static Conv2dShape RandomShape(Random random, int lanes, int stride)
    {
        int h = random.Next(1, 20), w = random.Next(1, 20);
        int padH = random.Next(-1, 4), padW = random.Next(-1, 4), padEndH = random.Next(-1, 4), padEndW = random.Next(-1, 4);
        int p = Math.Max(1, h + padH + padEndH - 2), q = Math.Max(1, w + padW + padEndW - 2);
        int c = lanes * random.Next(1, 4), k = TestData.Pick(random, 1, 2, 7, 16, 33, 64, 70);
        return WithStride(new Conv2dShape(random.Next(1, 4), h, w, c, k, 3, 3, 1, 1, padH, padW, p, q), stride);
    }

    private sealed class Device : IDisposable
    {
        private readonly Context context;
        private readonly Accelerator accelerator;

        public Device(int groups, int lanes)
        {
            context = Context.Create(builder => KernelContext.Configure(builder).CPU(new CPUDevice(2, 1, groups)));
            accelerator = context.Devices[0].CreateAccelerator(context);
            Kernels = lanes == WidestLanes ? new SimdKernels(accelerator) : new SimdKernels(accelerator, lanes);
        }

        public SimdKernels Kernels { get; }

        public float[] Run(in Conv2dShape shape, Data data, Epilogue epilogue, Conv2dAlgorithm algorithm, bool residualIsOutput)
        {
            float[] packed = new float[Kernels.Planner.PackedFilterLength(shape, algorithm)];
            packed.AsSpan().Fill(float.NaN);
            Kernels.PackFilter(shape, data.Filter, packed, algorithm);
            Assert.DoesNotContain(float.NaN, packed, $"{shape}: PackFilter left an element unwritten");
            using var input = GuardedBuffer.Input(accelerator, data.Input);
            using var filter = GuardedBuffer.Input(accelerator, packed);
            using var scale = GuardedBuffer.Input(accelerator, data.Scale);
            using var shift = GuardedBuffer.Input(accelerator, data.Shift);
            using var residual = GuardedBuffer.Input(accelerator, data.Residual);
            using var separate = GuardedBuffer.Output(accelerator, data.Residual.Length);
            GuardedBuffer output = residualIsOutput ? residual : separate;
            Kernels.Conv2d(
                accelerator.DefaultStream, shape,
                new Operands(input.View, filter.View, scale.View, shift.View, residual.View, output.View), epilogue,
                new Conv2dMethod(algorithm));
            accelerator.DefaultStream.Synchronize();
            TestData.AssertSameBits(data.Input, input.Read(), $"{shape}: input changed");
            TestData.AssertSameBits(packed, filter.Read(), $"{shape}: filter changed");
            return output.Read();
        }

        public void Dispose()
        {
            accelerator.Dispose();
            context.Dispose();
        }
    }

    private sealed record Data(float[] Input, float[] Filter, float[] Scale, float[] Shift, float[] Residual)
    {
        public static Data Make(in Conv2dShape shape, int seed)
        {
            var random = new Random(seed);
            return new Data(
                TestData.Uniform(random, (int)shape.InputLength),
                TestData.Uniform(random, shape.K * shape.GemmK),
                TestData.Uniform(random, shape.K),
                TestData.Uniform(random, shape.K),
                TestData.Uniform(random, (int)shape.OutputLength));
        }
    }
}
