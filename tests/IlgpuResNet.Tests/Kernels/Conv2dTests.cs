using IlgpuResNet.Kernels;

namespace IlgpuResNet.Tests;

/// <summary>Convolution with its epilogue against the oracle, on buffers with sentinels on both sides.</summary>
public abstract class Conv2dTests(BackEnd backEnd)
{
    private static readonly Epilogue ResidualRelu = new(HasResidual: 1, ReluBeforeAdd: 0, Relu: 1);

    /// <summary>
    /// A barrier costs 100 us and more on a simulated device, an instruction some ns on the interpreter: their shapes stay tiny.
    /// </summary>
    private readonly bool tiny = backEnd is BackEnd.SimulatedNvidia or BackEnd.SimulatedAmd or BackEnd.Ptx;

    private TestDevice device = null!;

    public TestContext TestContext { get; set; } = null!;

    [TestInitialize]
    public void OpenDevice() => device = TestDevice.Open(backEnd, TestContext);

    [TestMethod]
    public void Random_shapes_match_the_oracle()
    {
        int cases = backEnd is BackEnd.Ptx ? 40 : tiny ? 12 : 150;
        for (int seed = 0; seed < cases; seed++)
        {
            var random = new Random(seed);
            Conv2dShape shape = RandomShape(random);
            var epilogue = new Epilogue(random.Next(2), random.Next(2), random.Next(2), random.Next(2), -0.5f, 0.75f);
            Check(shape, epilogue, seed, residualIsOutput: epilogue.HasResidual != 0 && random.Next(2) == 0);
        }
    }

    [TestMethod]
    [DataRow("7x7/2 stem")]
    [DataRow("3x3")]
    [DataRow("3x3/2")]
    [DataRow("1x1")]
    [DataRow("1x1/2")]
    [DataRow("1x1 with few pixels")]
    [DataRow("linear, N = 1")]
    [DataRow("linear, N = 3")]
    [DataRow("ResNeXt 32x4d, stage 1")]
    [DataRow("ResNeXt 32x4d, stage 2, 3x3/2")]
    [DataRow("ResNeXt 32x8d, stage 2")]
    [DataRow("ResNeXt 32x4d, stage 4")]
    [DataRow("depthwise")]
    [DataRow("3x3, dilation 2")]
    [DataRow("3x3, dilation 4")]
    public void Layer_kinds_of_ResNet_match_the_oracle(string kind)
    {
        Conv2dShape shape = kind switch
        {
            "7x7/2 stem" => tiny ? Conv2dShape.Create(1, 7, 7, 3, 5, 7, 7, 2, 3) : Conv2dShape.Create(1, 56, 56, 3, 64, 7, 7, 2, 3),
            "3x3" => tiny ? Conv2dShape.Create(1, 4, 4, 4, 4, 3, 3, 1, 1) : Conv2dShape.Create(1, 28, 28, 64, 64, 3, 3, 1, 1),
            "3x3/2" => tiny ? Conv2dShape.Create(1, 5, 5, 4, 4, 3, 3, 2, 1) : Conv2dShape.Create(2, 28, 28, 32, 64, 3, 3, 2, 1),
            "1x1" => tiny ? Conv2dShape.Create(1, 3, 3, 8, 8, 1, 1, 1, 0) : Conv2dShape.Create(1, 28, 28, 64, 256, 1, 1, 1, 0),
            "1x1/2" => tiny ? Conv2dShape.Create(1, 5, 5, 8, 8, 1, 1, 2, 0) : Conv2dShape.Create(1, 28, 28, 64, 128, 1, 1, 2, 0),
            "1x1 with few pixels" => tiny ? Conv2dShape.Create(1, 1, 3, 16, 8, 1, 1, 1, 0)
                : Conv2dShape.Create(1, 7, 7, 512, 128, 1, 1, 1, 0),
            "linear, N = 1" => tiny ? Conv2dShape.Linear(1, 20, 10) : Conv2dShape.Linear(1, 2048, 1000),
            "linear, N = 3" => tiny ? Conv2dShape.Linear(3, 20, 10) : Conv2dShape.Linear(3, 512, 1001),
            "ResNeXt 32x4d, stage 1" => tiny ? Conv2dShape.Create(1, 3, 3, 32, 32, 3, 3, 1, 1, groups: 8)
                : Conv2dShape.Create(1, 14, 14, 128, 128, 3, 3, 1, 1, groups: 32),
            "ResNeXt 32x4d, stage 2, 3x3/2" => tiny ? Conv2dShape.Create(1, 5, 5, 16, 16, 3, 3, 2, 1, groups: 2)
                : Conv2dShape.Create(2, 14, 14, 256, 256, 3, 3, 2, 1, groups: 32),
            "ResNeXt 32x8d, stage 2" => tiny ? Conv2dShape.Create(1, 3, 3, 32, 32, 3, 3, 1, 1, groups: 2)
                : Conv2dShape.Create(1, 9, 9, 512, 512, 3, 3, 1, 1, groups: 32),
            "ResNeXt 32x4d, stage 4" => tiny ? Conv2dShape.Create(1, 2, 2, 128, 128, 3, 3, 1, 1, groups: 4)
                : Conv2dShape.Create(1, 7, 7, 1024, 1024, 3, 3, 1, 1, groups: 32),
            "depthwise" => tiny ? Conv2dShape.Create(1, 3, 3, 68, 68, 3, 3, 1, 1, groups: 68)
                : Conv2dShape.Create(1, 14, 14, 144, 144, 3, 3, 1, 1, groups: 144),
            "3x3, dilation 2" => tiny ? Conv2dShape.Create(1, 5, 5, 4, 4, 3, 3, 1, 2, dilation: 2)
                : Conv2dShape.Create(1, 14, 14, 64, 64, 3, 3, 1, 2, dilation: 2),
            "3x3, dilation 4" => tiny ? Conv2dShape.Create(1, 5, 5, 4, 4, 3, 3, 1, 4, dilation: 4)
                : Conv2dShape.Create(1, 14, 14, 64, 64, 3, 3, 1, 4, dilation: 4),
            _ => throw new ArgumentOutOfRangeException(nameof(kind)),
        };
        Check(shape, Epilogue.None, seed: 1, residualIsOutput: false);
        Check(shape, ResidualRelu, seed: 2, residualIsOutput: true);
    }

