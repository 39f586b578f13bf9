using ILGPU;
using ILGPU.IR;

namespace IlgpuResNet.Kernels;

/// <summary>The one way contexts for these kernels are configured.</summary>
internal static class KernelContext
{
    /// <summary>
    /// Adds what every kernel here relies on: O2 (below it ILGPU leaves generic loads and stores in PTX), the maths functions
    /// of ILGPU.Algorithms, and the project's own barrier (<see cref="GroupBarrier"/>) and fused multiply-add
    /// (<see cref="FusedMultiplyAdd"/>).
    /// </summary>
    public static Context.Builder Configure(Context.Builder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Optimize(OptimizationLevel.O2).EnableAlgorithms();
        GroupBarrier.Register(builder.GetIntrinsicManager());
        FusedMultiplyAdd.Register(builder.GetIntrinsicManager());
        RegisterPin.Register(builder.GetIntrinsicManager());
        return builder;
    }

    /// <summary>
    /// The same for a context whose only device is ILGPU's CPU accelerator as the SIMD family wants it. It runs the C# itself, so
    /// that work on ILGPU's form of it would only delay the start.
    /// </summary>
    public static Context.Builder ConfigureForSimd(Context.Builder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.Optimize(OptimizationLevel.O0);
    }
}
