using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace IlgpuResNet.SimulatedCuda.Ptx;

/// <summary>A warp's registers as vectors: a word of each lane fills two of them, 64 bits of each lane four.</summary>
internal static unsafe class WarpVectors
{
    public const int Parts = 2, WideParts = 4;

    /// <summary>Lanes and words that are transposed together.</summary>
    public const int Quad = 4;

    private static readonly Vector512<uint> LaneBits =
        Vector512.Create(1u, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768);

    private static readonly Vector512<ulong> WideLaneBits = Vector512.Create(1ul, 2, 4, 8, 16, 32, 64, 128);

    /// <summary>All bits in the elements of a part whose lane is in the mask.</summary>
    public static Vector512<ulong> WideMask(uint lanes, int part)
    {
        var bits = Vector512.Create((ulong)(lanes >> part * Vector512<ulong>.Count));
        return Vector512.Equals(bits & WideLaneBits, WideLaneBits);
    }

    /// <summary>Half of the words of a register.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Get(Warp warp, int place, int part) =>
        Vector512.Load((uint*)(warp.Registers + place) + part * Vector512<uint>.Count);

    /// <summary>A quarter of the values of a wide register.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<ulong> GetWide(Warp warp, int place, int part) =>
        Vector512.Load((ulong*)(warp.Registers + place) + part * Vector512<ulong>.Count);

    /// <summary>The words of a register that belong to a quarter of a wide one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> GetQuarter(Warp warp, int place, int part) =>
        Vector256.Load((uint*)(warp.Registers + place) + part * Vector256<uint>.Count);

    /// <summary>Writes the words of the active lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Put(Warp warp, int place, Vector512<uint> low, Vector512<uint> high)
    {
        uint* target = (uint*)(warp.Registers + place), upper = target + Vector512<uint>.Count;
        if (warp.Mask != uint.MaxValue)
        {
            low = Vector512.ConditionalSelect(Mask(warp.Mask), low, Vector512.Load(target));
            high = Vector512.ConditionalSelect(Mask(warp.Mask >> Vector512<uint>.Count), high, Vector512.Load(upper));
        }
        low.Store(target);
        high.Store(upper);
    }

    /// <summary>Writes a quarter of the values of the active lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void PutWide(Warp warp, int place, int part, Vector512<ulong> values)
    {
        ulong* target = (ulong*)(warp.Registers + place) + part * Vector512<ulong>.Count;
        if (warp.Mask != uint.MaxValue)
            values = Vector512.ConditionalSelect(WideMask(warp.Mask, part), values, Vector512.Load(target));
        values.Store(target);
    }

    /// <summary>The four words at the first places, then those at the second ones, and so on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Transpose(Vector128<uint> a, Vector128<uint> b, Vector128<uint> c, Vector128<uint> d) =>
        Vector512.Shuffle(
            Vector512.Create(Vector256.Create(a, b), Vector256.Create(c, d)),
            Vector512.Create(0u, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));

    private static Vector512<uint> Mask(uint lanes) => Vector512.Equals(Vector512.Create(lanes) & LaneBits, LaneBits);
}
