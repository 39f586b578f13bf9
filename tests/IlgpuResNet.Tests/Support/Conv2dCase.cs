using ILGPU;
using ILGPU.Runtime;
using IlgpuResNet.Kernels;

namespace IlgpuResNet.Tests;

/// <summary>One convolution with its data.</summary>
internal sealed record Conv2dCase(
    Conv2dShape Shape, Epilogue Epilogue, int Seed,
    float[] Input, float[] Filter, float[] Scale, float[] Shift, float[]? Residual)
{
    /// <summary>
    /// Rounding of a sum of GemmK products in any order, scaled, and rounding of the epilogue's few operations on
    /// values no larger than the sum of the largest magnitudes.
    /// </summary>
    public double Tolerance
    {
        get
        {
            double product = TestData.MaxMagnitude(Input) * TestData.MaxMagnitude(Filter) * TestData.MaxMagnitude(Scale);
            double epilogue = TestData.MaxMagnitude(Shift) + TestData.MaxMagnitude(Residual);
            return 4 * TestData.Epsilon * (Shape.GemmK * product + epilogue);
        }
    }

    public static Conv2dCase Make(in Conv2dShape shape, Epilogue epilogue, int seed)
    {
        var random = new Random(seed);
        return new Conv2dCase(
            shape, epilogue, seed,
            TestData.Uniform(random, shape.N * shape.H * shape.W * shape.C),
            TestData.Uniform(random, shape.GemmK * shape.K),
            TestData.Uniform(random, shape.K),
            TestData.Uniform(random, shape.K),
            epilogue.HasResidual != 0 ? TestData.Uniform(random, shape.GemmM * shape.K) : null);
    }

    /// <summary>Fails unless a kernel of the tiled family agrees with the oracle and, run twice, with itself to the last bit.</summary>
    public void Check(TestDevice device, Conv2dMethod kernel, bool residualIsOutput = false, bool twice = true)
    {
        double[] expected = Oracle.Conv2d(Shape, Input, Filter, Scale, Shift, Residual, Epilogue);
        float[] actual = Run(device, kernel, residualIsOutput);
        // Values below 1. Winograd's is a sum of C products of transformed values, scaled; a shift and a residual.
        double tolerance = kernel.Algorithm is Conv2dAlgorithm.Direct
            ? Tolerance
            : 4 * TestData.Epsilon * (Shape.C * WinogradBound.Amplification(kernel.Algorithm) + 2);
        TestData.AssertClose(expected, actual, tolerance, $"{this}, {kernel}, residualIsOutput {residualIsOutput}");
        if (twice) TestData.AssertSameBits(actual, Run(device, kernel, residualIsOutput), $"{this}, {kernel}: two runs");
    }

    /// <summary>Result of a device, its memory guarded on all sides.</summary>
    public float[] Run(TestDevice device, Conv2dMethod kernel, bool residualIsOutput)
    {
        Accelerator accelerator = device.Accelerator;
        float[] packed = new float[device.Kernels.Planner.PackedFilterLength(Shape, kernel.Algorithm)];
        packed.AsSpan().Fill(float.NaN);
        device.Kernels.PackFilter(Shape, Filter, packed, kernel.Algorithm);
        Assert.DoesNotContain(float.NaN, packed, $"{this}, {kernel}: PackFilter left an element unwritten");

        using var input = GuardedBuffer.Input(accelerator, Input);
        using var filter = GuardedBuffer.Input(accelerator, packed);
        using var scale = GuardedBuffer.Input(accelerator, Scale);
        using var shift = GuardedBuffer.Input(accelerator, Shift);
        using var residual = Residual is { } values ? GuardedBuffer.Input(accelerator, values) : null;
        using var separate = GuardedBuffer.Output(accelerator, Shape.GemmM * Shape.K);
        using var workspace = GuardedBuffer.Output(accelerator, (int)device.Kernels.Planner.WorkspaceLength(Shape, kernel));
        GuardedBuffer output = residualIsOutput ? residual! : separate;

        device.Kernels.Conv2d(
            device.Stream, Shape,
            new Operands(input.View, filter.View, scale.View, shift.View, residual?.View ?? ArrayView<float>.Empty, output.View),
            Epilogue, kernel, workspace.View);
        device.Stream.Synchronize();

        TestData.AssertSameBits(Input, input.Read(), $"{this}, {kernel}: input changed");
        TestData.AssertSameBits(packed, filter.Read(), $"{this}, {kernel}: filter changed");
        workspace.Read();
        return output.Read();
    }

    public override string ToString() => $"{Shape}, {Epilogue}, seed {Seed}";
}
