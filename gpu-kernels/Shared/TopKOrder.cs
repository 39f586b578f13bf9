using ILGPU;

namespace IlgpuResNet.Kernels;

/// <summary>
/// The order of a row's elements: larger values first, of equal values the lower index first; NaN is the largest. It compares integers: the
/// result of a test for NaN counts as uniform in ILGPU, so that threads that branch on it would have to agree.
/// </summary>
internal static class TopKOrder
{
    private const int Magnitude = int.MaxValue;

    /// <summary>The bits of infinity; those of a NaN are larger.</summary>
    private const int Infinity = 0x7F80_0000;

    /// <summary>True when an element comes before another.</summary>
    public static bool IsBefore(float a, int indexA, float b, int indexB)
    {
        int keyA = KeyOf(a), keyB = KeyOf(b);
        return keyA > keyB || (keyA == keyB && indexA < indexB);
    }

    /// <summary>An integer in the order of the floats.</summary>
    private static int KeyOf(float value)
    {
        int bits = (int)Interop.FloatAsInt(value), magnitude = bits & Magnitude;
        if (magnitude > Infinity) return int.MaxValue;
        return bits < 0 ? -magnitude : magnitude;
    }
}