    [TestMethod]
    [DataRow(0, 0, 0, false)]
    [DataRow(0, 0, 1, false)]
    [DataRow(0, 1, 0, false)]
    [DataRow(0, 1, 1, false)]
    [DataRow(1, 0, 0, false)]
    [DataRow(1, 0, 1, false)]
    [DataRow(1, 1, 0, false)]
    [DataRow(1, 1, 1, false)]
    [DataRow(1, 0, 0, true)]
    [DataRow(1, 0, 1, true)]
    [DataRow(1, 1, 0, true)]
    [DataRow(1, 1, 1, true)]
    public void Every_epilogue_matches_the_oracle(int hasResidual, int reluBeforeAdd, int relu, bool residualIsOutput)
    {
        Conv2dShape shape = tiny ? Conv2dShape.Create(1, 3, 3, 3, 5, 3, 3, 1, 1) : Conv2dShape.Create(2, 9, 7, 5, 70, 3, 3, 1, 1);
        Check(shape, new Epilogue(hasResidual, reluBeforeAdd, relu), seed: 3, residualIsOutput);
    }

    /// <summary>
    /// A second tile on either side that is not full, and in both halves of it quads of output channels of which one to four exist.
    /// </summary>
    [TestMethod]
    [DataRow(12, 1, DisplayName = "activations as they lie")]
    [DataRow(12, 3, DisplayName = "activations in quads")]
    [DataRow(3, 3, DisplayName = "activations one by one")]
    public void Partly_filled_tiles_match_the_oracle(int c, int window)
    {
        bool simulated = backEnd is BackEnd.SimulatedNvidia or BackEnd.SimulatedAmd;
        foreach (int k in simulated ? (int[])[71, 97] : [69, 70, 71, 72, 97, 98, 99])
        {
            Conv2dShape shape = Conv2dShape.Create(1, 13, 9, c, k, window, window, 1, window / 2);
            Check(shape, Epilogue.None, seed: 7, residualIsOutput: false);
            Check(shape, ResidualRelu, seed: 8, residualIsOutput: true);
        }
    }

