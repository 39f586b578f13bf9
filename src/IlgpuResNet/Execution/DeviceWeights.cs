using System.Collections.Immutable;
using System.Diagnostics;
using System.Runtime.InteropServices;
using ILGPU;
using ILGPU.Runtime;
using IlgpuResNet.Devices;
using IlgpuResNet.Files;
using IlgpuResNet.Graphs;
using IlgpuResNet.Kernels;
using IlgpuResNet.Planning;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Execution;

/// <summary>The constants of one epilogue node on a device.</summary>
/// <param name="Filter">Packed filter, the slopes of a PReLU, or the indices of a selection; else empty.</param>
/// <param name="Scale">Per channel factor <c>[K]</c>.</param>
/// <param name="Shift">Per channel summand <c>[K]</c>.</param>
internal readonly record struct NodeWeights(ArrayView<float> Filter, ArrayView<float> Scale, ArrayView<float> Shift);

/// <summary>
/// All weights of a graph in one device allocation, packed as the device's kernels read them. <see cref="SharedWeights"/> makes them once
/// for all sessions of a device; runs only read them.
/// </summary>
internal sealed class DeviceWeights : IDisposable
{
    private readonly DeviceRuntime runtime;
    private readonly DeviceMemory memory;
    private readonly Dictionary<string, NodeWeights> nodes = [];

    private DeviceWeights(DeviceRuntime runtime, DeviceMemory memory)
    {
        this.runtime = runtime;
        this.memory = memory;
    }

    /// <summary>One line per tensor that holds a NaN or an infinity.</summary>
    public ImmutableArray<string> Warnings { get; private set; } = [];

    /// <summary>Norms of each filter, by its node's output.</summary>
    public IReadOnlyDictionary<string, FilterNorms> Norms { get; private set; } = ImmutableDictionary<string, FilterNorms>.Empty;

    /// <summary>Time that packing and uploading took.</summary>
    public TimeSpan Duration { get; private set; }

    /// <summary>Packs and uploads the weights of a plan's steps.</summary>
    /// <param name="runtime">The device.</param>
    /// <param name="name">Name of the network, for errors.</param>
    /// <param name="steps">The steps.</param>
    /// <param name="algorithms">The algorithm of each step.</param>
    /// <param name="threads">Most threads that pack in place where the host sees the device's memory; elsewhere one thread packs.</param>
    /// <exception cref="DeviceException">They do not fit the device, or this machine while they are packed.</exception>
    public static DeviceWeights Create(
        DeviceRuntime runtime, string name, ImmutableArray<PlanStep> steps, Conv2dAlgorithm[] algorithms, int? threads)
    {
        long start = Stopwatch.GetTimestamp();
        try
        {
            DeviceWeights weights = Pack(runtime, name, steps, algorithms, threads);
            weights.Duration = Stopwatch.GetElapsedTime(start);
            return weights;
        }
        catch (Exception e) when (e is OutOfMemoryException or OverflowException)
        {
            throw new DeviceMemoryException(
                $"{runtime.Device.Id}: the weights of {name} cannot be packed: {DeviceRuntime.FirstLine(e)} Use a smaller network.",
                null, null, e);
        }
    }

    /// <summary>Bytes that <see cref="Create"/> allocates, on the device and for packing on the host, computed before it does.</summary>
    /// <param name="planner">Plans for the device's family.</param>
    /// <param name="hostVisible">True where filters are packed in place.</param>
    /// <param name="steps">The steps.</param>
    /// <param name="algorithms">The algorithm of each step.</param>
    /// <param name="threads">Most threads that pack.</param>
    /// <exception cref="OverflowException">A packed filter passes 2^31 elements.</exception>
    public static long Bytes(
        IFamilyPlanner planner, bool hostVisible, ImmutableArray<PlanStep> steps, Conv2dAlgorithm[] algorithms, int? threads)
    {
        (List<Layer> layers, long total) = Layout(planner, steps, algorithms);
        (long filter, long packed) = ScratchOf(layers, hostVisible);
        long packers = hostVisible ? Math.Min(threads ?? 1, layers.Count(layer => layer.Filter is not null)) : 1;
        return sizeof(float) * (total + packers * (filter + packed));
    }

