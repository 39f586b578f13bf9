namespace IlgpuResNet.Kernels;

/// <summary>Integer arithmetic of sizes.</summary>
internal static class IntegerMath
{
    /// <summary>The quotient rounded up.</summary>
    public static int DivideRoundUp(int value, int divisor) => (value + divisor - 1) / divisor;

    /// <inheritdoc cref="DivideRoundUp(int, int)"/>
    public static long DivideRoundUp(long value, long divisor) => (value + divisor - 1) / divisor;

    /// <summary>The least multiple that is not below the value.</summary>
    /// <exception cref="OverflowException">It is 2^31 or more.</exception>
    public static int RoundUp(int value, int multiple) => checked((value + multiple - 1) / multiple * multiple);

    /// <inheritdoc cref="RoundUp(int, int)"/>
    /// <exception cref="OverflowException">It is 2^63 or more.</exception>
    public static long RoundUp(long value, long multiple) => checked((value + multiple - 1) / multiple * multiple);
}
