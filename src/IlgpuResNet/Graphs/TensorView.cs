using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace IlgpuResNet.Graphs;

/// <summary>
/// A tensor of a graph as callers see it. Callers use the dimension order of PyTorch and ONNX, such as <c>[N, C, H, W]</c>, while memory
/// has channels last; a view maps the elements of each image from one order to the other.
/// </summary>
internal sealed class TensorView
{
    /// <summary>
    /// Elements of the innermost axis that are copied for all outer indices before the next block, so that their cache lines are still
    /// cached.
    /// </summary>
    private const int Block = 1024;

    private readonly ImmutableArray<(int Size, int Stride)> axes;

    private TensorView(string name, string tensor, bool hasBatch, ImmutableArray<int> shape, ImmutableArray<(int Size, int Stride)> axes)
    {
        Name = name;
        Tensor = tensor;
        HasBatch = hasBatch;
        Shape = shape;
        this.axes = axes;
        Count = checked((int)axes.Aggregate(1L, (count, axis) => count * axis.Size));
    }

    /// <summary>Name that callers use.</summary>
    public string Name { get; }

    /// <summary>Name in the graph.</summary>
    public string Tensor { get; }

    /// <summary>False when the tensor has no batch dimension: one run has one such tensor.</summary>
    public bool HasBatch { get; }

    /// <summary>Sizes, outermost first, without the batch.</summary>
    public ImmutableArray<int> Shape { get; }

    /// <summary>Number of elements of one image.</summary>
    public int Count { get; }

    /// <summary>True when callers' order equals memory order.</summary>
    public bool IsContiguous => axes is [] or [(_, 1)];

    /// <summary>Makes a view of a map <c>[H, W, C]</c> as <c>[C, H, W]</c>.</summary>
    public static TensorView OfMap(string name, string tensor, MapShape shape) => Create(
        name, tensor, hasBatch: true, [shape.C, shape.H, shape.W], [(shape.C, 1), (shape.H, shape.W * shape.C), (shape.W, shape.C)]);

    /// <summary>Makes a view of a vector <c>[C]</c>.</summary>
    public static TensorView OfVector(string name, string tensor, int length) =>
        Create(name, tensor, hasBatch: true, [length], [(length, 1)]);

    /// <summary>Makes a view from sizes and strides.</summary>
    /// <param name="name">Name that callers use.</param>
    /// <param name="tensor">Name in the graph.</param>
    /// <param name="hasBatch">True when a batch dimension comes before the shape.</param>
    /// <param name="shape">Sizes, outermost first, without the batch.</param>
    /// <param name="axes">Sizes and strides in memory, in callers' order; a dimension may consist of several axes.</param>
    public static TensorView Create(
        string name, string tensor, bool hasBatch, ImmutableArray<int> shape, IEnumerable<(int Size, int Stride)> axes)
    {
        var merged = new List<(int Size, int Stride)>();
        foreach ((int size, int stride) in axes)
        {
            if (size == 1) continue;
            if (merged is [.., var last] && last.Stride == (long)size * stride) merged[^1] = (last.Size * size, stride);
            else merged.Add((size, stride));
        }
        return new TensorView(name, tensor, hasBatch, shape, [.. merged]);
    }

    /// <summary>Makes a view of this tensor under another name.</summary>
    public TensorView Named(string name) => new(name, Tensor, HasBatch, Shape, axes);

    /// <summary>Copies images from memory order to callers' order.</summary>
    /// <param name="memory">Source, whole images.</param>
    /// <param name="values">Destination, as long as the source.</param>
    public void Gather(ReadOnlySpan<float> memory, Span<float> values)
    {
        for (int first = 0; first < values.Length; first += Count)
            Copy(memory.Slice(first, Count), values.Slice(first, Count), gather: true);
    }

    /// <summary>Copies images from callers' order to memory order.</summary>
    /// <param name="values">Source, whole images.</param>
    /// <param name="memory">Destination, as long as the source.</param>
    public void Scatter(ReadOnlySpan<float> values, Span<float> memory)
    {
        for (int first = 0; first < values.Length; first += Count)
            Copy(values.Slice(first, Count), memory.Slice(first, Count), gather: false);
    }

    /// <summary>Copies one image: a loop over a block of the innermost axis, and counters for the outer axes.</summary>
    private void Copy(ReadOnlySpan<float> source, Span<float> destination, bool gather)
    {
        if (IsContiguous)
        {
            source.CopyTo(destination);
            return;
        }
        (int length, int stride) = axes[^1];
        Span<int> index = stackalloc int[axes.Length - 1];
        for (int first = 0; first < length; first += Block)
        {
            int count = Math.Min(Block, length - first), reach = (count - 1) * stride + 1;
            index.Clear();
            int position = first * stride;
            for (int done = first; done < Count; done += length)
            {
                if (gather) GatherRun(source.Slice(position, reach), stride, destination.Slice(done, count));
                else ScatterRun(source.Slice(done, count), destination.Slice(position, reach), stride);
                for (int axis = index.Length - 1; axis >= 0; axis--)
                {
                    position += axes[axis].Stride;
                    if (++index[axis] < axes[axis].Size) break;
                    position -= index[axis] * axes[axis].Stride;
                    index[axis] = 0;
                }
            }
        }
    }

    // The callers' slices check the bounds: a check per element would take longer than its copy.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void GatherRun(ReadOnlySpan<float> source, int stride, Span<float> run)
    {
        ref float element = ref MemoryMarshal.GetReference(source);
        for (nint i = 0, place = 0; i < run.Length; i++, place += stride) run[(int)i] = Unsafe.Add(ref element, place);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ScatterRun(ReadOnlySpan<float> run, Span<float> destination, int stride)
    {
        ref float element = ref MemoryMarshal.GetReference(destination);
        for (nint i = 0, place = 0; i < run.Length; i++, place += stride) Unsafe.Add(ref element, place) = run[(int)i];
    }
}
