using System.Numerics;
using System.Runtime.Intrinsics;

namespace IlgpuResNet.SimulatedCuda.Ptx;

/// <summary>The map of what was written of a region, a byte for each of its bytes, as a warp's accesses change and ask it.</summary>
internal static unsafe class WarpWrites
{
    /// <summary>Four bytes of the map that are all 1.</summary>
    private const uint WholeWord = 0x0101_0101;

    private const int QuadBytes = 16;

    /// <summary>Marks what a store writes.</summary>
    public static void Mark(byte* map, int bytes, ulong* offsets, uint lanes)
    {
        for (uint left = lanes; left != 0; left &= left - 1)
        {
            byte* at = map + offsets[BitOperations.TrailingZeroCount(left)];
            if (bytes == sizeof(uint)) *(uint*)at = WholeWord;
            else new Span<byte>(at, bytes).Fill(1);
        }
    }

    /// <summary>The first lane that loads bytes that were never written; null where there is none.</summary>
    public static int? Missing(byte* map, int bytes, ulong* offsets, uint lanes)
    {
        for (uint left = lanes; left != 0; left &= left - 1)
        {
            int lane = BitOperations.TrailingZeroCount(left);
            byte* at = map + offsets[lane];
            bool isWritten = bytes switch
            {
                sizeof(uint) => *(uint*)at == WholeWord,
                QuadBytes => Vector128.Load(at) == Vector128<byte>.One,
                _ => !new ReadOnlySpan<byte>(at, bytes).Contains((byte)0),
            };
            if (!isWritten) return lane;
        }
        return null;
    }
}
