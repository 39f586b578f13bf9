namespace IlgpuResNet.Kernels;

/// <summary>Scalar arithmetic that keeps a NaN visible, as PyTorch does.</summary>
internal static class FloatMath
{
    /// <summary>Maximum; a NaN on either side wins.</summary>
    /// <remarks>
    /// NaN is asked for by name: ILGPU may turn a comparison round, and on OpenCL the turned one forgets that NaN is unordered.
    /// </remarks>
    public static float Max(float a, float b)
    {
        if (float.IsNaN(a)) return a;
        if (float.IsNaN(b)) return b;
        return a < b ? b : a;
    }
}
