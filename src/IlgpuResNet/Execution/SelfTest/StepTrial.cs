using System.Diagnostics.CodeAnalysis;
using ILGPU;
using ILGPU.Runtime;
using IlgpuResNet.Devices;
using IlgpuResNet.Graphs;
using IlgpuResNet.Kernels;
using IlgpuResNet.Pixels;
using IlgpuResNet.Planning;

namespace IlgpuResNet.Execution;

/// <summary>One step of a plan, computed on random numbers by a device and by the processor.</summary>
/// <remarks>
/// Tolerances are those of the kernels' tests against an oracle in double: 4 x 2⁻²³ x the number of roundings x the largest magnitude. Both
/// sides round, so theirs are added.
/// </remarks>
internal sealed class StepTrial
{
    /// <summary>
    /// Growth of |Aᵀ| (|G| 1 ⊙ |Bᵀ| 1), squared for two dimensions, of Winograd's algorithms: what the sum of a channel can reach where
    /// the direct sum reaches 9.
    /// </summary>
    internal const double GrowthF2 = 64, GrowthF4 = 564, GrowthStride2 = 25;

    /// <summary>Four times the distance from 1 to the next float.</summary>
    private const double Rounding = 4.0 / (1 << 23);

    /// <summary>Operations of an epilogue: scale, shift and residual.</summary>
    private const int EpilogueRoundings = 3;

    /// <summary>Softmax: a rounded difference stands in an exponent, which is below this; a result below a normal float may be 0.</summary>
    private const double ExponentRange = 88, SmallestNormal = 1.17549435e-38;

    /// <summary>Logits reach from minus to plus this.</summary>
    private const float LargestLogit = 20;

    private const int Seed = 1, ImageWidth = 333, ImageHeight = 251;

    private readonly PlanStep step;
    private readonly Conv2dMethod method;
    private readonly int images;
    private readonly Conv2dShape shape;

    /// <param name="step">The step.</param>
    /// <param name="method">The device's method where it is a convolution.</param>
    /// <param name="images">Images that are computed.</param>
    public StepTrial(PlanStep step, Conv2dMethod method, int images)
    {
        (this.step, this.method, this.images) = (step, method, images);
        if (step.IsConvolution) shape = StepShapes.Conv2d(step) with { N = images };
    }

    /// <summary>Equal for two steps that launch the same kernels on the same problem.</summary>
    public string Key => step.Node is EpilogueNode { Epilogue: var epilogue }
        ? $"{step.Operation} {Shape} {Method} {epilogue with { Scale = null, Shift = null }}"
        : $"{step.Operation} {Shape}";

    private string Method => !step.IsConvolution ? "" : method.Tile == default ? method.Algorithm.ToString() : method.ToString();

    private string Shape => step.IsConvolution
        ? $"{images} x {step.Input.Shape} -> {step.Output.Shape}, {shape.R}x{shape.S}, stride {shape.StrideH}, groups {shape.Groups}"
        : $"{images} x {step.Input.Shape} -> {step.Output.Shape}";

    /// <summary>True of the operators of plain ResNets, whose operands and tolerances a trial knows.</summary>
    public static bool Covers(PlanStep step) => step.Node switch
    {
        EpilogueNode { Epilogue.Activation: not null } => false,
        Conv2dNode or LinearNode or PointwiseNode or Pool2dNode or SoftmaxNode => true,
        _ => false,
    };

    /// <summary>True when a preset prepares images of a network's size.</summary>
    public static bool PresetMakesInput(ImagePreset preset, MapShape input) =>
        input == new MapShape(preset.InputHeight, preset.InputWidth, ImageResampling.Channels);

    /// <summary>The kernels that resize an image: both sides have the same bits.</summary>
    [RequiresDynamicCode(DynamicCode.Reason), RequiresUnreferencedCode(DynamicCode.Reason)]
    public static KernelTest Resize(ComputeDevice device, ImagePreset preset)
    {
        string size = $"{ImageWidth}x{ImageHeight} -> {preset.InputWidth}x{preset.InputHeight}";
        byte[] pixels = new byte[ImageResampling.Channels * ImageWidth * ImageHeight];
        new Random(Seed).NextBytes(pixels);
        return Test("resize", size, "", _ => 0, device, Compute, Compute);

        float[] Compute(DeviceRuntime runtime) => Prepare(runtime, preset, new PixelSpan(pixels, ImageWidth, ImageHeight));
    }

    /// <summary>Computes and compares.</summary>
    [RequiresDynamicCode(DynamicCode.Reason), RequiresUnreferencedCode(DynamicCode.Reason)]
    public KernelTest Run(ComputeDevice device) => Test(
        // The reference computes every product of the definition.
        step.Operation, Shape, Method, Tolerance(), device, runtime => Compute(runtime, default), runtime => Compute(runtime, method));

    /// <summary>Compares a device with the processor. A failure of the device is its result.</summary>
    [RequiresDynamicCode(DynamicCode.Reason), RequiresUnreferencedCode(DynamicCode.Reason)]
    private static KernelTest Test(
        string operation, string shape, string method, Func<float, double> tolerance, ComputeDevice device,
        Func<DeviceRuntime, float[]> reference, Func<DeviceRuntime, float[]> compute)
    {
        float[] expected = On(ComputeDevice.Reference, reference);
        try
        {
            return KernelTest.Compare(operation, shape, method, expected, On(device, compute), tolerance);
        }
        catch (ResNetException e)
        {
            return new KernelTest(operation, shape, method, double.PositiveInfinity, 0, e.Message);
        }
    }

