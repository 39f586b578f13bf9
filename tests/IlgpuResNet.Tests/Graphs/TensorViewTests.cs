using System.Collections.Immutable;
using IlgpuResNet.Graphs;
using IlgpuResNet.Onnx;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Tests;

/// <summary>Views of memory in another order, against arrays whose elements are moved one by one.</summary>
[TestClass]
public sealed class TensorViewTests
{
    private const int Seeds = 3000;

    [TestMethod]
    public void Gather_and_Scatter_follow_the_strides()
    {
        for (int seed = 0; seed < Seeds; seed++)
        {
            var random = new Random(seed);
            // Memory's axes in some order of their own, those of the view in another.
            int[] sizes = [.. Enumerable.Range(0, random.Next(0, 5)).Select(_ => random.Next(1, 5))];
            int[] order = [.. Enumerable.Range(0, sizes.Length)];
            random.Shuffle(order);
            int[] strides = new int[sizes.Length];
            int count = 1;
            foreach (int axis in order.Reverse())
            {
                strides[axis] = count;
                count *= sizes[axis];
            }
            TensorView view = TensorView.Create("view", "tensor", hasBatch: true, [.. sizes], sizes.Zip(strides));
            int images = random.Next(1, 3);
            float[] memory = [.. Enumerable.Range(0, images * count).Select(i => (float)i)];
            float[] expected = new float[memory.Length], values = new float[memory.Length], back = new float[memory.Length];
            for (int i = 0; i < memory.Length; i++)
            {
                int rest = i % count, place = i / count * count;
                for (int axis = sizes.Length - 1; axis >= 0; axis--)
                {
                    place += rest % sizes[axis] * strides[axis];
                    rest /= sizes[axis];
                }
                expected[i] = memory[place];
            }
            view.Gather(memory, values);
            view.Scatter(values, back);
            Assert.AreEqual(count, view.Count, $"seed {seed}");
            CollectionAssert.AreEqual(expected, values, $"seed {seed}");
            CollectionAssert.AreEqual(memory, back, $"seed {seed}");
            Assert.AreEqual(memory.SequenceEqual(expected), view.IsContiguous, $"seed {seed}");
        }
    }

    /// <summary>Transposes, reshapes and flattens in a row: what is not refused says of each element where it is.</summary>
    [TestMethod]
    public void Reshape_names_the_places_that_elements_have()
    {
        int done = 0, refused = 0, split = 0;
        for (int seed = 0; seed < Seeds; seed++)
        {
            var random = new Random(seed);
            Tracked value = Tracked.Create(random);
            for (int step = random.Next(1, 6); step > 0; step--)
            {
                if (random.Next(3) == 0) value = value.Transpose(random);
                else if (value.Reshape(random) is { } reshaped) (value, done) = (reshaped, done + 1);
                else refused++;
                value.Check($"seed {seed}");
                if (value.Activation.Memory.Length > 3) split++;
            }
        }
        Assert.IsGreaterThan(Seeds / 2, done);
        Assert.IsGreaterThan(Seeds / 10, refused);
        Assert.IsGreaterThan(Seeds / 10, split);
    }

    /// <summary>A reshape to the shape that a value had before a reshape gives back what it was, and splits add up to a whole.</summary>
    [TestMethod]
    public void Reshape_back_is_never_refused()
    {
        for (int seed = 0; seed < Seeds; seed++)
        {
            var random = new Random(seed);
            Tracked value = Tracked.Create(random);
            if (value.Reshape(random) is not { } there) continue;
            Activation? back = there.Activation.Reshape([.. Enumerable.Range(0, value.Activation.Rank).Select(value.Activation.Size)]);
            Assert.IsNotNull(back, $"seed {seed}");
            Assert.IsTrue(back.HasLayoutOf(value.Activation), $"seed {seed}");
        }
    }

    [TestMethod]
    public void Affine_puts_each_constant_to_its_element()
    {
        int done = 0;
        for (int seed = 0; seed < Seeds; seed++)
        {
            var random = new Random(seed);
            Tracked value = Tracked.Create(random).Transpose(random);
            value = value.Reshape(random) ?? value;
            Activation input = value.Activation;
            int first = input.HasBatch ? 1 : 0;
            int[] shape = [.. Enumerable.Range(0, input.Rank).Select(d => d < first || random.Next(2) == 0 ? 1 : input.Size(d))];
            shape = shape[random.Next(first, shape.Length)..];
            double[] constants = [.. Enumerable.Range(0, shape.Aggregate(1, (count, size) => count * size)).Select(i => i + 0.5)];
            var builder = new OnnxGraphBuilder();
            var op = new OnnxOperator(new OnnxNode("n", "Add", "", [], ["y"], ImmutableDictionary<string, OnnxAttribute>.Empty), 13, "file",
                (_, _) => throw new InvalidOperationException());
            Activation result = builder.Affine(op, input, [.. shape], null, constants, new ReadBudget("file", 0))!;
            ImmutableArray<double> shift = ((PointwiseNode)builder.Nodes[^1]).Epilogue.Shift!.Value;
            Assert.AreEqual(result.Shape.C, shift.Length);
            // Element i of the value lies at this place of an image; the epilogue's constants repeat over places.
            int[] places = value.PlacesOfImage();
            int[] sizes = [.. Enumerable.Range(first, input.Rank - first).Select(input.Size)];
            for (int i = 0; i < places.Length; i++, done++)
                Assert.AreEqual(constants[Broadcast(i, sizes, shape)], shift[places[i] % shift.Length], $"seed {seed}, element {i}");
        }
        Assert.IsGreaterThan(Seeds, done);
    }

