using ILGPU;

namespace IlgpuResNet.Kernels;

/// <summary>
/// Matrix B of <see cref="ImplicitGemm"/>: the filter as <c>[K-slices · 8][channel tiles · 64]</c>, element
/// k = (r·S + s)·L + c of output channel n at [k][n], with L channels in the <see cref="ChannelWindow"/> of n's tile, c counted
/// from its first; zeros up to whole slices and tiles, so that the kernel loads it without a check.
/// </summary>
internal static class PackedFilter
{
    /// <summary>Floats in the packed filter.</summary>
    public static int Length(in Conv2dShape shape) => Length(shape, Window(shape));

    /// <summary>The input channels that a tile of output channels reads.</summary>
    public static ChannelWindow Window(in Conv2dShape shape) => ChannelWindow.Of(shape, ImplicitGemm.TileN);

    /// <summary>Floats in the packed filter of a shape with this window.</summary>
    public static int Length(in Conv2dShape shape, in ChannelWindow window) =>
        checked(RoundUp(window.GemmK, ImplicitGemm.TileK) * Columns(shape));

    /// <summary>Packs <c>[K, C / Groups, R, S]</c>; every element of the result is written.</summary>
    public static void Pack(in Conv2dShape shape, ReadOnlySpan<float> filter, Span<float> packed)
    {
        ChannelWindow window = Window(shape);
        int[] offsets = new int[shape.K];
        for (int k = 0; k < shape.K; k++) offsets[k] = window.Offset(k, ImplicitGemm.TileN);
        int columns = Columns(shape);
        int tapsPerFilter = shape.R * shape.S;
        packed.Clear();
        for (int tap = 0; tap < tapsPerFilter; tap++)
        {
            for (int c = 0; c < shape.GroupC; c++)
            {
                int row = tap * window.Length + c;
                for (int k = 0; k < offsets.Length; k++)
                    packed[(row + offsets[k]) * columns + k] = filter[(k * shape.GroupC + c) * tapsPerFilter + tap];
            }
        }
    }

    private static int Columns(in Conv2dShape shape) => RoundUp(shape.K, ImplicitGemm.TileN);

    private static int RoundUp(int value, int multiple) => checked((value + multiple - 1) / multiple * multiple);

    /// <summary>One thread's way down a channel tile: two quads of channels per slice, half a slice apart.</summary>
    internal struct Walk
    {
        private const int QuadsPerTile = ImplicitGemm.TileN / Float4.Width;

        private ArrayView<Float4> filter;
        private int index;
        private int last;
        private int half;

        public static Walk Create(Conv2dShape shape, ChannelWindow window, ArrayView<float> packed, int tileN, int thread)
        {
            int quadsPerRow = (shape.K + ImplicitGemm.TileN - 1) / ImplicitGemm.TileN * QuadsPerTile;
            int slices = (window.GemmK + ImplicitGemm.TileK - 1) / ImplicitGemm.TileK;
            int index = thread / QuadsPerTile * quadsPerRow + tileN / Float4.Width + thread % QuadsPerTile;
            return new Walk
            {
                filter = packed.Cast<Float4>(),
                index = index,
                last = index + (slices - 1) * ImplicitGemm.TileK * quadsPerRow,
                half = ImplicitGemm.TileK / 2 * quadsPerRow,
            };
        }

        /// <summary>Four channels of k = thread / 16 in the current slice.</summary>
        public readonly Float4 Upper => filter[index];

        /// <summary>Four channels of k = thread / 16 + 4 in the current slice.</summary>
        public readonly Float4 Lower => filter[index + half];

        /// <summary>On to the next slice; stays at the last.</summary>
        public void Advance() => index = index < last ? index + 2 * half : last;
    }
}
