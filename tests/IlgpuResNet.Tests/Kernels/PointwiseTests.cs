using ILGPU;
using IlgpuResNet.Kernels;

namespace IlgpuResNet.Tests;

/// <summary>The epilogue as an operator of its own, against the oracle.</summary>
public abstract class PointwiseTests(BackEnd backEnd)
{
    private TestDevice device = null!;

    public TestContext TestContext { get; set; } = null!;

    [TestInitialize]
    public void OpenDevice() => device = TestDevice.Open(backEnd, TestContext);

    [TestMethod]
    [DataRow(0, 0, 0, false)]
    [DataRow(0, 0, 1, false)]
    [DataRow(0, 1, 0, false)]
    [DataRow(1, 0, 0, false)]
    [DataRow(1, 0, 1, true)]
    [DataRow(1, 1, 0, true)]
    [DataRow(1, 1, 1, false)]
    public void Every_epilogue_matches_the_oracle(int hasResidual, int reluBeforeAdd, int relu, bool residualIsOutput)
    {
        foreach (int pixels in (int[])[1, 2, 7, 50])
            foreach (int channels in (int[])[1, 3, 8, 17, 64, 70])
                Check(pixels, channels, new Epilogue(hasResidual, reluBeforeAdd, relu), residualIsOutput, float.NaN);
    }

    /// <summary>Inside the values' range, on one side of it, open on a side, and with bounds that have changed places.</summary>
    [TestMethod]
    [DataRow(0f, 6f)]
    [DataRow(-0.25f, 0.5f)]
    [DataRow(0.125f, 0.25f)]
    [DataRow(float.NegativeInfinity, -0.5f)]
    [DataRow(-0.5f, float.PositiveInfinity)]
    [DataRow(0.5f, -0.25f)]
    public void Every_clip_matches_the_oracle(float min, float max)
    {
        float[] specials = [float.NaN, float.PositiveInfinity, float.NegativeInfinity];
        for (int flags = 0; flags < 8; flags++)
            foreach (int channels in (int[])[16, 19])
                Check(
                    pixels: 5, channels, new Epilogue(flags & 1, flags >> 1 & 1, flags >> 2, HasClip: 1, min, max),
                    residualIsOutput: flags % 2 != 0, specials[flags % specials.Length]);
    }

    [TestMethod]
    public void Infinity_and_NaN_come_out_as_in_the_oracle()
    {
        foreach (float special in (float[])[float.NaN, float.PositiveInfinity, float.NegativeInfinity])
            Check(pixels: 5, channels: 19, new Epilogue(HasResidual: 0, ReluBeforeAdd: 0, Relu: 1), residualIsOutput: false, special);
    }

    private void Check(int pixels, int channels, Epilogue epilogue, bool residualIsOutput, float special)
    {
        const int Seed = 11;
        var random = new Random(Seed);
        float[] inputValues = TestData.Uniform(random, pixels * channels);
        float[] scaleValues = TestData.Uniform(random, channels);
        float[] shiftValues = TestData.Uniform(random, channels);
        float[]? residualValues = epilogue.HasResidual != 0 ? TestData.Uniform(random, pixels * channels) : null;
        inputValues[inputValues.Length / 2] = special;
        string message = $"[{pixels}, {channels}], {epilogue}, residualIsOutput {residualIsOutput}, seed {Seed}";

        using var input = GuardedBuffer.Input(device.Accelerator, inputValues);
        using var scale = GuardedBuffer.Input(device.Accelerator, scaleValues);
        using var shift = GuardedBuffer.Input(device.Accelerator, shiftValues);
        using var residual = residualValues is null ? null : GuardedBuffer.Input(device.Accelerator, residualValues);
        using var separate = GuardedBuffer.Output(device.Accelerator, pixels * channels);
        GuardedBuffer output = residualIsOutput ? residual! : separate;
        device.Kernels.Pointwise(
            device.Stream, pixels, channels,
            new Operands(
                input.View, ArrayView<float>.Empty, scale.View, shift.View, residual?.View ?? ArrayView<float>.Empty, output.View),
            epilogue);
        device.Stream.Synchronize();

        // Three roundings of values below 3 in magnitude: inputs, scale, shift and residual are below 1.
        const double Tolerance = 4 * TestData.Epsilon * 3;
        double[] expected = Oracle.Pointwise(channels, inputValues, scaleValues, shiftValues, residualValues, epilogue);
        TestData.AssertClose(expected, output.Read(), Tolerance, message);
        TestData.AssertSameBits(inputValues, input.Read(), $"{message}: input changed");
    }
}

[TestClass, TestCategory(VectorWidthTests.Category)]
public sealed class CpuPointwiseTests() : PointwiseTests(BackEnd.Cpu);

[TestClass]
public sealed class SimulatedNvidiaPointwiseTests() : PointwiseTests(BackEnd.SimulatedNvidia);

[TestClass]
public sealed class SimulatedAmdPointwiseTests() : PointwiseTests(BackEnd.SimulatedAmd);

[TestClass]
public sealed class PtxPointwiseTests() : PointwiseTests(BackEnd.Ptx);

[TestClass, TestCategory("OpenCL")]
public sealed class OpenCLPointwiseTests() : PointwiseTests(BackEnd.OpenCL);

[TestClass, TestCategory("Cuda")]
public sealed class CudaPointwiseTests() : PointwiseTests(BackEnd.Cuda);
