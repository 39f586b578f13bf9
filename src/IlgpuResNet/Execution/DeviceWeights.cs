using System.Collections.Immutable;
using ILGPU;
using ILGPU.Runtime;
using IlgpuResNet.Devices;
using IlgpuResNet.Graphs;
using IlgpuResNet.Kernels;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Execution;

/// <summary>The constants of one epilogue node on a device.</summary>
/// <param name="Filter">Packed filter; empty for point-wise nodes.</param>
/// <param name="Scale">Per channel factor <c>[K]</c>.</param>
/// <param name="Shift">Per channel summand <c>[K]</c>.</param>
/// <param name="Algorithm">What the filter is packed for.</param>
internal readonly record struct NodeWeights(ArrayView<float> Filter, ArrayView<float> Scale, ArrayView<float> Shift, Conv2dAlgorithm Algorithm);

/// <summary>All weights of a graph in one device allocation, packed as the device's kernels read them.</summary>
internal sealed class DeviceWeights : IDisposable
{
    private readonly MemoryBuffer1D<float, Stride1D.Dense> buffer;
    private readonly Dictionary<string, NodeWeights> nodes = [];

    private DeviceWeights(MemoryBuffer1D<float, Stride1D.Dense> buffer) => this.buffer = buffer;

    /// <summary>One line per tensor that holds a NaN or an infinity.</summary>
    public ImmutableArray<string> Warnings { get; private set; } = [];

    /// <summary>
    /// The algorithm of each step, direct where it is no convolution. Chosen for one image whatever the batch, so that an image's
    /// result depends neither on how many others run with it nor on how many the session could take.
    /// </summary>
    public static ImmutableArray<Conv2dAlgorithm> ChooseAlgorithms(IKernelFamily kernels, ExecutionPlan plan, Numerics numerics)
    {
        return [.. plan.Steps.Select(Choose)];

        Conv2dAlgorithm Choose(PlanStep step) => numerics is Numerics.Exact || step.Node is not Conv2dNode
            ? Conv2dAlgorithm.Direct
            : kernels.FastestConv2d(BoundStep.ConvShape(step));
    }

    /// <summary>Packs and uploads the weights of some steps.</summary>
    /// <exception cref="DeviceException">They do not fit the device, or this machine while they are packed.</exception>
    public static DeviceWeights Create(DeviceRuntime runtime, string name, IEnumerable<PlanStep> steps, IEnumerable<Conv2dAlgorithm> algorithms)
    {
        try
        {
            return Pack(runtime, name, steps, algorithms);
        }
        catch (Exception e) when (e is OutOfMemoryException or OverflowException)
        {
            throw new DeviceException($"{runtime.Device.Id}: the weights of {name} cannot be packed: {DeviceRuntime.FirstLine(e)} Use a smaller network.", e);
        }
    }

    private static DeviceWeights Pack(DeviceRuntime runtime, string name, IEnumerable<PlanStep> steps, IEnumerable<Conv2dAlgorithm> algorithms)
    {
        var layouts = new List<(EpilogueNode Node, Conv2dShape Shape, Conv2dAlgorithm Algorithm, StateTensor? Filter, int FilterLength, int Channels)>();
        long total = 0;
        foreach ((PlanStep step, Conv2dAlgorithm algorithm) in steps.Zip(algorithms))
        {
            if (step.Node is not EpilogueNode node) continue;
            StateTensor? filter = node.Filter;
            Conv2dShape shape = BoundStep.ConvShape(step);
            int channels = step.Output.Shape.C;
            int length = filter is null ? 0 : runtime.Kernels.PackedFilterLength(shape, algorithm);
            layouts.Add((node, shape, algorithm, filter, length, channels));
            total += MemoryPlanner.Align(length) + 2 * MemoryPlanner.Align(channels);
        }

        var weights = new DeviceWeights(runtime.Allocate(Math.Max(total, 1), $"the weights of {name}"));
        try
        {
            var warnings = ImmutableArray.CreateBuilder<string>();
            // Two host buffers, reused by every layer: the file is read once and never held as a whole.
            float[] host = new float[layouts.Select(layout => layout.Filter?.Count ?? 0).DefaultIfEmpty().Max()];
            float[] packed = new float[layouts.Select(layout => Math.Max(layout.FilterLength, layout.Channels)).DefaultIfEmpty().Max()];
            long offset = 0;
            foreach ((EpilogueNode node, Conv2dShape shape, Conv2dAlgorithm algorithm, StateTensor? filter, int filterLength, int channels) in layouts)
            {
                if (filter is not null)
                {
                    Span<float> values = host.AsSpan(0, (int)filter.Count);
                    filter.CopyTo(values);
                    if (NonFinite.Any(values)) warnings.Add($"{Message.Clean(filter.Name)} holds NaN or infinite values; every answer of the network may be NaN.");
                    runtime.Kernels.PackFilter(shape, values, packed.AsSpan(0, filterLength), algorithm);
                }
                ArrayView<float> filterView = weights.Upload(packed.AsSpan(0, filterLength), ref offset);
                ArrayView<float> scale = weights.Upload(ToFloats(node.Epilogue.Scale, 1, packed.AsSpan(0, channels)), ref offset);
                bool nonFinite = NonFinite.Any(packed.AsSpan(0, channels));
                ArrayView<float> shift = weights.Upload(ToFloats(node.Epilogue.Shift, 0, packed.AsSpan(0, channels)), ref offset);
                if (nonFinite || NonFinite.Any(packed.AsSpan(0, channels)))
                    warnings.Add($"the bias or batch norm after {Message.Clean(node.Name)} holds NaN or infinite values; every answer of the network may be NaN.");
                weights.nodes.Add(node.Output, new NodeWeights(filterView, scale, shift, algorithm));
            }
            weights.Warnings = warnings.DrainToImmutable();
            return weights;
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    public NodeWeights this[Node node] => nodes[node.Output];

    /// <summary>How a node is computed; direct where it has no weights.</summary>
    public Conv2dAlgorithm AlgorithmOf(Node node) => nodes.GetValueOrDefault(node.Output).Algorithm;

    public void Dispose() => buffer.Dispose();

    private static ReadOnlySpan<float> ToFloats(ImmutableArray<double>? values, float otherwise, Span<float> destination)
    {
        destination.Fill(otherwise);
        for (int i = 0; i < values?.Length; i++) destination[i] = (float)values.Value[i];
        return destination;
    }

    private ArrayView<float> Upload(ReadOnlySpan<float> values, ref long offset)
    {
        ArrayView<float> view = buffer.View.BaseView.SubView(offset, values.Length);
        if (values.Length > 0) view.CopyFromCPU(buffer.Accelerator.DefaultStream, values);
        offset += MemoryPlanner.Align(values.Length);
        return view;
    }
}