    [TestMethod]
    [DataRow(0, 0, 1)]
    [DataRow(1, 1, 1)]
    public void NaN_passes_through_every_relu(int hasResidual, int reluBeforeAdd, int relu)
    {
        Conv2dShape shape = tiny ? Conv2dShape.Create(1, 4, 4, 2, 3, 3, 3, 1, 1) : Conv2dShape.Create(1, 11, 9, 5, 33, 3, 3, 1, 1);
        Conv2dCase @case = Conv2dCase.Make(shape, new Epilogue(hasResidual, reluBeforeAdd, relu), seed: 4);
        @case.Input[shape.C + 1] = float.NaN;
        if (@case.Residual is { } residual) residual[^1] = float.NaN;
        Check(@case, residualIsOutput: false);
    }

    /// <summary>Whatever the oracle says: what is changed in one group's input shows in that group's output and nowhere else.</summary>
    [TestMethod]
    [DataRow(4, 4)]
    [DataRow(3, 24)]
    [DataRow(1, 1)]
    [DataRow(1, 3)]
    [DataRow(4, 40)]
    public void An_input_channel_reaches_its_own_group_alone(int groupC, int groupK)
    {
        const int Groups = 7, Changed = 3;
        Conv2dShape shape = Conv2dShape.Create(1, 2, 2, Groups * groupC, Groups * groupK, 3, 3, 1, 1, groups: Groups);
        Conv2dCase @case = Conv2dCase.Make(shape, Epilogue.None, seed: 6);
        float[] before = Run(@case, residualIsOutput: false);
        for (int c = Changed * groupC; c < (Changed + 1) * groupC; c++) @case.Input[c] += 1;

        float[] after = Run(@case, residualIsOutput: false);

        for (int i = 0; i < after.Length; i++)
            Assert.AreEqual(i % shape.K / groupK == Changed, before[i] != after[i], $"output {i} of {shape}");
    }

    [TestMethod]
    public void Unequal_groups_are_refused()
    {
        using var buffer = GuardedBuffer.Output(device.Accelerator, 64);
        var operands = new Operands(buffer.View, buffer.View, buffer.View, buffer.View, buffer.View, buffer.View);
        Conv2dShape shape = Conv2dShape.Create(1, 1, 1, 6, 4, 1, 1, 1, 0);
        foreach (int groups in (int[])[0, -1, 3, 4])
        {
            var error = Assert.ThrowsExactly<ArgumentException>(
                () => device.Kernels.Conv2d(device.Stream, shape with { Groups = groups }, operands, Epilogue.None));
            Assert.Contains($"{groups} groups do not divide 6 input and 4 output channels", error.Message);
        }
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(3)]
    public void Equal_images_of_a_batch_give_equal_bits(int groups)
    {
        Conv2dShape shape = tiny ? Conv2dShape.Create(3, 3, 3, 3, 6, 3, 3, 1, 1) : Conv2dShape.Create(3, 7, 7, 33, 69, 3, 3, 1, 1);
        shape = shape with { Groups = groups };
        Conv2dCase @case = Conv2dCase.Make(shape, new Epilogue(0, 0, 1), seed: 5);
        int image = @case.Input.Length / shape.N;
        for (int n = 1; n < shape.N; n++) @case.Input.AsSpan(0, image).CopyTo(@case.Input.AsSpan(n * image));

        float[] output = Run(@case, residualIsOutput: false);

        int map = output.Length / shape.N;
        for (int n = 1; n < shape.N; n++)
            TestData.AssertSameBits(output.AsSpan(0, map), output.AsSpan(n * map, map), $"image {n} of {shape}");
    }

