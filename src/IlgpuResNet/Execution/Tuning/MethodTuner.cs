using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using ILGPU;
using ILGPU.Runtime;
using IlgpuResNet.Kernels;
using IlgpuResNet.Planning;

namespace IlgpuResNet.Execution;

/// <summary>Chooses kernels by a stopwatch: each convolution of a plan is computed by every kernel that may be the fastest, on memory of its own.</summary>
/// <param name="accelerator">The device.</param>
/// <param name="kernels">Its family; the caller sees to it that nobody else uses it meanwhile.</param>
internal sealed class MethodTuner(Accelerator accelerator, IKernelFamily kernels)
{
    /// <summary>So many are timed, of those that the model thinks the fastest: it ranks well what it does not know to the last percent.</summary>
    private const int MostCandidates = 12;

    /// <summary>Passes of which the fastest counts, each of as many launches as take this long together.</summary>
    private const int Passes = 3;
    private const double PassSeconds = 2e-3;
    private const int MostLaunches = 100;

    /// <summary>Bytes of the floats that are computed with: 0.747 each, because zeros would cost less power.</summary>
    private const byte Fill = 0x3f;

    private static readonly string LibraryVersion =
        typeof(MethodTuner).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";

    /// <summary>How each step of a plan is computed, the default where it is no convolution: from the file, or timed and then kept in it.</summary>
    /// <param name="plan">The steps.</param>
    /// <param name="numerics">What rounding errors are allowed.</param>
    /// <param name="device">Names the device with its driver.</param>
    /// <param name="file">Keeps what was found.</param>
    public ImmutableArray<Conv2dMethod> Choose(ExecutionPlan plan, Numerics numerics, string device, TuningFile file)
    {
        bool exact = numerics is Numerics.Exact;
        string key = $"{device}, library {LibraryVersion}";
        var shapes = new HashSet<Conv2dShape>();
        MethodSelector.ForConvolutions(plan, kernels.Planner.PrefersSingleImages, (_, shape) =>
        {
            shapes.Add(shape);
            return default;
        });
        var chosen = new Dictionary<Conv2dShape, Conv2dMethod>();
        foreach (Conv2dShape shape in shapes)
        {
            string? known = file[key, KeyOf(shape, exact)];
            // A name that no kernel of the shape has is as good as none.
            if (known is not null && Candidates(shape, exact).FirstOrDefault(kernel => kernel.ToString() == known) is var kernel && kernel.ToString() == known)
                chosen.Add(shape, kernel);
        }

        var found = new Dictionary<string, string>();
        foreach ((Conv2dShape shape, Conv2dMethod kernel) in Time(shapes.Where(shape => !chosen.ContainsKey(shape)), exact))
        {
            chosen.Add(shape, kernel);
            found.Add(KeyOf(shape, exact), kernel.ToString());
        }
        file.Save(key, found);
        return MethodSelector.ForConvolutions(plan, kernels.Planner.PrefersSingleImages, (_, shape) => chosen[shape]);
    }

    private Conv2dMethod[] Candidates(Conv2dShape shape, bool exact) => [.. MethodSelector.Candidates(kernels.Planner, shape, exact)];

    private IEnumerable<(Conv2dShape Shape, Conv2dMethod Fastest)> Time(IEnumerable<Conv2dShape> shapes, bool exact)
    {
        foreach (Conv2dShape shape in shapes)
        {
            Conv2dMethod[] candidates = Candidates(shape, exact);
            if (kernels.Planner.CostModel is { } model)
                candidates = [.. candidates.OrderBy(method => model.OfConv2d(shape, method, hasResidual: false).Seconds).Take(MostCandidates)];
            if (candidates.Length > 1)
            {
                Task.WhenAll(candidates.Select(kernel => kernels.LoadConv2d(shape, kernel))).GetAwaiter().GetResult();
                using MemoryBuffer1D<float, Stride1D.Dense> memory = Allocate(shape, candidates);
                candidates = [candidates.MinBy(kernel => Seconds(shape, kernel, memory.View.BaseView))];
            }
            yield return (shape, candidates[0]);
        }
    }

    private MemoryBuffer1D<float, Stride1D.Dense> Allocate(Conv2dShape shape, Conv2dMethod[] candidates)
    {
        long filter = candidates.Max(kernel => (long)kernels.Planner.PackedFilterLength(shape, kernel.Algorithm));
        long workspace = candidates.Max(kernel => kernels.Planner.WorkspaceLength(shape, kernel));
        MemoryBuffer1D<float, Stride1D.Dense> memory = accelerator.Allocate1D<float>(
            MemoryPlanner.Align(shape.InputLength) + MemoryPlanner.Align(shape.OutputLength) + MemoryPlanner.Align(filter) + MemoryPlanner.Align(shape.K) + workspace);
        memory.MemSet(accelerator.DefaultStream, Fill);
        return memory;
    }

    /// <summary>Seconds of one launch.</summary>
    private double Seconds(Conv2dShape shape, Conv2dMethod kernel, ArrayView<float> memory)
    {
        long used = 0;
        ArrayView<float> input = Take(shape.InputLength), output = Take(shape.OutputLength), channels = Take(shape.K);
        ArrayView<float> filter = Take(kernels.Planner.PackedFilterLength(shape, kernel.Algorithm)), workspace = Take(kernels.Planner.WorkspaceLength(shape, kernel));
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
            for (int i = 0; i < times; i++) kernels.Conv2d(accelerator.DefaultStream, shape, operands, new Epilogue(0, 0, 1), kernel, workspace);
            accelerator.DefaultStream.Synchronize();
            return Stopwatch.GetElapsedTime(start).TotalSeconds;
        }
    }

    private static string KeyOf(Conv2dShape shape, bool exact) => string.Create(
        CultureInfo.InvariantCulture,
        $"{shape.N}x{shape.H}x{shape.W}x{shape.C} to {shape.P}x{shape.Q}x{shape.K}, filter {shape.R}x{shape.S}, stride {shape.StrideH}x{shape.StrideW}, pad {shape.PadH}x{shape.PadW}, dilation {shape.DilationH}x{shape.DilationW}, groups {shape.Groups}{(exact ? ", exact" : "")}");
}