    [RequiresDynamicCode(DynamicCode.Reason), RequiresUnreferencedCode(DynamicCode.Reason)]
    private static float[] On(ComputeDevice device, Func<DeviceRuntime, float[]> compute)
    {
        DeviceRuntime runtime = device.Acquire();
        try
        {
            using DeviceBinding binding = runtime.Bind();
            lock (runtime.Gate) return compute(runtime);
        }
        catch (Exception e) when (e is not ResNetException)
        {
            throw runtime.Failed($"a kernel failed: {DeviceRuntime.FirstLine(e)}", e);
        }
        finally
        {
            runtime.Release();
        }
    }

    private static float[] Prepare(DeviceRuntime runtime, ImagePreset preset, PixelSpan image)
    {
        runtime.WaitForKernels(Task.CompletedTask);
        AcceleratorStream stream = runtime.Accelerator.DefaultStream;
        var memory = new TrialMemory(runtime);
        Preprocessor? preprocessor = null;
        try
        {
            preprocessor = new Preprocessor(runtime.Accelerator, stream, preset, runtime.Kernels);
            float[] result = new float[ImageResampling.Channels * preset.InputHeight * preset.InputWidth];
            ArrayView<float> output = memory.Allocate(result.Length);
            runtime.Kernels.BeginSequence();
            preprocessor.BeginSequence();
            preprocessor.Upload(image, output, 0);
            runtime.Kernels.EndSequence(stream);
            output.CopyToCPU(stream, result);
            return result;
        }
        finally
        {
            // The copies of a failed trial must end before their memory goes.
            runtime.Free(stream.Synchronize);
            runtime.Free(() => preprocessor?.Dispose());
            memory.Free();
        }
    }

    private Func<float, double> Tolerance() => step.Node switch
    {
        Conv2dNode or LinearNode => Constant(Bound(method.Algorithm) + Bound(Conv2dAlgorithm.Direct)),
        PointwiseNode => Constant(2 * Rounding * EpilogueRoundings),
        Pool2dNode { Kind: PoolKind.Max } => Constant(0),
        Pool2dNode pool => Constant(2 * Rounding * WindowOf(pool)),
        _ => expected => 2 * (Rounding * (ExponentRange + step.Output.Shape.C) * expected + SmallestNormal),
    };

    private double Bound(Conv2dAlgorithm algorithm) => Rounding * EpilogueRoundings + Rounding * algorithm switch
    {
        Conv2dAlgorithm.WinogradF2 => shape.C * GrowthF2,
        Conv2dAlgorithm.WinogradF4 => shape.C * GrowthF4,
        Conv2dAlgorithm.WinogradStride2 => shape.C * GrowthStride2,
        _ => shape.GemmK,
    };

    private int WindowOf(Pool2dNode pool)
    {
        Pool2dShape window = StepShapes.Pool2d(pool, step.Input.Shape);
        return window.R * window.S;
    }

    private static Func<float, double> Constant(double tolerance) => _ => tolerance;

    private float[] Compute(DeviceRuntime runtime, Conv2dMethod used)
    {
        StepOperator[] operation = [StepOperator.Of(step, used, images)];
        runtime.WaitForKernels(StepOperator.LoadAsync(runtime.Kernels, operation));
        AcceleratorStream stream = runtime.Accelerator.DefaultStream;
        var memory = new TrialMemory(runtime);
        try
        {
            var random = new Random(Seed);
            int channels = step.Output.Shape.C;
            float range = step.Node is SoftmaxNode ? LargestLogit : 1;
            ArrayView<float> input = memory.Upload(Uniform(random, images * step.Input.Shape.Count, range));
            ArrayView<float> scale = memory.Upload(Uniform(random, channels, 1)), shift = memory.Upload(Uniform(random, channels, 1));
            float[] result = new float[images * step.Output.Shape.Count];
            ArrayView<float> residual = step.Residual is null ? default : memory.Upload(Uniform(random, result.Length, 1));
            ArrayView<float> filter = step.IsConvolution ? memory.Upload(Packed(runtime, random, used.Algorithm)) : default;
            ArrayView<float> workspace = memory.Allocate(StepOperator.WorkspaceLength(runtime.Kernels.Planner, operation));
            ArrayView<float> output = memory.Allocate(result.Length);
            runtime.Kernels.BeginSequence();
            operation[0].Launch(runtime.Kernels, stream, new Operands(input, filter, scale, shift, residual, output), workspace, images);
            runtime.Kernels.EndSequence(stream);
            output.CopyToCPU(stream, result);
            return result;
        }
        finally
        {
            runtime.Free(stream.Synchronize);
            memory.Free();
        }
    }

    private float[] Packed(DeviceRuntime runtime, Random random, Conv2dAlgorithm algorithm)
    {
        float[] packed = new float[runtime.Kernels.Planner.PackedFilterLength(shape, algorithm)];
        runtime.Kernels.PackFilter(shape, Uniform(random, (long)shape.K * shape.GemmK, 1), packed, algorithm);
        return packed;
    }

    private static float[] Uniform(Random random, long length, float range)
    {
        float[] values = new float[length];
        for (int i = 0; i < values.Length; i++) values[i] = (random.NextSingle() * 2 - 1) * range;
        return values;
    }

    /// <summary>The memory of one trial.</summary>
    private sealed class TrialMemory(DeviceRuntime runtime)
    {
        private readonly List<DeviceMemory> pieces = [];

        public ArrayView<float> Allocate(long length)
        {
            if (length == 0) return default;
            DeviceMemory piece = runtime.Allocate(length, "a test of a kernel");
            pieces.Add(piece);
            return piece.View;
        }

        public ArrayView<float> Upload(float[] values)
        {
            ArrayView<float> view = Allocate(values.Length);
            view.CopyFromCPU(runtime.Accelerator.DefaultStream, values);
            return view;
        }

        public void Free()
        {
            foreach (DeviceMemory piece in pieces) runtime.Free(piece.Dispose);
        }
    }
}
