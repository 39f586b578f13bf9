using IlgpuResNet.Kernels;

namespace IlgpuResNet.Tests;

/// <summary>Each activation in the epilogue of a point-wise step and of a convolution, against its definition in double.</summary>
public abstract class ActivationTests(BackEnd backEnd)
{
    private const int Seed = 31;

    private TestDevice device = null!;

    public TestContext TestContext { get; set; } = null!;

    [TestInitialize]
    public void OpenDevice() => device = TestDevice.Open(backEnd, TestContext);

    public static IEnumerable<object[]> Functions =>
    [
        [Activation.Sigmoid, 0f, 0f], [Activation.Silu, 0f, 0f], [Activation.HardSigmoid, 0.2f, 0.5f], [Activation.HardSwish, 0f, 0f],
        [Activation.LeakyRelu, 0.1f, 0f], [Activation.LeakyRelu, -0.5f, 0f], [Activation.PRelu, 0f, 0f], [Activation.Gelu, 0.5f, 0f],
        [Activation.GeluTanh, 0.5f, 0f], [Activation.Erf, 0f, 0f], [Activation.Tanh, 0f, 0f], [Activation.Sqrt, 0f, 0f],
        [Activation.Pow, 1.5f, 0f], [Activation.Exp, 0f, 0f], [Activation.Log, 0f, 0f],
    ];

    [TestMethod]
    [DynamicData(nameof(Functions))]
    public void Alone_it_matches_its_definition(int code, float alpha, float beta)
    {
        foreach (int channels in (int[])[8, 19])
        {
            CheckPointwise(pixels: 7, channels, new Epilogue(0, 0, 0, Activation: code, Alpha: alpha, Beta: beta));
            CheckPointwise(
                pixels: 3, channels, new Epilogue(1, 1, 0, HasClip: 1, -0.25f, 0.75f, Activation: code, Alpha: alpha, Beta: beta));
        }
    }

    /// <summary>Of a convolution whose reduction is one product, so that the sum is the input.</summary>
    [TestMethod]
    [DynamicData(nameof(Functions))]
    public void After_a_convolution_it_matches_its_definition(int code, float alpha, float beta)
    {
        if (code == Activation.PRelu) return;
        foreach (int channels in (int[])[5, 16])
        {
            Conv2dShape shape = Conv2dShape.Create(2, 3, 3, channels, channels, 1, 1, 1, 0, groups: channels);
            foreach (Conv2dMethod method in device.Kernels.Planner.Conv2dMethods(shape).Take(2))
            {
                CheckConv2d(shape, method, new Epilogue(0, 0, 0, Activation: code, Alpha: alpha, Beta: beta));
                CheckConv2d(
                    shape, method, new Epilogue(1, 0, 0, HasClip: 1, -0.25f, 0.75f, Activation: code, Alpha: alpha, Beta: beta));
            }
        }
    }

    [TestMethod]
    public void NaN_stays_NaN()
    {
        // A NaN's bits, which PTX leaves open, are compared there.
        if (backEnd is BackEnd.Ptx) Assert.Inconclusive("The interpreter's two engines may give a NaN another sign.");
        foreach (object[] function in Functions)
        {
            var epilogue = new Epilogue(0, 0, 0, Activation: (int)function[0], Alpha: (float)function[1], Beta: (float)function[2]);
            CheckPointwise(pixels: 2, channels: 5, epilogue, float.NaN);
        }
    }

