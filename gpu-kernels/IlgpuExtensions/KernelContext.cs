using ILGPU;
using ILGPU.IR;

namespace IlgpuResNet.Kernels;

/// <summary>Configures the ILGPU contexts of these kernels.</summary>
internal static class KernelContext
{
    /// <summary>
    /// Configures a context for the tiled family: O2 (below it ILGPU leaves generic loads and stores in PTX), the maths functions of
    /// ILGPU.Algorithms, and this project's barrier (<see cref="GroupBarrier"/>), fused multiply-add (<see cref="FusedMultiplyAdd"/>) and
    /// register pin (<see cref="RegisterPin"/>).
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
    /// Configures a context for the SIMD family, whose only device is ILGPU's CPU accelerator. The accelerator runs the C# itself, so
    /// optimising ILGPU's intermediate code would only delay the start.
    /// </summary>
    public static Context.Builder ConfigureForSimd(Context.Builder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.Optimize(OptimizationLevel.O0);
    }
}
