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
        if (shape.K % Float4.Width == 0)
        {
            ArrayView<Float4> output = operands.Output.Cast<Float4>();
            Float4 residual = epilogue.HasResidual != 0 ? operands.Residual.Cast<Float4>()[index / Float4.Width] : Float4.Zero;
            output[index / Float4.Width] = Float4.Finish(epilogue, value, channels.Scale, channels.Shift, residual);
            return;
        }
        StoreElement(operands, epilogue, value.X, channels.Scale.X, channels.Shift.X, index);
        if (channels.Count > 1) StoreElement(operands, epilogue, value.Y, channels.Scale.Y, channels.Shift.Y, index + 1);
        if (channels.Count > 2) StoreElement(operands, epilogue, value.Z, channels.Scale.Z, channels.Shift.Z, index + 2);
        if (channels.Count > 3) StoreElement(operands, epilogue, value.W, channels.Scale.W, channels.Shift.W, index + 3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreElement(Operands operands, Epilogue epilogue, float value, float scale, float shift, int index)
    {
        float residual = epilogue.HasResidual != 0 ? operands.Residual[index] : 0f;
        operands.Output[index] = FloatMath.Finish(epilogue, value, scale, shift, residual);
    }

    /// <summary>Scale and shift of up to four neighbouring output channels.</summary>
    private struct ChannelQuad
    {
        public int First;
        public int Count;
        public Float4 Scale;
        public Float4 Shift;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static ChannelQuad Load(Operands operands, int k, int first) => new()
        {
            First = first,
            Count = k - first,
            Scale = LoadQuad(operands.Scale, k, first),
            Shift = LoadQuad(operands.Shift, k, first),
        };

        /// <summary>Channels past the last read the last: an index is never out of range, and nobody uses the value.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Float4 LoadQuad(ArrayView<float> values, int k, int first) => new(
            values[IntrinsicMath.Min(first, k - 1)],
            values[IntrinsicMath.Min(first + 1, k - 1)],
            values[IntrinsicMath.Min(first + 2, k - 1)],
            values[IntrinsicMath.Min(first + 3, k - 1)]);
    }
}