    /// <summary>The place in a constant of a smaller or thinner shape of element i of a value.</summary>
    private static int Broadcast(int i, int[] sizes, int[] shape)
    {
        int place = 0, stride = 1;
        for (int axis = 1; axis <= sizes.Length; axis++)
        {
            (i, int index) = Math.DivRem(i, sizes[^axis]);
            if (axis > shape.Length) continue;
            if (shape[^axis] > 1) place += index * stride;
            stride *= shape[^axis];
        }
        return place;
    }

    /// <summary>An activation, and beside it the places of all its elements, moved as the operators define it.</summary>
    /// <param name="Activation">What is tested.</param>
    /// <param name="Shape">Sizes of one image.</param>
    /// <param name="Places">Place in memory of each element of one image, in row-major order.</param>
    private sealed record Tracked(Activation Activation, int[] Shape, int[] Places)
    {
        public static Tracked Create(Random random)
        {
            int h = random.Next(1, 5), w = random.Next(1, 7), c = random.Next(1, 9);
            bool hasBatch = random.Next(2) == 0;
            ImmutableArray<Axis> batch = hasBatch ? [new Axis(0, isBatch: true)] : [];
            ImmutableArray<Axis> rows = OnnxGraphBuilder.AxesOf(h), columns = OnnxGraphBuilder.AxesOf(w),
                channels = OnnxGraphBuilder.AxesOf(c);
            var activation = new Activation("tensor", new MapShape(h, w, c), [.. batch, .. rows, .. columns, .. channels],
                hasBatch ? [batch, channels, rows, columns] : [channels, rows, columns]);
            int[] places = new int[h * w * c];
            for (int i = 0; i < places.Length; i++) places[i] = i % (h * w) * c + i / (h * w);
            return new Tracked(activation, [c, h, w], places);
        }

        private int First => Activation.HasBatch ? 1 : 0;

        public int[] PlacesOfImage() => Places;

        public Tracked Transpose(Random random)
        {
            int[] order = [.. Enumerable.Range(0, Shape.Length)];
            random.Shuffle(order);
            int[] shape = [.. order.Select(axis => Shape[axis])], places = new int[Places.Length];
            for (int i = 0; i < places.Length; i++)
            {
                int rest = i, from = 0;
                for (int axis = shape.Length - 1; axis >= 0; axis--)
                {
                    int stride = Shape[(order[axis] + 1)..].Aggregate(1, (product, size) => product * size);
                    from += rest % shape[axis] * stride;
                    rest /= shape[axis];
                }
                places[i] = Places[from];
            }
            ImmutableArray<ImmutableArray<Axis>> dims = [.. Activation.Dims[..First],
                .. order.Select(axis => Activation.Dims[axis + First])];
            return new Tracked(Activation with { Dims = dims }, shape, places);
        }

        /// <summary>To random factors, or null where memory would have to move.</summary>
        public Tracked? Reshape(Random random)
        {
            var shape = new List<int>();
            int left = Places.Length;
            for (int divisor = 2; left > 1;)
            {
                if (left % divisor != 0)
                {
                    divisor++;
                    continue;
                }
                left /= divisor;
                if (shape.Count > 0 && random.Next(2) == 0) shape[random.Next(shape.Count)] *= divisor;
                else shape.Insert(random.Next(shape.Count + 1), divisor);
            }
            if (random.Next(3) == 0) shape.Insert(random.Next(shape.Count + 1), 1);
            return Activation.Reshape([.. Enumerable.Repeat(0, First), .. shape]) is { } reshaped
                ? new Tracked(reshaped, [.. shape], Places) : null;
        }

        public void Check(string message)
        {
            TensorView view = Activation.View("view");
            CollectionAssert.AreEqual(Shape, view.Shape.ToArray(), message);
            float[] memory = [.. Enumerable.Range(0, Places.Length).Select(i => (float)i)], values = new float[Places.Length];
            view.Gather(memory, values);
            CollectionAssert.AreEqual(Array.ConvertAll(Places, place => (float)place), values, message);
        }
    }
}
