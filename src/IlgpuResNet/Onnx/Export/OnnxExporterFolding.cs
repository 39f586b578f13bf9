using System.Buffers;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using IlgpuResNet.Graphs;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Onnx;

/// <summary>
/// Folds batch norms into the filters and biases of the convolutions before them: <c>w · scale</c> and <c>b · scale + shift</c>, computed
/// in double and rounded once. A batch norm stays if another node reads the convolution, or if no convolution is before it.
/// </summary>
internal static class OnnxExporterFolding
{
    /// <summary>Returns a graph that computes the same function with fewer nodes. Filters are computed when they are written.</summary>
    public static Graph Fold(Graph graph)
    {
        Dictionary<string, int> readers = graph.Nodes.SelectMany(node => node.Inputs).Concat(graph.Outputs)
            .CountBy(name => name).ToDictionary();
        var nodes = new List<Node>(graph.Nodes.Length);
        var maker = new Dictionary<string, int>();
        foreach (Node node in graph.Nodes)
        {
            if (node is BatchNormNode norm && maker.TryGetValue(norm.Inputs[0], out int index)
                && nodes[index] is Conv2dNode conv && readers[conv.Output] == 1)
            {
                nodes[index] = Fold(conv, norm);
                maker[norm.Output] = index;
            }
            else
            {
                maker[node.Output] = nodes.Count;
                nodes.Add(node);
            }
        }
        return graph with { Nodes = [.. nodes] };
    }

    private static Conv2dNode Fold(Conv2dNode conv, BatchNormNode norm)
    {
        (double[] scale, double[] summand) = norm.Fold();
        double[]? bias = conv.Bias?.ToDoubleArray();
        float[] shift = [.. summand.Select((b, k) => (float)(b + (bias?[k] ?? 0) * scale[k]))];
        return conv with
        {
            Weight = new FoldedFilter
            {
                Name = conv.Weight.Name,
                Shape = conv.Weight.Shape,
                DataType = DataType.Float32,
                Source = conv.Weight,
                Scale = [.. scale],
            },
            Bias = new ArrayTensor
            {
                Name = conv.Bias?.Name ?? $"{conv.Name}.bias",
                Shape = norm.Bias.Shape,
                DataType = DataType.Float32,
                Values = shift,
            },
            Output = norm.Output,
        };
    }

    /// <summary>Fills a destination with elements from an index on. Exact, except for whole numbers beyond 2^24.</summary>
    private static void ToDoubles(StateTensor tensor, long first, Span<double> destination)
    {
        byte[] bytes = ArrayPool<byte>.Shared.Rent(destination.Length * tensor.DataType.Size());
        float[] floats = ArrayPool<float>.Shared.Rent(destination.Length);
        try
        {
            Span<byte> stored = bytes.AsSpan(0, destination.Length * tensor.DataType.Size());
            tensor.CopyBytes(first, stored);
            if (tensor.DataType is DataType.Float64)
            {
                MemoryMarshal.Cast<byte, double>(stored).CopyTo(destination);
                return;
            }
            ElementConversion.ToSingle(tensor.DataType, stored, floats.AsSpan(0, destination.Length));
            for (int i = 0; i < destination.Length; i++) destination[i] = floats[i];
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(bytes);
            ArrayPool<float>.Shared.Return(floats);
        }
    }

    /// <summary>A filter <c>[K, C, R, S]</c> times one factor for each K.</summary>
    private sealed class FoldedFilter : StateTensor
    {
        private const int ChunkElements = 1 << 14;

        public required StateTensor Source { private get; init; }

        public required ImmutableArray<double> Scale { private get; init; }

        public override void CopyTo(Span<float> destination)
        {
            CheckLength(destination.Length);
            Copy(0, destination);
        }

        internal override void CopyBytes(long first, Span<byte> destination) => Copy(first, MemoryMarshal.Cast<byte, float>(destination));

        private void Copy(long first, Span<float> destination)
        {
            long perChannel = Count / Shape[0];
            double[] values = ArrayPool<double>.Shared.Rent(ChunkElements);
            try
            {
                for (int done = 0; done < destination.Length;)
                {
                    int count = Math.Min(destination.Length - done, ChunkElements);
                    ToDoubles(Source, first + done, values.AsSpan(0, count));
                    for (int i = 0; i < count; i++)
                        destination[done + i] = (float)(values[i] * Scale[(int)((first + done + i) / perChannel)]);
                    done += count;
                }
            }
            finally
            {
                ArrayPool<double>.Shared.Return(values);
            }
        }
    }
}