    /// <summary>The constants of a node.</summary>
    public NodeWeights this[Node node] => nodes[node.Output];

    /// <inheritdoc cref="DeviceMemory.ExpectManyReads"/>
    public void ExpectManyReads() => memory.ExpectManyReads();

    /// <inheritdoc/>
    public void Dispose() => memory.Dispose();

    private static DeviceWeights Pack(
        DeviceRuntime runtime, string name, ImmutableArray<PlanStep> steps, Conv2dAlgorithm[] algorithms, int? threads)
    {
        (List<Layer> layers, long total) = Layout(runtime.Kernels.Planner, steps, algorithms);
        var weights = new DeviceWeights(runtime, runtime.Allocate(Math.Max(total, 1), $"the weights of {name}"));
        try
        {
            foreach (Layer layer in layers) weights.nodes.Add(layer.Node.Output, weights.Place(layer));
            // Packed in place, by all threads: large layers first, so that all threads end together. A device takes copies from one thread.
            bool inPlace = runtime.Kernels.HostVisible;
            Layer[] order = [.. layers.OrderByDescending(layer => layer.FilterLength)];
            (long filter, long packed) = ScratchOf(layers, inPlace);
            ParallelWork.Run(
                order.Length, inPlace ? threads ?? 1 : 1, () => new Scratch(filter, packed),
                (i, scratch) => weights.Fill(order[i], scratch));
            weights.Warnings = [.. layers.SelectMany(layer => layer.Warnings)];
            weights.Norms = layers.Where(layer => layer.Norms is not null).ToDictionary(layer => layer.Node.Output, layer => layer.Norms!);
            return weights;
        }
        catch
        {
            runtime.Free(weights.Dispose);
            throw;
        }
    }

    /// <summary>The layers that have weights, one behind the other, and the floats of all.</summary>
    private static (List<Layer> Layers, long Total) Layout(
        IFamilyPlanner planner, ImmutableArray<PlanStep> steps, ReadOnlySpan<Conv2dAlgorithm> algorithms)
    {
        var layers = new List<Layer>();
        long total = 0;
        for (int i = 0; i < steps.Length; i++)
        {
            PlanStep step = steps[i];
            if (step.Node is not (EpilogueNode or SelectNode)) continue;
            Conv2dShape shape = StepShapes.Conv2d(step);
            int channels = step.Node is EpilogueNode ? step.Output.Shape.C : 0;
            int length = step.Node switch
            {
                SelectNode select => select.Indices.Length,
                EpilogueNode { Filter: not null } => planner.PackedFilterLength(shape, algorithms[i]),
                EpilogueNode { Epilogue.Slopes: not null } => channels,
                _ => 0,
            };
            layers.Add(new Layer(step.Node, shape, algorithms[i], length, channels, total));
            total += MemoryPlanner.Align(length) + 2 * MemoryPlanner.Align(channels);
        }
        return (layers, total);
    }

    /// <summary>Floats of a filter as it is read, and as it is packed where it is not packed in place, of the largest layer.</summary>
    private static (long Filter, long Packed) ScratchOf(List<Layer> layers, bool inPlace) => (
        layers.Select(layer => layer.Filter?.Count ?? 0).DefaultIfEmpty().Max(),
        inPlace ? 0 : layers.Select(layer => Math.Max(layer.FilterLength, layer.Channels)).DefaultIfEmpty().Max());

    private NodeWeights Place(Layer layer)
    {
        long offset = layer.Offset;
        return new NodeWeights(Next(layer.FilterLength), Next(layer.Channels), Next(layer.Channels));

        ArrayView<float> Next(int length)
        {
            // ILGPU refuses a view at the very end of its memory, even one of no elements.
            if (length == 0) return default;
            ArrayView<float> view = memory.View.SubView(offset, length);
            offset += MemoryPlanner.Align(length);
            return view;
        }
    }

