namespace IlgpuResNet.Kernels;

/// <summary>Scalar arithmetic that propagates NaN, as PyTorch does.</summary>
internal static class FloatMath
{
    /// <summary>Maximum; a NaN on either side wins.</summary>
    /// <remarks>
    /// NaN is tested explicitly: ILGPU may invert a comparison, and on OpenCL the inverted one loses the flag that NaN is unordered.
    /// </remarks>
    public static float Max(float a, float b)
    {
        if (float.IsNaN(a)) return a;
        if (float.IsNaN(b)) return b;
        return a < b ? b : a;
    }
}