    /// <summary>Of any kind that a file may ask for: grouped, dilated, padded or cut unevenly.</summary>
    private Conv2dShape RandomShape(Random random)
    {
        while (true)
        {
            int extent = tiny ? 5 : 17;
            int h = random.Next(1, extent + 1), w = random.Next(1, extent + 1);
            int r = random.Next(1, tiny ? 4 : 8), s = random.Next(1, tiny ? 4 : 8);
            int strideH = random.Next(1, 4), strideW = random.Next(1, 4);
            int dilationH = TestData.Pick(random, 1, 1, 1, 2, 3), dilationW = TestData.Pick(random, 1, 1, 1, 2, 3);
            int padH = random.Next(-1, 4), padW = random.Next(-1, 4), padEndH = random.Next(-1, 4), padEndW = random.Next(-1, 4);
            int roomH = h + padH + padEndH - dilationH * (r - 1) - 1, roomW = w + padW + padEndW - dilationW * (s - 1) - 1;
            if (roomH < 0 || roomW < 0) continue;
            (int groups, int c, int k) = RandomChannels(random);
            return new Conv2dShape(
                random.Next(1, tiny ? 3 : 4), h, w, c, k, r, s, strideH, strideW, padH, padW,
                roomH / strideH + 1, roomW / strideW + 1, dilationH, dilationW, groups);
        }
    }

    /// <summary>Half of them in one group; the others in groups that fill tiles, do not, or are wider, depthwise ones among them.</summary>
    private (int Groups, int C, int K) RandomChannels(Random random)
    {
        if (random.Next(2) == 0)
        {
            int c = tiny ? TestData.Pick(random, 1, 3, 4, 5) : TestData.Pick(random, 1, 3, 4, 5, 8, 17, 32, 64);
            int k = tiny ? TestData.Pick(random, 1, 2, 7, 16) : TestData.Pick(random, 1, 2, 7, 16, 33, 64, 70);
            return (1, c, k);
        }
        int groups = tiny ? TestData.Pick(random, 2, 3, 5) : TestData.Pick(random, 2, 3, 5, 8, 20, 32);
        int groupC = tiny ? TestData.Pick(random, 1, 1, 2, 4) : TestData.Pick(random, 1, 1, 2, 3, 4, 8);
        int groupK = TestData.Pick(random, 1, 1, 2, 4, 8, 24, 40, 64, 128);
        int mostK = tiny ? 80 : 200;
        return (groups, groups * groupC, groups * Math.Min(groupK, mostK / groups));
    }

    private void Check(in Conv2dShape shape, Epilogue epilogue, int seed, bool residualIsOutput) =>
        Check(Conv2dCase.Make(shape, epilogue, seed), residualIsOutput);

    private void Check(Conv2dCase @case, bool residualIsOutput)
    {
        double[] expected = Oracle.Conv2d(
            @case.Shape, @case.Input, @case.Filter, @case.Scale, @case.Shift, @case.Residual, @case.Epilogue);
        float[] actual = Run(@case, residualIsOutput);
        TestData.AssertClose(expected, actual, @case.Tolerance, $"{@case}, residualIsOutput {residualIsOutput}");
    }

    private float[] Run(Conv2dCase @case, bool residualIsOutput) =>
        @case.Run(device, device.Kernels.Planner.FastestConv2d(@case.Shape, exact: true), residualIsOutput);
}

[TestClass, TestCategory(VectorWidthTests.Category)]
public sealed class CpuConv2dTests() : Conv2dTests(BackEnd.Cpu);

[TestClass]
public sealed class SimulatedNvidiaConv2dTests() : Conv2dTests(BackEnd.SimulatedNvidia);

[TestClass]
public sealed class SimulatedAmdConv2dTests() : Conv2dTests(BackEnd.SimulatedAmd);

[TestClass]
public sealed class PtxConv2dTests() : Conv2dTests(BackEnd.Ptx);

[TestClass, TestCategory("OpenCL")]
public sealed class OpenCLConv2dTests() : Conv2dTests(BackEnd.OpenCL);

[TestClass, TestCategory("Cuda")]
public sealed class CudaConv2dTests() : Conv2dTests(BackEnd.Cuda);
