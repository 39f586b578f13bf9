using System.Collections.Immutable;
using IlgpuResNet.Graphs;

namespace IlgpuResNet.Onnx;

/// <summary>An axis of a tensor in memory. Axes are compared by identity: two axes of one size are different.</summary>
/// <param name="size">Number of elements, at least 2; for the batch, the size that the file states, or 0.</param>
/// <param name="isBatch">True for the batch, whose size is decided at each run.</param>
internal sealed class Axis(int size, bool isBatch = false)
{
    public int Size { get; } = size;

    public bool IsBatch { get; } = isBatch;
}

/// <summary>
/// A value that depends on the network's input: a tensor of the graph, with the axes in memory that each ONNX dimension consists of.
/// Transposing and most reshaping change the dimensions alone and leave memory as it is.
/// </summary>
/// <param name="Tensor">Name of the tensor in the graph.</param>
/// <param name="Shape">Shape of one image of the tensor in the graph.</param>
/// <param name="Memory">Axes from the outermost in memory to the innermost, the batch first if there is one; none for a size of 1.</param>
/// <param name="Dims">Axes of each ONNX dimension, outermost first; empty for a size of 1.</param>
internal sealed record Activation(string Tensor, MapShape Shape, ImmutableArray<Axis> Memory, ImmutableArray<ImmutableArray<Axis>> Dims)
    : ImportedValue
{
    /// <summary>Padding that a Pad node asks for and no node makes yet: the next convolution or pool can make it. Null for none.</summary>
    public PendingPad? Pad { get; init; }

    /// <inheritdoc/>
    public override int Rank => Dims.Length;

    /// <inheritdoc/>
    public override bool IsOne(int dimension) => Dims[dimension] is [];

    /// <summary>True when the outermost axis in memory is the batch.</summary>
    public bool HasBatch => Memory is [{ IsBatch: true }, ..];

    /// <summary>Axes of one image, outermost first.</summary>
    public ImmutableArray<Axis> ImageMemory => HasBatch ? Memory[1..] : Memory;

    /// <summary>Size of a dimension; 0 for a batch whose size the file leaves open.</summary>
    public int Size(int dimension)
    {
        int size = 1;
        foreach (Axis axis in Dims[dimension]) size = checked(size * axis.Size);
        return size;
    }

    /// <summary>All sizes in brackets, for messages.</summary>
    public string Sizes() => $"[{string.Join(", ", Enumerable.Range(0, Rank).Select(Size))}]";

    /// <summary>Distance in memory between neighbours along an image's axis, in elements.</summary>
    public int Stride(Axis axis)
    {
        int stride = 1;
        for (int i = Memory.Length - 1; Memory[i] != axis; i--) stride *= Memory[i].Size;
        return stride;
    }

    /// <summary>Number of elements in the shortest run of innermost axes that includes all the given axes; 1 for none.</summary>
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

    /// <summary>True when equal indices mean equal places in memory, so that the two values can be added place by place.</summary>
    public bool HasLayoutOf(Activation other) =>
        HasBatch == other.HasBatch && Shape.Count == other.Shape.Count && Rank == other.Rank
        && Enumerable.Range(0, Rank).All(dimension => Layout(dimension).SequenceEqual(other.Layout(dimension)));

    /// <summary>Gives this memory other dimensions, as ONNX's Reshape does.</summary>
    /// <param name="sizes">All sizes; the entry of the batch is ignored.</param>
    /// <returns>The reshaped value, or null when elements would have to move in memory.</returns>
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

    /// <summary>Describes the value for users: sizes and strides of its dimensions.</summary>
    /// <param name="name">Name that the view gets.</param>
    public TensorView View(string name)
    {
        ImmutableArray<ImmutableArray<Axis>> dims = HasBatch ? Dims[1..] : Dims;
        return TensorView.Create(
            name, Tensor, HasBatch,
            [.. Enumerable.Range(Rank - dims.Length, dims.Length).Select(Size)],
            dims.SelectMany(axes => axes).Select(axis => (axis.Size, Stride(axis))));
    }

    /// <summary>Sizes and strides of the axes of a dimension; axes that follow each other in memory count as one.</summary>
    private List<(int Size, int Stride)> Layout(int dimension)
    {
        var layout = new List<(int Size, int Stride)>();
        foreach (Axis axis in Dims[dimension])
        {
            int stride = axis.IsBatch ? 0 : Stride(axis);
            if (!axis.IsBatch && layout is [.., var last] && last.Stride == stride * axis.Size)
                layout[^1] = (last.Size * axis.Size, stride);
            else
                layout.Add((axis.Size, stride));
        }
        return layout;
    }

    /// <summary>Merges axes that follow each other both in memory and in the dimensions.</summary>
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

    /// <summary>Splits the first axis into two and returns the outer one.</summary>
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

/// <summary>Padding of a map by a constant that no node makes yet.</summary>
/// <param name="Pad">Rows and columns to add; negative numbers remove some.</param>
/// <param name="Value">Value of the added elements.</param>
internal sealed record PendingPad(Padding Pad, double Value)
{
    /// <summary>True when it removes rows or columns.</summary>
    public bool Cuts => Pad.Top < 0 || Pad.Left < 0 || Pad.Bottom < 0 || Pad.Right < 0;
}
