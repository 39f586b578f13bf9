using System.Runtime.CompilerServices;
using ILGPU;

namespace IlgpuResNet.Kernels;

/// <summary>One or two quads; the second counts where a thread loads two.</summary>
internal struct QuadPair
{
    public Float4 First;
    public Float4 Second;
}

/// <summary>
/// One thread's share of a slice of both operands of <see cref="ImplicitGemm"/>, on its way through registers. A pixel's eight elements are one
/// thread's where there are as many threads as pixels, else those of two neighbours; two rows of B are one thread's where there are as many threads
/// as channels.
/// </summary>
internal struct GemmSlice
{
    /// <summary>A column of A is longer than the tile by a quad: so the two quads of a pixel go to different banks.</summary>
    public const int PaddingQuads = 1;

    /// <summary>Quads of a pixel in a slice.</summary>
    public const int QuadsOfPixel = ImplicitGemm.TileK / Float4.Width;

    private QuadPair a;
    private QuadPair b;

    /// <summary>Which quad of a pixel's slice a thread loads first.</summary>
    public static int FirstQuad<TTile>(int thread)
        where TTile : struct, IGemmTile =>
        TTile.M == TTile.Threads ? 0 : thread & 1;

    /// <summary>Which of the tile's pixels a thread loads.</summary>
    public static int Pixel<TTile>(int thread)
        where TTile : struct, IGemmTile =>
        TTile.M == TTile.Threads ? thread : thread / 2;

    /// <summary>Loads the next slice from global memory.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static GemmSlice Load<TTile, TActivations>(ref TActivations activations, ref PackedFilter.Walk filter)
        where TTile : struct, IGemmTile
        where TActivations : struct, IActivations<TActivations>
    {
        GemmSlice slice = default;
        if (TTile.M == TTile.Threads) slice.a = activations.LoadPair();
        else slice.a.First = activations.LoadQuad();
        slice.b.First = filter.Upper;
        if (TTile.N == TTile.Threads) slice.b.Second = filter.Lower;
        filter.Advance();
        return slice;
    }

    /// <summary>Where in a stage a thread's elements of A begin, in floats.</summary>
    public static int IndexOfA<TTile>(int thread)
        where TTile : struct, IGemmTile =>
        FirstQuad<TTile>(thread) * Float4.Width * (TTile.M + PaddingQuads * Float4.Width) + Pixel<TTile>(thread);

    /// <summary>Writes it to a stage of shared memory: B as it is, A transposed, a pixel's elements becoming a column.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<TTile>(GemmSlice slice, ArrayView<Float4> stage, int indexA, int thread)
        where TTile : struct, IGemmTile
    {
        int column = TTile.M + PaddingQuads * Float4.Width;
        ArrayView<float> target = stage.Cast<float>().SubView(indexA);
        target[0] = slice.a.First.X;
        target[column] = slice.a.First.Y;
        target[2 * column] = slice.a.First.Z;
        target[3 * column] = slice.a.First.W;
        if (TTile.M == TTile.Threads)
        {
            target[4 * column] = slice.a.Second.X;
            target[5 * column] = slice.a.Second.Y;
            target[6 * column] = slice.a.Second.Z;
            target[7 * column] = slice.a.Second.W;
        }
        int startB = ImplicitGemm.TileK * column / Float4.Width;
        ArrayView<Float4> row = stage.SubView(thread);
        row[startB] = slice.b.First;
        if (TTile.N == TTile.Threads) row[startB + TTile.Threads] = slice.b.Second;
    }
}
