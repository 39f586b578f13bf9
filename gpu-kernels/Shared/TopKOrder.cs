namespace IlgpuResNet.Kernels;

/// <summary>
/// The order of a row's elements: larger values first, of equal values the lower index first; NaN is the largest. It computes masks, all
/// ones for true, and has no branches: ILGPU takes what is read from memory for uniform, so that threads would have to agree in a branch.
/// </summary>
internal static class TopKOrder
{
    private const int Magnitude = int.MaxValue;

    /// <summary>The bits of infinity; those of a NaN are larger.</summary>
    private const int Infinity = 0x7F80_0000;

    private const int SignBit = 31;

    /// <summary>An integer in the order of the floats; no key is as small as <see cref="int.MinValue"/>.</summary>
    public static int KeyOf(int bits)
    {
        int magnitude = bits & Magnitude, negative = bits >> SignBit, nan = (Infinity - magnitude) >> SignBit;
        int key = (magnitude ^ negative) - negative;
        return (key & ~nan) | (int.MaxValue & nan);
    }

    /// <summary>A mask for <c>a &lt; b</c>; the difference may overflow.</summary>
    public static int Less(int a, int b) => ((a & ~b) | (~(a ^ b) & (a - b))) >> SignBit;

    /// <summary>A mask for an element that comes before another.</summary>
    public static int IsBefore(int keyA, int indexA, int keyB, int indexB)
    {
        int difference = keyA ^ keyB, isEqual = ~((difference | -difference) >> SignBit);
        return Less(keyB, keyA) | (isEqual & Less(indexA, indexB));
    }
}
