using System.Reflection;
using ILGPU.Backends.OpenCL;
using ILGPU.Backends.PTX;
using ILGPU.IR;
using ILGPU.IR.Intrinsics;

namespace IlgpuResNet.Kernels;

/// <summary>
/// A number that is computed where it is written. ILGPU moves computations to their use, into a loop if that is where it lies, and would divide a thread's
/// index anew in each turn.
/// </summary>
internal static class HereComputed
{
    private const BindingFlags AnyStatic = BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic;

    /// <summary>The value itself.</summary>
    [IntrinsicImplementation]
    public static int Of(int value) => value;

    /// <summary>Teaches a context the bodies of <see cref="Of"/>.</summary>
    public static void Register(IntrinsicImplementationManager manager)
    {
        MethodInfo method = typeof(HereComputed).GetMethod(nameof(Of), AnyStatic)!;
        manager.RegisterMethod(method, new CLIntrinsic(typeof(HereComputed), nameof(Anywhere), IntrinsicImplementationMode.Redirect));
        manager.RegisterMethod(method, new PTXIntrinsic(typeof(HereComputed), nameof(GeneratePtx), IntrinsicImplementationMode.GenerateCode));
    }

    /// <summary>An OpenCL compiler places what it likes.</summary>
    private static int Anywhere(int value) => value;

    private static void GeneratePtx(PTXBackend backend, PTXCodeGenerator codeGenerator, Value value)
    {
        PTXRegisterAllocator.HardwareRegister result = codeGenerator.AllocateHardware(value);
        using PTXCodeGenerator.CommandEmitter command = codeGenerator.BeginCommand("mov.u32");
        command.AppendArgument(result);
        command.AppendArgument(codeGenerator.LoadPrimitive(value.Nodes[0]));
    }
}
