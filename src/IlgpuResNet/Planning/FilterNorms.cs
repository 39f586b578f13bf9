using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace IlgpuResNet.Planning;

/// <summary>
/// Euclidean norms of a filter <c>[K, C, R, S]</c>, which tell how far it raises values: of each output channel's weights, and of each
/// input channel's.
/// </summary>
/// <param name="Outputs">Norm over <c>[C, R, S]</c>, for each output channel.</param>
/// <param name="Inputs">Norm over <c>[K, R, S]</c>, for each channel that one group reads.</param>
internal sealed record FilterNorms(float[] Outputs, float[] Inputs)
{
    /// <summary>True when all weights are finite; a few that are larger than 1e19 make it false as well.</summary>
    public bool AreFinite
    {
        get
        {
            foreach (float norm in Outputs)
            {
                if (!float.IsFinite(norm)) return false;
            }
            return true;
        }
    }

    /// <summary>Computes the norms in one pass over the weights.</summary>
    /// <param name="filter">The weights.</param>
    /// <param name="outputs">Output channels, K.</param>
    /// <param name="taps">Weights of a pair of an input and an output channel, R·S.</param>
    // Compiled to optimised code at once, as packing is: a network's filters pass once.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static FilterNorms Of(ReadOnlySpan<float> filter, int outputs, int taps)
    {
        int length = filter.Length / outputs;
        float[] byOutput = new float[outputs], squares = new float[length];
        Span<Vector<float>> columns = MemoryMarshal.Cast<float, Vector<float>>(squares.AsSpan());
        for (int k = 0; k < outputs; k++)
        {
            ReadOnlySpan<float> row = filter.Slice(k * length, length);
            ReadOnlySpan<Vector<float>> vectors = MemoryMarshal.Cast<float, Vector<float>>(row);
            Vector<float> sums = default;
            for (int i = 0; i < columns.Length; i++)
            {
                Vector<float> square = vectors[i] * vectors[i];
                columns[i] += square;
                sums += square;
            }
            float sum = Vector.Sum(sums);
            for (int i = columns.Length * Vector<float>.Count; i < length; i++)
            {
                squares[i] += row[i] * row[i];
                sum += row[i] * row[i];
            }
            byOutput[k] = MathF.Sqrt(sum);
        }
        float[] byInput = new float[length / taps];
        for (int c = 0; c < byInput.Length; c++)
        {
            float sum = 0;
            foreach (float square in squares.AsSpan(c * taps, taps)) sum += square;
            byInput[c] = MathF.Sqrt(sum);
        }
        return new FilterNorms(byOutput, byInput);
    }
}
