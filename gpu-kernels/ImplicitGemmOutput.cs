using System.Runtime.CompilerServices;
using ILGPU;

namespace IlgpuResNet.Kernels;

/// <summary>
/// The end of <see cref="ImplicitGemm"/>: a thread's accumulators through the epilogue into <c>[N, P, Q, K]</c>, a quad of
/// channels at a time; in 16-byte accesses where K is a multiple of 4, element by element where it is not.
/// </summary>
internal static class OutputTile
{
    /// <summary>Stores what lies inside the output.</summary>
    /// <param name="shape">The convolution.</param>
    /// <param name="operands">Its memory.</param>
    /// <param name="epilogue">What is done before the store.</param>
    /// <param name="tile">The thread's accumulators.</param>
    /// <param name="m">First pixel of the thread's upper half.</param>
    /// <param name="n">First channel of the thread's left half.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Conv2dShape shape, Operands operands, Epilogue epilogue, AccumulatorTile tile, int m, int n)
    {
        int lower = m + ImplicitGemm.TileM / 2;
        ChannelQuad left = ChannelQuad.Load(operands, shape.K, n);
        StoreQuad(shape, operands, epilogue, left, tile.R0.Left, m);
        StoreQuad(shape, operands, epilogue, left, tile.R1.Left, m + 1);
        StoreQuad(shape, operands, epilogue, left, tile.R2.Left, m + 2);
        StoreQuad(shape, operands, epilogue, left, tile.R3.Left, m + 3);
        StoreQuad(shape, operands, epilogue, left, tile.R4.Left, lower);
        StoreQuad(shape, operands, epilogue, left, tile.R5.Left, lower + 1);
        StoreQuad(shape, operands, epilogue, left, tile.R6.Left, lower + 2);
        StoreQuad(shape, operands, epilogue, left, tile.R7.Left, lower + 3);
        ChannelQuad right = ChannelQuad.Load(operands, shape.K, n + ImplicitGemm.TileN / 2);
        StoreQuad(shape, operands, epilogue, right, tile.R0.Right, m);
        StoreQuad(shape, operands, epilogue, right, tile.R1.Right, m + 1);
        StoreQuad(shape, operands, epilogue, right, tile.R2.Right, m + 2);
        StoreQuad(shape, operands, epilogue, right, tile.R3.Right, m + 3);
        StoreQuad(shape, operands, epilogue, right, tile.R4.Right, lower);
        StoreQuad(shape, operands, epilogue, right, tile.R5.Right, lower + 1);
        StoreQuad(shape, operands, epilogue, right, tile.R6.Right, lower + 2);
        StoreQuad(shape, operands, epilogue, right, tile.R7.Right, lower + 3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreQuad(Conv2dShape shape, Operands operands, Epilogue epilogue, ChannelQuad channels, Float4 value, int m)
    {
        if (m >= shape.GemmM || channels.Count <= 0) return;
        int index = m * shape.K + channels.First;
        bool vector = shape.K % Float4.Width == 0;

        Float4 residual = Float4.Zero;
        if (epilogue.HasResidual != 0)
        {
            if (vector) residual = operands.Residual.Cast<Float4>()[index / Float4.Width];
            else residual = LoadElements(operands.Residual, index, channels.Count);
        }
        Float4 result = Float4.Finish(new EpilogueBounds(epilogue), value, channels.Scale, channels.Shift, residual);
        if (vector)
        {
            ArrayView<Float4> output = operands.Output.Cast<Float4>();
            output[index / Float4.Width] = result;
            return;
        }
        ArrayView<float> elements = operands.Output;
        elements[index] = result.X;
        if (channels.Count > 1) elements[index + 1] = result.Y;
        if (channels.Count > 2) elements[index + 2] = result.Z;
        if (channels.Count > 3) elements[index + 3] = result.W;
    }

    /// <summary>Up to four neighbouring elements; those past the last repeat it, and nobody uses them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Float4 LoadElements(ArrayView<float> values, int first, int count)
    {
        int last = first + count - 1;
        return new Float4(
            values[IntrinsicMath.Min(first, last)],
            values[IntrinsicMath.Min(first + 1, last)],
            values[IntrinsicMath.Min(first + 2, last)],
            values[IntrinsicMath.Min(first + 3, last)]);
    }

    /// <summary>Scale and shift of up to four neighbouring output channels.</summary>
    private struct ChannelQuad
    {
        public int First;
        public int Count;
        public Float4 Scale;
        public Float4 Shift;

        /// <summary>The quad that starts at channel <paramref name="first"/> of <paramref name="k"/>; it may lie past the last.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static ChannelQuad Load(Operands operands, int k, int first)
        {
            int inside = IntrinsicMath.Min(first, k - 1);
            return new ChannelQuad
            {
                First = first,
                Count = k - first,
                Scale = LoadElements(operands.Scale, inside, k - inside),
                Shift = LoadElements(operands.Shift, inside, k - inside),
            };
        }
    }
}