    private static double Define(Epilogue epilogue, double slope, double x)
    {
        if (double.IsNaN(x)) return x;
        double alpha = epilogue.Alpha;
        double value = epilogue.Activation switch
        {
            Activation.Sigmoid => 1 / (1 + Math.Exp(-x)),
            Activation.Silu => x / (1 + Math.Exp(-x)),
            Activation.HardSigmoid => Math.Clamp(alpha * x + epilogue.Beta, 0, 1),
            Activation.HardSwish => x * Math.Clamp(x / 6 + 0.5, 0, 1),
            Activation.LeakyRelu => x < 0 ? alpha * x : x,
            Activation.PRelu => x < 0 ? slope * x : x,
            Activation.Gelu => alpha * x * (1 + Erf(x / Math.Sqrt(2))),
            Activation.GeluTanh => alpha * x * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x))),
            Activation.Erf => Erf(x),
            Activation.Tanh => Math.Tanh(x),
            Activation.Sqrt => Math.Sqrt(x),
            Activation.Pow => Math.Pow(x, alpha),
            Activation.Exp => Math.Exp(x),
            Activation.Log => Math.Log(x),
            _ => x,
        };
        return epilogue.HasClip == 0 || double.IsNaN(value) ? value : Math.Min(Math.Max(value, epilogue.ClipMin), epilogue.ClipMax);
    }

    /// <summary>The error function's series, which converges everywhere: 2 / sqrt(pi) sum of (-1)^n x^(2n + 1) / (n! (2n + 1)).</summary>
    private static double Erf(double x)
    {
        if (Math.Abs(x) > 5) return Math.Sign(x);
        double sum = 0, term = x;
        for (int n = 0; n < 200; n++)
        {
            sum += term / (2 * n + 1);
            term *= -x * x / (n + 1);
        }
        return 2 / Math.Sqrt(Math.PI) * sum;
    }

    /// <summary>
    /// Values up to 4 go in with a rounding or two, which slopes up to 6 amplify (x^1.5 has 3, exp(4) its own value); the error function
    /// has an error of 1.5e-7, times x.
    /// </summary>
    private static double Tolerance(Epilogue epilogue, double x) =>
        epilogue.Activation is Activation.Log or Activation.Sqrt
            ? 16 * TestData.Epsilon * (1 + (x > 0 ? 1 / x : 0))
            : 32 * TestData.Epsilon * Math.Max(1, epilogue.Activation == Activation.Exp ? Math.Exp(x) : Math.Abs(x));

    private static bool NeedsPositive(Epilogue epilogue) => epilogue.Activation is Activation.Sqrt or Activation.Pow or Activation.Log;

    private void CheckPointwise(int pixels, int channels, Epilogue epilogue, float special = 0.5f)
    {
        var random = new Random(Seed);
        float[] input = Values(random, pixels * channels, epilogue), scale = TestData.Uniform(random, channels);
        float[] shift = TestData.Uniform(random, channels), residual = TestData.Uniform(random, pixels * channels);
        float[] slopes = TestData.Uniform(random, channels);
        if (NeedsPositive(epilogue)) (scale, shift, residual) = (Positive(scale), Positive(shift), Positive(residual));
        input[input.Length / 2] = special;
        double[] before = Oracle.Pointwise(
            channels, input, scale, shift, epilogue.HasResidual != 0 ? residual : null, epilogue with { HasClip = 0 });
        using var x = GuardedBuffer.Input(device.Accelerator, input);
        using var s = GuardedBuffer.Input(device.Accelerator, scale);
        using var t = GuardedBuffer.Input(device.Accelerator, shift);
        using var r = GuardedBuffer.Input(device.Accelerator, residual);
        using var a = GuardedBuffer.Input(device.Accelerator, slopes);
        using var y = GuardedBuffer.Output(device.Accelerator, pixels * channels);
        device.Kernels.Pointwise(device.Stream, pixels, channels, new Operands(x.View, a.View, s.View, t.View, r.View, y.View), epilogue);
        device.Stream.Synchronize();
        Compare(before, y.Read(), epilogue, i => slopes[i % channels], $"[{pixels}, {channels}], {epilogue}, seed {Seed}");
    }

    private void CheckConv2d(Conv2dShape shape, Conv2dMethod method, Epilogue epilogue)
    {
        var random = new Random(Seed);
        int channels = shape.K, length = (int)shape.OutputLength;
        float[] input = Values(random, length, epilogue), filter = [.. Enumerable.Repeat(1f, channels)];
        float[] scale = TestData.Uniform(random, channels), shift = TestData.Uniform(random, channels);
        float[] residual = TestData.Uniform(random, length);
        if (NeedsPositive(epilogue)) (scale, shift, residual) = (Positive(scale), Positive(shift), Positive(residual));
        double[] before = Oracle.Conv2d(
            shape, input, filter, scale, shift, epilogue.HasResidual != 0 ? residual : null, epilogue with { HasClip = 0 });
        float[] packed = new float[device.Kernels.Planner.PackedFilterLength(shape, method.Algorithm)];
        device.Kernels.PackFilter(shape, filter, packed, method.Algorithm);
        using var x = GuardedBuffer.Input(device.Accelerator, input);
        using var f = GuardedBuffer.Input(device.Accelerator, packed);
        using var s = GuardedBuffer.Input(device.Accelerator, scale);
        using var t = GuardedBuffer.Input(device.Accelerator, shift);
        using var r = GuardedBuffer.Input(device.Accelerator, residual);
        using var y = GuardedBuffer.Output(device.Accelerator, length);
        long needed = device.Kernels.Planner.WorkspaceLength(shape, method);
        using var workspace = GuardedBuffer.Output(device.Accelerator, (int)Math.Max(needed, 1));
        device.Kernels.Conv2d(
            device.Stream, shape, new Operands(x.View, f.View, s.View, t.View, r.View, y.View), epilogue, method, workspace.View);
        device.Stream.Synchronize();
        Compare(before, y.Read(), epilogue, _ => 0, $"{shape}, {method}, {epilogue}, seed {Seed}");
    }

    private static void Compare(double[] before, float[] actual, Epilogue epilogue, Func<int, double> slopeOf, string message)
    {
        Assert.HasCount(before.Length, actual, message);
        for (int i = 0; i < before.Length; i++)
        {
            double expected = Define(epilogue, slopeOf(i), before[i]), allowed = Tolerance(epilogue, before[i]);
            bool matches = double.IsNaN(expected) ? float.IsNaN(actual[i]) : Math.Abs(expected - actual[i]) <= allowed;
            if (!matches)
                Assert.Fail($"{message}: element {i} of {before[i]:R} is {actual[i]:R}, expected {expected:R} within {allowed:E2}");
        }
    }

    /// <summary>Values in [-4, 4), or in [0.25, 4) for a function of positive numbers.</summary>
    private static float[] Values(Random random, int length, Epilogue epilogue) =>
        [.. TestData.Uniform(random, length).Select(value => NeedsPositive(epilogue) ? Math.Max(Math.Abs(4 * value), 0.25f) : 4 * value)];

    private static float[] Positive(float[] values) => [.. values.Select(value => Math.Max(Math.Abs(value), 0.25f))];
}

[TestClass, TestCategory(VectorWidthTests.Category)]
public sealed class CpuActivationTests() : ActivationTests(BackEnd.Cpu);

[TestClass]
public sealed class SimulatedNvidiaActivationTests() : ActivationTests(BackEnd.SimulatedNvidia);

[TestClass]
public sealed class SimulatedAmdActivationTests() : ActivationTests(BackEnd.SimulatedAmd);

[TestClass]
public sealed class PtxActivationTests() : ActivationTests(BackEnd.Ptx);

[TestClass, TestCategory("OpenCL")]
public sealed class OpenCLActivationTests() : ActivationTests(BackEnd.OpenCL);

[TestClass, TestCategory("Cuda")]
public sealed class CudaActivationTests() : ActivationTests(BackEnd.Cuda);
