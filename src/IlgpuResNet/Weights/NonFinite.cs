using System.Numerics;
using System.Runtime.InteropServices;

namespace IlgpuResNet.Weights;

/// <summary>Looks for NaN and infinity in weights that were copied out anyway, so that no file is read for it alone.</summary>
internal static class NonFinite
{
    /// <summary>True when a value is NaN or infinite.</summary>
    public static bool Any(ReadOnlySpan<float> values)
    {
        const uint ExponentMask = 0x7F80_0000;
        ReadOnlySpan<uint> bits = MemoryMarshal.Cast<float, uint>(values);
        var mask = new Vector<uint>(ExponentMask);
        int i = 0;
        for (; i <= bits.Length - Vector<uint>.Count; i += Vector<uint>.Count)
        {
            if (Vector.EqualsAny(new Vector<uint>(bits[i..]) & mask, mask)) return true;
        }
        for (; i < bits.Length; i++)
        {
            if ((bits[i] & ExponentMask) == ExponentMask) return true;
        }
        return false;
    }
}
