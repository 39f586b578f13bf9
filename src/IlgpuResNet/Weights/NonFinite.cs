using System.Numerics;
using System.Runtime.InteropServices;

namespace IlgpuResNet.Weights;

/// <summary>
/// Finds NaN and infinity in weights that are read for another purpose anyway, so that no file is read only for this check.
/// </summary>
internal static class NonFinite
{
    /// <summary>Returns true when a value is NaN or infinite.</summary>
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
