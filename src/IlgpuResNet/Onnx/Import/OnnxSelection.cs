using System.Collections.Immutable;
using IlgpuResNet.Graphs;

namespace IlgpuResNet.Onnx;

/// <summary>Picks, repeats and joins elements of computed tensors along a dimension, wherever it lies in memory.</summary>
internal static class OnnxSelection
{
    /// <summary>Elements along a dimension by their indices.</summary>
    /// <param name="op">The node that is imported.</param>
    /// <param name="builder">Takes the graph's node.</param>
    /// <param name="input">The value.</param>
    /// <param name="dimension">The dimension.</param>
    /// <param name="indices">Index of each element of the result; a negative one gives <paramref name="value"/>.</param>
    /// <param name="value">Value of elements that are not the input's.</param>
    /// <returns>The result, or null when the order in memory does not fit.</returns>
    public static Activation? Select(
        OnnxOperator op, OnnxGraphBuilder builder, Activation input, int dimension, int[] indices, double value = 0)
    {
        int size = input.Size(dimension);
        if (indices.Length == size && indices.Select((index, i) => index == i).All(same => same)) return input;
        if (indices.Length == 0) throw op.Fail("it makes a tensor without elements");
        if (Place.Of(op, input, dimension) is not { } place) return null;
        Activation map = builder.AsShape(input, place.Shape);
        return place.Emit(op, builder, indices.Length, tensor => new SelectNode
        {
            Name = op.Name,
            Inputs = [map.Tensor],
            Output = tensor,
            Indices = [.. indices],
            Value = value,
        }, map);
    }

    /// <summary>Two values, joined along a dimension.</summary>
    /// <returns>The result, or null when the order in memory does not fit.</returns>
    public static Activation? Join(OnnxOperator op, OnnxGraphBuilder builder, Activation a, Activation b, int dimension)
    {
        bool fits = a.Rank == b.Rank && a.HasBatch == b.HasBatch
            && Enumerable.Range(0, a.Rank).All(d => d == dimension || (d == 0 && a.HasBatch) || a.Size(d) == b.Size(d));
        if (!fits) throw op.Fail($"{a.Sizes()} and {b.Sizes()} cannot be joined along dimension {dimension}");
        if (Place.Of(op, a, dimension) is not { } place || Place.Of(op, b, dimension) is not { } other) return null;
        if (!place.Others().SequenceEqual(other.Others()) || place.Outer != other.Outer)
            return op.Misfits($"it joins {a.Sizes()} and {b.Sizes()} that differ in their order in memory");
        Activation first = builder.AsShape(a, place.Shape), second = builder.AsShape(b, other.Shape);
        int length = checked(place.Size + other.Size);
        return place.Emit(op, builder, length, tensor => new SelectNode
        {
            Name = op.Name,
            Inputs = [first.Tensor, second.Tensor],
            Output = tensor,
            Indices = [.. Enumerable.Range(0, length)],
        }, first, second);
    }

    /// <summary>A dimension of a value as one axis in memory.</summary>
    /// <param name="Input">The value, whose dimension has one axis or none.</param>
    /// <param name="Dimension">The dimension.</param>
    /// <param name="At">Place of its axis among those of an image.</param>
    /// <param name="Size">Elements of the axis.</param>
    private sealed record Place(Activation Input, int Dimension, int At, int Size)
    {
        private ImmutableArray<Axis> Before => Input.ImageMemory[..At];

        private ImmutableArray<Axis> After => Input.ImageMemory[(At + Math.Min(Input.Dims[Dimension].Length, 1))..];

        /// <summary>Elements of the axes before.</summary>
        public int Outer => Product(Before);

        /// <summary>An image as a map whose columns are the axis.</summary>
        public MapShape Shape => new(Outer, Size, Product(After));

        /// <summary>The place of a dimension; null, with the node's reason, where it is no axis.</summary>
        public static Place? Of(OnnxOperator op, Activation input, int dimension)
        {
            if (dimension == 0 && input.HasBatch)
            {
                op.Misfits("it picks or joins the images of a batch");
                return null;
            }
            // Axes that follow one another in memory become one.
            if (input.Dims[dimension].Length > 1)
                input = input.Reshape([.. Enumerable.Range(0, input.Rank).Select(input.Size)]) ?? input;
            switch (input.Dims[dimension])
            {
                case []:
                    return new Place(input, dimension, PlaceOfOne(input, dimension), 1);
                case [var axis]:
                    return new Place(input, dimension, input.ImageMemory.IndexOf(axis), axis.Size);
                default:
                    op.Misfits($"dimension {dimension} does not lie together in memory");
                    return null;
            }
        }

        /// <summary>The other axes by their dimension, place in it, and size, in the order of memory.</summary>
        public IEnumerable<(int Dimension, int Place, int Size)> Others() =>
            from axis in Before.Concat(After)
            let dimension = Input.Dims.TakeWhile(dim => !dim.Contains(axis)).Count()
            select (dimension, Input.Dims[dimension].IndexOf(axis), axis.Size);

        /// <summary>Emits a node that gives the axis another size.</summary>
        public Activation Emit(
            OnnxOperator op, OnnxGraphBuilder builder, int size, Func<string, Node> node, params ReadOnlySpan<Activation> inputs)
        {
            string tensor = builder.UniqueName(op.Output);
            MapShape shape = builder.Emit(node(tensor), inputs);
            ImmutableArray<Axis> made = OnnxGraphBuilder.AxesOf(size), batch = Input.HasBatch ? [Input.Memory[0]] : [];
            return new Activation(tensor, shape, [.. batch, .. Before, .. made, .. After], Input.Dims.SetItem(Dimension, made));
        }

        /// <summary>The place of an axis that does not exist yet: channels last, height before width.</summary>
        private static int PlaceOfOne(Activation input, int dimension)
        {
            const int Channels = 1;
            ImmutableArray<Axis> memory = input.ImageMemory;
            if (dimension <= Channels) return memory.Length;
            IEnumerable<Axis> behind = input.Dims[(dimension + 1)..].Append(input.Dims[Channels]).SelectMany(axes => axes);
            return behind.Select(axis => memory.IndexOf(axis)).Append(memory.Length).Min();
        }

        private static int Product(ImmutableArray<Axis> axes) => axes.Aggregate(1, (product, axis) => checked(product * axis.Size));
    }
}
