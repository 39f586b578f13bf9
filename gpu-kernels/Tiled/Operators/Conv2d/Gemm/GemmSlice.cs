using System.Runtime.CompilerServices;
using ILGPU;

namespace IlgpuResNet.Kernels.Tiled;

/// <summary>One or two quads; the second is used where a thread loads two.</summary>
internal struct QuadPair
{
    public Float4 First;
    public Float4 Second;
}

/// <summary>
/// One thread's share of a slice of both operands of <see cref="ImplicitGemm"/>, in registers on its way to shared memory. A pixel's
/// elements are loaded by one thread where there are as many threads as pixels, else by two or four neighbours; the rows of B are dealt out
/// to the threads in turn.
/// </summary>
internal struct GemmSlice
{
    /// <summary>Quads by which a column of A is longer than the tile, so that the quads of a pixel go to different banks.</summary>
    public const int PaddingQuads = 1;

    private QuadPair a;
    private QuadPair b;

    /// <summary>Number of the first quad of a pixel's slice that a thread loads.</summary>
    public static int FirstQuad<TTile>(int thread)
        where TTile : struct, IGemmTile =>
        TTile.M == TTile.Threads ? 0 : (thread & (TTile.Threads / TTile.M - 1)) * QuadsOfA<TTile>();

    /// <summary>Number of the tile's pixel that a thread loads.</summary>
    public static int Pixel<TTile>(int thread)
        where TTile : struct, IGemmTile =>
        TTile.M == TTile.Threads ? thread : thread / (TTile.Threads / TTile.M);

    /// <summary>Loads the next slice from global memory.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static GemmSlice Load<TTile, TActivations>(ref TActivations activations, ref PackedFilter.Walk filter)
        where TTile : struct, IGemmTile
        where TActivations : struct, IActivations<TActivations>
    {
        GemmSlice slice = default;
        slice.a = activations.Load(QuadsOfA<TTile>(), TTile.K / Float4.Width);
        slice.b = filter.Load(QuadsOfB<TTile>());
        filter.Advance();
        return slice;
    }

    /// <summary>Position in a stage of a thread's elements of A, in floats.</summary>
    public static int IndexOfA<TTile>(int thread)
        where TTile : struct, IGemmTile =>
        FirstQuad<TTile>(thread) * Float4.Width * (TTile.M + PaddingQuads * Float4.Width) + Pixel<TTile>(thread);

    /// <summary>
    /// Writes the slice to a stage of shared memory: B as it is, A transposed, so that a pixel's elements become a column.
    /// </summary>
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
        if (QuadsOfA<TTile>() > 1)
        {
            target[4 * column] = slice.a.Second.X;
            target[5 * column] = slice.a.Second.Y;
            target[6 * column] = slice.a.Second.Z;
            target[7 * column] = slice.a.Second.W;
        }
        int startB = TTile.K * column / Float4.Width;
        ArrayView<Float4> row = stage.SubView(thread);
        row[startB] = slice.b.First;
        if (QuadsOfB<TTile>() > 1) row[startB + TTile.Threads] = slice.b.Second;
    }

    /// <summary>Quads of a slice of A that a thread loads: 1 or 2.</summary>
    private static int QuadsOfA<TTile>()
        where TTile : struct, IGemmTile =>
        TTile.M * TTile.K / Float4.Width / TTile.Threads;

    /// <summary>Quads of a slice of B that a thread loads: 1 or 2.</summary>
    private static int QuadsOfB<TTile>()
        where TTile : struct, IGemmTile =>
        TTile.N * TTile.K / Float4.Width / TTile.Threads;
}
