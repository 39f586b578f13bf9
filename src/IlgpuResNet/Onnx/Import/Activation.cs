using System.Collections.Immutable;
using IlgpuResNet.Graphs;

namespace IlgpuResNet.Onnx;

/// <summary>A stretch of memory that a dimension runs over. Known by identity: equal sizes are not equal axes.</summary>
/// <param name="size">Elements, at least 2; of the batch, the size that the file states, or 0.</param>
/// <param name="isBatch">True of the batch, whose size a run decides.</param>
internal sealed class Axis(int size, bool isBatch = false)
{
    public int Size { get; } = size;

    public bool IsBatch { get; } = isBatch;
}

/// <summary>
/// A value that depends on the network's input: a tensor of the graph, and which axes of its memory each ONNX dimension
/// runs over. Transposing and most reshaping change the dimensions alone and leave memory as it is.
/// </summary>
/// <param name="Tensor">The graph's tensor.</param>
/// <param name="Shape">The shape that the graph gives it, of one image.</param>
/// <param name="Memory">Axes from the outermost in memory to the innermost; sizes of 1 have none. The batch comes first, if there is one.</param>
/// <param name="Dims">Axes of each ONNX dimension, outermost first; none for a size of 1.</param>
internal sealed record Activation(string Tensor, MapShape Shape, ImmutableArray<Axis> Memory, ImmutableArray<ImmutableArray<Axis>> Dims)
{
    /// <summary>Padding that was asked for and not made yet: the next convolution or pooling can do it.</summary>
    public PendingPad? Pad { get; init; }

    /// <summary>Number of dimensions.</summary>
    public int Rank => Dims.Length;

    /// <summary>Whether the first dimension is the batch.</summary>
    public bool HasBatch => Memory is [{ IsBatch: true }, ..];

    /// <summary>Axes of one image.</summary>
    public ImmutableArray<Axis> ImageMemory => HasBatch ? Memory[1..] : Memory;

    /// <summary>The size of a dimension; 0 for a batch that the file does not fix.</summary>
    public int Size(int dimension)
    {
        int size = 1;
        foreach (Axis axis in Dims[dimension]) size = checked(size * axis.Size);
        return size;
    }

    /// <summary>Distance in memory, in elements, from one index of an image's axis to the next.</summary>
    public int Stride(Axis axis)
    {
        int stride = 1;
        for (int i = Memory.Length - 1; Memory[i] != axis; i--) stride *= Memory[i].Size;
        return stride;
    }

    /// <summary>How many elements the innermost axes have that together hold all of some axes; 1 for none.</summary>
    public int SuffixLength(IEnumerable<Axis> axes)
    {
        var missing = new HashSet<Axis>(axes);
        int length = 1;
        for (int i = Memory.Length - 1; missing.Count > 0; i--)
        {
            missing.Remove(Memory[i]);
            length *= Memory[i].Size;
        }
        return length;
    }

    /// <summary>True when both say the same of the same memory: an element of one is the element of the other at the same place.</summary>
    public bool HasLayoutOf(Activation other) =>
        HasBatch == other.HasBatch && Shape.Count == other.Shape.Count && Rank == other.Rank
        && Enumerable.Range(0, Rank).All(dimension => Layout(dimension).SequenceEqual(other.Layout(dimension)));

    /// <summary>The same memory with other dimensions, as ONNX's Reshape does, or null when memory would have to be moved.</summary>
    /// <param name="sizes">All sizes; in place of the batch any number.</param>
    public Activation? Reshape(ImmutableArray<int> sizes)
    {
        int first = HasBatch ? 1 : 0;
        if (HasBatch && !(Dims is [[{ IsBatch: true }], ..])) return null;
        List<Axis> memory = [.. Memory];
        List<Axis> rest = MergeNeighbours([.. Dims[first..].SelectMany(axes => axes)], memory);
        var dims = ImmutableArray.CreateBuilder<ImmutableArray<Axis>>(sizes.Length);
        if (HasBatch) dims.Add(Dims[0]);
        foreach (int size in sizes[first..])
        {
            var axes = ImmutableArray.CreateBuilder<Axis>();
            int left = size;
            while (left > 1)
            {
                if (rest.Count == 0) return null;
                Axis axis = rest[0];
                if (left % axis.Size != 0)
                {
                    if (axis.Size % left != 0) return null;
                    axis = Split(axis, left, rest, memory);
                }
                axes.Add(axis);
                rest.RemoveAt(0);
                left /= axis.Size;
            }
            dims.Add(axes.ToImmutable());
        }
        return rest.Count == 0 ? this with { Memory = [.. memory], Dims = dims.ToImmutable() } : null;
    }

    /// <summary>The value as users see it.</summary>
    /// <param name="name">Its name.</param>
    public TensorView View(string name)
    {
        ImmutableArray<ImmutableArray<Axis>> dims = HasBatch ? Dims[1..] : Dims;
        return TensorView.Create(
            name, Tensor, HasBatch,
            [.. Enumerable.Range(Rank - dims.Length, dims.Length).Select(Size)],
            dims.SelectMany(axes => axes).Select(axis => (axis.Size, Stride(axis))));
    }

    /// <summary>What a dimension runs over; axes that follow each other in memory are one, however they came to be.</summary>
    private List<(int Size, int Stride)> Layout(int dimension)
    {
        var layout = new List<(int Size, int Stride)>();
        foreach (Axis axis in Dims[dimension])
        {
            int stride = axis.IsBatch ? 0 : Stride(axis);
            if (!axis.IsBatch && layout is [.., var last] && last.Stride == stride * axis.Size) layout[^1] = (last.Size * axis.Size, stride);
            else layout.Add((axis.Size, stride));
        }
        return layout;
    }

    /// <summary>Axes that follow each other in memory and in the dimensions become one.</summary>
    private static List<Axis> MergeNeighbours(List<Axis> axes, List<Axis> memory)
    {
        for (int i = 0; i + 1 < axes.Count;)
        {
            int place = memory.IndexOf(axes[i]);
            if (place + 1 == memory.Count || memory[place + 1] != axes[i + 1])
            {
                i++;
                continue;
            }
            var merged = new Axis(axes[i].Size * axes[i + 1].Size);
            memory[place] = axes[i] = merged;
            memory.RemoveAt(place + 1);
            axes.RemoveAt(i + 1);
        }
        return axes;
    }

    /// <summary>Splits the first axis; returns its outer part.</summary>
    private static Axis Split(Axis axis, int outerSize, List<Axis> axes, List<Axis> memory)
    {
        Axis outer = new(outerSize), inner = new(axis.Size / outerSize);
        int place = memory.IndexOf(axis);
        memory[place] = axes[0] = outer;
        memory.Insert(place + 1, inner);
        axes.Insert(1, inner);
        return outer;
    }
}

/// <summary>Padding by a constant that has not been made yet.</summary>
/// <param name="Operator">The node that asks for it.</param>
/// <param name="Pad">Rows and columns.</param>
/// <param name="Value">What they hold.</param>
internal sealed record PendingPad(OnnxOperator Operator, Padding Pad, double Value)
{
    /// <summary>True when it takes rows or columns away.</summary>
    public bool Cuts => Pad.Top < 0 || Pad.Left < 0 || Pad.Bottom < 0 || Pad.Right < 0;
}

/// <summary>The order of memory in which an import was tried does not fit; another may. Never leaves the importer.</summary>
internal sealed class LayoutException(string message) : Exception(message);
