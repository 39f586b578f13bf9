using System.Runtime.CompilerServices;
using ILGPU;

namespace IlgpuResNet.Kernels.Tiled;

/// <summary>Four quads in registers.</summary>
internal struct FourQuads
{
    public Float4 First;
    public Float4 Second;
    public Float4 Third;
    public Float4 Fourth;

    /// <summary>
    /// Exchanges sums between two threads, each of which has a part of the same two sums. One thread keeps the first sum, the other the
    /// second; each gives away its part of the other sum and returns the sum that it keeps. Every thread of the group must call it, after
    /// all have finished with <paramref name="shared"/>; when it returns, <paramref name="shared"/> is free again.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FourQuads Exchange(FourQuads first, FourQuads second, bool keepsSecond, ArrayView<Float4> shared, int partner)
    {
        Write(Select(keepsSecond, first, second), shared.SubView(Group.IdxX));
        GroupBarrier.Sync();
        FourQuads sum = Add(Select(keepsSecond, second, first), shared.SubView(partner));
        GroupBarrier.Sync();
        return sum;
    }

    /// <summary>Writes the quads so that neighbouring threads write neighbouring quads.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Write(FourQuads quads, ArrayView<Float4> target)
    {
        int threads = Group.DimX;
        target[0] = quads.First;
        target[threads] = quads.Second;
        target[2 * threads] = quads.Third;
        target[3 * threads] = quads.Fourth;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static FourQuads Add(FourQuads quads, ArrayView<Float4> other)
    {
        int threads = Group.DimX;
        return new FourQuads
        {
            First = Float4.Add(quads.First, other[0]),
            Second = Float4.Add(quads.Second, other[threads]),
            Third = Float4.Add(quads.Third, other[2 * threads]),
            Fourth = Float4.Add(quads.Fourth, other[3 * threads]),
        };
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static FourQuads Select(bool condition, FourQuads a, FourQuads b) => new()
    {
        First = Float4.Select(condition, a.First, b.First),
        Second = Float4.Select(condition, a.Second, b.Second),
        Third = Float4.Select(condition, a.Third, b.Third),
        Fourth = Float4.Select(condition, a.Fourth, b.Fourth),
    };
}
