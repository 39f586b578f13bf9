using System.Buffers;
using ILGPU;

namespace IlgpuResNet.Kernels.Tiled;

/// <summary>
/// Matrix B of <see cref="ImplicitGemm"/>: the filter as <c>[K][channels]</c>, element
/// k = (r·S + s)·L + c of output channel n at [k][n], with L channels in the <see cref="ChannelWindow"/> of n's tile, c counted
/// from its first; zeros up to whole slices of any tile and whole tiles, and one slice more, so that the kernel loads it ahead without a check.
/// </summary>
internal static class PackedFilter
{
    /// <summary>Tiles of one group of channels: the same filter serves them all.</summary>
    private const int WidestTile = 128;

    /// <summary>All that few channels fill.</summary>
    private const int NarrowTile = 64;

    /// <summary>Columns of a grouped convolution's tiles: few, for they reach into few groups.</summary>
    public const int GroupedTile = 32;

    /// <summary>Floats in the packed filter.</summary>
    public static int Length(in Conv2dShape shape, Conv2dAlgorithm algorithm) => algorithm is Conv2dAlgorithm.Direct
        ? checked((IntegerMath.RoundUp(Window(shape).GemmK, GemmTile.MostK) + GemmTile.MostK) * Columns(shape.K))
        : checked((WinogradFilter.Elements(algorithm) * shape.C + GemmTile.MostK) * Columns(shape.K));

    /// <summary>The input channels that a tile of output channels reads.</summary>
    public static ChannelWindow Window(in Conv2dShape shape) => ChannelWindow.Of(shape, GroupedTile, RoundUpToQuads(shape.C));

    /// <summary>Channels of a pixel as <see cref="ImplicitGemm"/> reads it: whole quads.</summary>
    public static int RoundUpToQuads(int channels) => IntegerMath.RoundUp(channels, Float4.Width);

    /// <summary>Channels with those that are padded.</summary>
    public static int Columns(int k) => k <= NarrowTile ? NarrowTile : IntegerMath.RoundUp(k, WidestTile);

    /// <summary>Packs <c>[K, C / Groups, R, S]</c>; every element of the result is written.</summary>
    public static void Pack(in Conv2dShape shape, Conv2dAlgorithm algorithm, ReadOnlySpan<float> filter, Span<float> packed)
    {
        if (algorithm is Conv2dAlgorithm.Direct) PackDirect(shape, filter, packed);
        else PackWinograd(shape, algorithm, filter, packed);
    }

    private static void PackDirect(in Conv2dShape shape, ReadOnlySpan<float> filter, Span<float> packed)
    {
        ChannelWindow window = Window(shape);
        int[] offsets = new int[shape.K];
        for (int k = 0; k < shape.K; k++) offsets[k] = window.Offset(k, GroupedTile);
        int columns = Columns(shape.K);
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

    /// <summary>Transformed, a matrix for each element: <c>[(m + 2)²][C][channels]</c>. <see cref="WinogradPanels"/> makes them a panel at a time.</summary>
    private static void PackWinograd(in Conv2dShape shape, Conv2dAlgorithm algorithm, ReadOnlySpan<float> filter, Span<float> packed)
    {
        int columns = Columns(shape.K), rows = WinogradFilter.Elements(algorithm) * shape.C;
        float[] panel = ArrayPool<float>.Shared.Rent(rows * NarrowTile);
        packed.Clear();
        for (int first = 0; first < shape.K; first += NarrowTile)
        {
            int width = Math.Min(NarrowTile, shape.K - first), filterLength = shape.C * WinogradFilter.Taps * WinogradFilter.Taps;
            WinogradPanels.Pack(shape with { K = width }, algorithm, NarrowTile, filter.Slice(first * filterLength, width * filterLength), panel);
            for (int row = 0; row < rows; row++) panel.AsSpan(row * NarrowTile, width).CopyTo(packed.Slice(row * columns + first, width));
        }
        ArrayPool<float>.Shared.Return(panel);
    }

    /// <summary>One thread's way down a channel tile: a quad of channels per slice, or two that lie half a slice apart.</summary>
    internal struct Walk
    {
        private ArrayView<Float4> filter;
        private int index;
        private int slice;

        public static Walk Create<TTile>(ArrayView<float> packed, int origin, int slice, int tileN, int firstSlice, int thread)
            where TTile : struct, IGemmTile
        {
            int quadsPerTile = TTile.N / Float4.Width;
            int index = origin + thread / quadsPerTile * (slice / TTile.K) + tileN / Float4.Width + thread % quadsPerTile;
            return new Walk
            {
                filter = packed.Cast<Float4>(),
                index = index + firstSlice * slice,
                slice = slice,
            };
        }

        /// <summary>The thread's quads of the current slice, 1 or 2.</summary>
        public readonly QuadPair Load(int quads)
        {
            QuadPair loaded = default;
            loaded.First = filter[index];
            if (quads > 1) loaded.Second = filter[index + slice / 2];
            return loaded;
        }

        /// <summary>On to the next slice.</summary>
        public void Advance() => index += slice;
    }
}
