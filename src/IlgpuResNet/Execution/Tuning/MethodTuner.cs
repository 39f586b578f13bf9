using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using ILGPU;
using ILGPU.Runtime;
using IlgpuResNet.Devices;
using IlgpuResNet.Kernels;
using IlgpuResNet.Planning;

namespace IlgpuResNet.Execution;

/// <summary>
/// Chooses the method of each convolution by a stopwatch, before a session's weights are packed: every method that may be the fastest
/// computes the convolution on memory of the tuner's own.
/// </summary>
/// <param name="accelerator">The device.</param>
/// <param name="kernels">Its kernels; nothing else may use them meanwhile.</param>
internal sealed class MethodTuner(Accelerator accelerator, IKernelFamily kernels)
{
    /// <summary>
    /// Most methods that are timed for a convolution: the model's fastest, since it ranks well, though not to the last percent.
    /// </summary>
    private const int MostCandidates = 12;

    /// <summary>Timed passes, of which the fastest counts.</summary>
    private const int Passes = 3;

    /// <summary>Time that the launches of one pass take together.</summary>
    private const double PassSeconds = 2e-3;

    /// <summary>Most launches of one pass.</summary>
    private const int MostLaunches = 100;

    /// <summary>Bytes of the floats that are computed with: 0.747 each, because zeros would cost less power.</summary>
    private const byte Fill = 0x3f;

    private static readonly string LibraryVersion =
        typeof(MethodTuner).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";

    private readonly IFamilyPlanner planner = kernels.Planner;

    /// <summary>Chooses the methods of a plan on an opened device, which runs nothing else meanwhile.</summary>
    /// <inheritdoc cref="Choose"/>
    public static ImmutableArray<Conv2dMethod> Tune(DeviceRuntime runtime, ExecutionPlan plan, Numerics numerics, TuningFile file)
    {
        runtime.WaitForKernels(Task.CompletedTask);
        using DeviceBinding binding = runtime.Bind();
        lock (runtime.Gate) return new MethodTuner(runtime.Accelerator, runtime.Kernels).Choose(plan, numerics, runtime.TuningKey, file);
    }

    /// <summary>
    /// The method of each step, the default where it is no convolution: as the file says, or timed and then kept in the file.
    /// </summary>
    /// <param name="plan">The steps.</param>
    /// <param name="numerics">Rounding errors that are allowed.</param>
    /// <param name="device">Names the device with its driver.</param>
    /// <param name="file">Keeps the fastest methods.</param>
    public ImmutableArray<Conv2dMethod> Choose(ExecutionPlan plan, Numerics numerics, string device, TuningFile file)
    {
        bool exact = numerics is Numerics.Exact;
        string key = $"{device}, library {LibraryVersion}";
        var shapes = new HashSet<Conv2dShape>();
        MethodSelector.ForConvolutions(plan, planner.PrefersSingleImages, (_, shape) =>
        {
            shapes.Add(shape);
            return default;
        });
        var chosen = new Dictionary<Conv2dShape, Conv2dMethod>();
        foreach (Conv2dShape shape in shapes)
        {
            // A name that fits no method of the shape is ignored.
            if (file[key, KeyOf(shape, exact)] is not { } known) continue;
            Conv2dMethod named = Candidates(shape, exact).FirstOrDefault(method => method.ToString() == known);
            if (named.ToString() == known) chosen.Add(shape, named);
        }

        var found = new Dictionary<string, string>();
        foreach ((Conv2dShape shape, Conv2dMethod method) in Time(shapes.Where(shape => !chosen.ContainsKey(shape)), exact))
        {
            chosen.Add(shape, method);
            found.Add(KeyOf(shape, exact), method.ToString());
        }
        file.Save(key, found);
        return MethodSelector.ForConvolutions(plan, planner.PrefersSingleImages, (_, shape) => chosen[shape]);
    }

    private Conv2dMethod[] Candidates(Conv2dShape shape, bool exact) => [.. MethodSelector.Candidates(planner, shape, exact)];

    private IEnumerable<(Conv2dShape Shape, Conv2dMethod Fastest)> Time(IEnumerable<Conv2dShape> shapes, bool exact)
    {
        foreach (Conv2dShape shape in shapes)
        {
            Conv2dMethod[] candidates = Candidates(shape, exact);
            if (planner.CostModel is { } model)
            {
                candidates =
                    [.. candidates.OrderBy(method => model.OfConv2d(shape, method, hasResidual: false).Seconds).Take(MostCandidates)];
            }
            if (candidates.Length > 1)
            {
                Task.WhenAll(candidates.Select(method => kernels.LoadConv2d(shape, method))).GetAwaiter().GetResult();
                using MemoryBuffer1D<float, Stride1D.Dense> memory = Allocate(shape, candidates);
                memory.MemSet(accelerator.DefaultStream, Fill);
                candidates = [candidates.MinBy(method => Seconds(shape, method, memory.View.BaseView))];
            }
            yield return (shape, candidates[0]);
        }
    }

    private MemoryBuffer1D<float, Stride1D.Dense> Allocate(Conv2dShape shape, Conv2dMethod[] candidates)
    {
        long filter = candidates.Max(method => (long)planner.PackedFilterLength(shape, method.Algorithm));
        long workspace = candidates.Max(method => planner.WorkspaceLength(shape, method));
        long operands = MemoryPlanner.Align(shape.InputLength) + MemoryPlanner.Align(shape.OutputLength)
            + MemoryPlanner.Align(filter) + MemoryPlanner.Align(shape.K);
        return accelerator.Allocate1D<float>(operands + workspace);
    }

    /// <summary>Seconds of one launch.</summary>
    private double Seconds(Conv2dShape shape, Conv2dMethod method, ArrayView<float> memory)
    {
        long used = 0;
        ArrayView<float> input = Take(shape.InputLength), output = Take(shape.OutputLength), channels = Take(shape.K);
        ArrayView<float> filter = Take(planner.PackedFilterLength(shape, method.Algorithm));
        ArrayView<float> workspace = Take(planner.WorkspaceLength(shape, method));
        var operands = new Operands(input, filter, channels, channels, default, output);
        double once = Pass(1);
        int launches = (int)Math.Clamp(PassSeconds / once, 1, MostLaunches);
        return Enumerable.Range(0, Passes).Min(_ => Pass(launches) / launches);

        ArrayView<float> Take(long length)
        {
            // ILGPU takes an empty view at the end of another for an error.
            ArrayView<float> view = length == 0 ? default : memory.SubView(used, length);
            used += MemoryPlanner.Align(length);
            return view;
        }

        double Pass(int times)
        {
            accelerator.DefaultStream.Synchronize();
            long start = Stopwatch.GetTimestamp();
            for (int i = 0; i < times; i++)
                kernels.Conv2d(accelerator.DefaultStream, shape, operands, new Epilogue(0, 0, 1), method, workspace);
            accelerator.DefaultStream.Synchronize();
            return Stopwatch.GetElapsedTime(start).TotalSeconds;
        }
    }

    private static string KeyOf(Conv2dShape shape, bool exact) => string.Create(
        CultureInfo.InvariantCulture,
        $"{shape.N}x{shape.H}x{shape.W}x{shape.C} to {shape.P}x{shape.Q}x{shape.K}, filter {shape.R}x{shape.S}, "
        + $"stride {shape.StrideH}x{shape.StrideW}, pad {shape.PadH}x{shape.PadW}, dilation {shape.DilationH}x{shape.DilationW}, "
        + $"groups {shape.Groups}{(exact ? ", exact" : "")}");
}
