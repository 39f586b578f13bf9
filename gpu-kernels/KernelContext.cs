using ILGPU;

namespace IlgpuResNet.Kernels;

/// <summary>The one way contexts for these kernels are configured.</summary>
public static class KernelContext
{
    /// <summary>
    /// Adds what every kernel here relies on: O2 (below it ILGPU leaves generic loads and stores in PTX) and
    /// the maths functions of ILGPU.Algorithms.
    /// </summary>
    public static Context.Builder Configure(Context.Builder builder) =>
        builder.Optimize(OptimizationLevel.O2).EnableAlgorithms();
}
