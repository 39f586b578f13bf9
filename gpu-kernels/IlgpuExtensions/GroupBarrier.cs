using ILGPU;
using ILGPU.Backends.OpenCL;
using ILGPU.Backends.PTX;
using ILGPU.IR;
using ILGPU.IR.Intrinsics;

namespace IlgpuResNet.Kernels;

/// <summary>
/// The barrier of these kernels: it waits for all threads of the group, and what a thread wrote to shared or global memory before the
/// barrier is what the others read after it.
/// </summary>
/// <remarks>
/// ILGPU's own barrier is not enough: on OpenCL it fences only global memory, and for PTX the optimiser may move a load of shared memory
/// below it. So each back end gets a body of its own; the CPU accelerator runs the C#.
/// </remarks>
internal static class GroupBarrier
{
    /// <summary>Waits for the group and orders its memory accesses. Every thread of the group must call it.</summary>
    [IntrinsicImplementation]
    public static void Sync() => Group.Barrier();

    /// <summary>Registers the bodies of <see cref="Sync"/> with a context.</summary>
    public static void Register(IntrinsicImplementationManager manager) =>
        IntrinsicBodies.Register(manager, typeof(GroupBarrier), nameof(Sync), nameof(GenerateOpenCL), nameof(GeneratePtx));

    private static void GenerateOpenCL(CLBackend backend, CLCodeGenerator codeGenerator, Value value)
    {
        using var statement = codeGenerator.BeginStatement("work_group_barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE)");
    }

    /// <summary>
    /// ILGPU moves no load across an instruction that it does not understand; bar.sync orders the group's memory accesses.
    /// </summary>
    private static void GeneratePtx(PTXBackend backend, PTXCodeGenerator codeGenerator, Value value)
    {
        using PTXCodeGenerator.CommandEmitter command = codeGenerator.BeginCommand("bar.sync");
        command.AppendConstant(0);
    }
}
