using System.Buffers;
using ILGPU;

namespace IlgpuResNet.Kernels.Tiled;

/// <summary>
/// Matrix B of <see cref="ImplicitGemm"/>: the filter as <c>[K][channels]</c>. Element k = (r·S + s)·L + c of output channel n is at
/// [k][n], with L channels in the <see cref="ChannelWindow"/> of n's tile and c counted from the window's first channel. Zeros fill it up
/// to whole slices of any tile and to whole tiles, and one more slice follows, so that the kernel prefetches a slice without a check.
/// </summary>
internal static class PackedFilter
{
    /// <summary>Columns of the widest tile; a filter padded to a multiple of it serves every tile.</summary>
    private const int WidestTile = 128;

    /// <summary>Columns of a filter with so few channels that a wider tile would be half empty.</summary>
    private const int NarrowTile = 64;

    /// <summary>Columns of the tiles of a grouped convolution: few, so that a tile reaches into few groups.</summary>
    public const int GroupedTile = 32;

    /// <summary>Floats in the packed filter.</summary>
    public static int Length(in Conv2dShape shape, Conv2dAlgorithm algorithm) => algorithm is Conv2dAlgorithm.Direct
        ? checked((IntegerMath.RoundUp(Window(shape).GemmK, GemmTile.MostK) + GemmTile.MostK) * Columns(shape.K))
        : checked((WinogradFilter.Elements(algorithm) * shape.C + GemmTile.MostK) * Columns(shape.K));

    /// <summary>The input channels that a tile of output channels reads.</summary>
    public static ChannelWindow Window(in Conv2dShape shape) => ChannelWindow.Of(shape, GroupedTile, RoundUpToQuads(shape.C));

    /// <summary>Channels of a pixel as <see cref="ImplicitGemm"/> reads it: rounded up to whole quads.</summary>
    public static int RoundUpToQuads(int channels) => IntegerMath.RoundUp(channels, Float4.Width);

    /// <summary>Columns of the packed filter: the output channels and their padding.</summary>
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

    /// <summary>
    /// Packs a transformed filter, a matrix for each element: <c>[(m + 2)²][C][channels]</c>. <see cref="WinogradPanels"/> transforms a
    /// panel at a time.
    /// </summary>
    private static void PackWinograd(in Conv2dShape shape, Conv2dAlgorithm algorithm, ReadOnlySpan<float> filter, Span<float> packed)
    {
        int columns = Columns(shape.K), rows = WinogradFilter.Elements(algorithm) * shape.C;
        float[] panel = ArrayPool<float>.Shared.Rent(rows * NarrowTile);
        packed.Clear();
        for (int first = 0; first < shape.K; first += NarrowTile)
        {
            int width = Math.Min(NarrowTile, shape.K - first), filterLength = shape.C * WinogradFilter.Taps * WinogradFilter.Taps;
            ReadOnlySpan<float> source = filter.Slice(first * filterLength, width * filterLength);
            WinogradPanels.Pack(shape with { K = width }, algorithm, NarrowTile, source, panel);
            for (int row = 0; row < rows; row++) panel.AsSpan(row * NarrowTile, width).CopyTo(packed.Slice(row * columns + first, width));
        }
        ArrayPool<float>.Shared.Return(panel);
    }

    /// <summary>One thread's walk down a tile of channels: one quad per slice, or two quads that lie half a slice apart.</summary>
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

        /// <summary>Loads the thread's quads of the current slice, 1 or 2.</summary>
        public readonly QuadPair Load(int quads)
        {
            QuadPair loaded = default;
            loaded.First = filter[index];
            if (quads > 1) loaded.Second = filter[index + slice / 2];
            return loaded;
        }

        /// <summary>Advances to the next slice.</summary>
        public void Advance() => index += slice;
    }
}
