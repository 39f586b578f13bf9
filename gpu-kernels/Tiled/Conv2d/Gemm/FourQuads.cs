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
    /// Two threads have each a part of the same two sums: one keeps the first, the other the second, gives the part of the one that it does not keep and
    /// returns its sum. Every thread of the group calls it, when none needs <paramref name="shared"/> any more, and after it none does.
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

    /// <summary>Neighbouring threads write neighbouring quads.</summary>
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