    /// <summary>Packs one layer to its place; several threads may do so at once where they pack in place.</summary>
    private void Fill(Layer layer, Scratch scratch)
    {
        NodeWeights place = nodes[layer.Node.Output];
        if (layer.Node is SelectNode select)
        {
            Span<float> indices = Target(place.Filter, scratch);
            select.Indices.CopyTo(MemoryMarshal.Cast<float, int>(indices));
            Upload(place.Filter, indices);
            return;
        }
        var node = (EpilogueNode)layer.Node;
        if (node.Filter is { } filter)
        {
            // Layer by layer: the file is read once and never held as a whole.
            Span<float> values = scratch.Filter[..(int)filter.Count];
            filter.CopyTo(values);
            layer.Norms = FilterNorms.Of(values, filter.Shape[0], layer.Shape.R * layer.Shape.S);
            if (!layer.Norms.AreFinite && NonFinite.Any(values))
                layer.Warnings.Add(NonFiniteIn(FileText.Clean(filter.Name)));
            Span<float> packed = Target(place.Filter, scratch);
            runtime.Kernels.PackFilter(layer.Shape, values, packed, layer.Algorithm);
            Upload(place.Filter, packed);
        }
        bool nonFinite = FillChannels(place.Scale, node.Epilogue.Scale, 1, scratch);
        if (node.Epilogue.Slopes is { } slopes) nonFinite |= FillChannels(place.Filter, slopes, 0, scratch);
        if (FillChannels(place.Shift, node.Epilogue.Shift, 0, scratch) || nonFinite)
            layer.Warnings.Add(NonFiniteIn($"the bias or batch norm after {FileText.Clean(node.Name)}"));
    }

    private static string NonFiniteIn(string tensor) =>
        $"{tensor} holds NaN or infinite values; every answer of the network may be NaN.";

    /// <summary>Writes one value per channel; returns true when one is not finite.</summary>
    private bool FillChannels(ArrayView<float> place, ImmutableArray<double>? values, float otherwise, Scratch scratch)
    {
        Span<float> floats = Target(place, scratch);
        floats.Fill(otherwise);
        for (int i = 0; i < values?.Length; i++) floats[i] = (float)values.Value[i];
        Upload(place, floats);
        return NonFinite.Any(floats);
    }

    /// <summary>
    /// Host memory in which to make a place's values: the place itself, or scratch memory that <see cref="Upload"/> copies.
    /// </summary>
    private Span<float> Target(ArrayView<float> place, Scratch scratch) =>
        runtime.Kernels.HostVisible ? runtime.HostSpan(place) : scratch.Packed[..(int)place.Length];

    private void Upload(ArrayView<float> place, ReadOnlySpan<float> values)
    {
        if (values.Length > 0 && !runtime.Kernels.HostVisible) place.CopyFromCPU(memory.DefaultStream, values);
    }

    /// <summary>One layer before it is packed.</summary>
    private sealed record Layer(
        Node Node, Conv2dShape Shape, Conv2dAlgorithm Algorithm, int FilterLength, int Channels, long Offset)
    {
        public StateTensor? Filter => (Node as EpilogueNode)?.Filter;

        public List<string> Warnings { get; } = [];

        public FilterNorms? Norms { get; set; }
    }

    /// <summary>Memory with which one thread packs. It is freed at once; arrays would stay with the process until a collection.</summary>
    private sealed unsafe class Scratch(long filterLength, long packedLength) : IDisposable
    {
        private float* filter = (float*)NativeMemory.Alloc(checked((nuint)filterLength), sizeof(float));
        private float* packed = (float*)NativeMemory.Alloc(checked((nuint)packedLength), sizeof(float));

        public Span<float> Filter => new(filter, checked((int)filterLength));

        public Span<float> Packed => new(packed, checked((int)packedLength));

        public void Dispose()
        {
            NativeMemory.Free(filter);
            NativeMemory.Free(packed);
            filter = packed = null;
        }
    }
}
