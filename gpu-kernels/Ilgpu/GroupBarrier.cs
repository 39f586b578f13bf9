using System.Reflection;
using ILGPU;
using ILGPU.Backends.OpenCL;
using ILGPU.Backends.PTX;
using ILGPU.IR;
using ILGPU.IR.Intrinsics;

namespace IlgpuResNet.Kernels;

/// <summary>
/// The barrier of these kernels: all threads of the group arrive, and what they wrote to shared or global memory
/// before it is what the others read after it.
/// </summary>
/// <remarks>
/// ILGPU's own barrier falls short twice: on OpenCL it fences global memory only, and on PTX its optimiser may move a
/// load of shared memory below it. So each back end gets a body of its own; the CPU accelerator runs the C#.
/// </remarks>
internal static class GroupBarrier
{
    private const BindingFlags AnyStatic = BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic;

    /// <summary>Waits for the group and orders its memory accesses. Every thread of the group must call it.</summary>
    [IntrinsicImplementation]
    public static void Sync() => Group.Barrier();

    /// <summary>Teaches a context the bodies of <see cref="Sync"/>.</summary>
    public static void Register(IntrinsicImplementationManager manager)
    {
        MethodInfo sync = typeof(GroupBarrier).GetMethod(nameof(Sync), AnyStatic)!;
        manager.RegisterMethod(sync, new CLIntrinsic(
            typeof(GroupBarrier), nameof(GenerateOpenCL), IntrinsicImplementationMode.GenerateCode));
        manager.RegisterMethod(sync, new PTXIntrinsic(
            typeof(GroupBarrier), nameof(GeneratePtx), IntrinsicImplementationMode.GenerateCode));
    }

    private static void GenerateOpenCL(CLBackend backend, CLCodeGenerator codeGenerator, Value value)
    {
        using var statement = codeGenerator.BeginStatement("work_group_barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE)");
    }

    /// <summary>ILGPU moves no load across what it does not understand; the instruction itself orders the group's memory accesses.</summary>
    private static void GeneratePtx(PTXBackend backend, PTXCodeGenerator codeGenerator, Value value)
    {
        using PTXCodeGenerator.CommandEmitter command = codeGenerator.BeginCommand("bar.sync");
        command.AppendConstant(0);
    }
}
