using System.Reflection;
using ILGPU.Backends.OpenCL;
using ILGPU.Backends.PTX;
using ILGPU.IR;
using ILGPU.IR.Intrinsics;

namespace IlgpuResNet.Kernels;

/// <summary>
/// A number that is computed where it is written. ILGPU moves computations to their use, into a loop if that is where it lies: it would divide a thread's
/// index anew in each turn, and subtract anew in each turn of an inner loop what an outer one counts down.
/// </summary>
/// <remarks>
/// ILGPU takes the result to be the same in all threads, and a branch that depends on it for one that they take together: use it for what is so, or for
/// what nothing depends on but addresses.
/// </remarks>
internal static class RegisterPin
{
    private const BindingFlags AnyStatic = BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic;

    /// <summary>The value itself.</summary>
    [IntrinsicImplementation]
    public static int Of(int value) => value;

    /// <summary>Teaches a context the bodies of <see cref="Of"/>.</summary>
    public static void Register(IntrinsicImplementationManager manager)
    {
        MethodInfo method = typeof(RegisterPin).GetMethod(nameof(Of), AnyStatic)!;
        manager.RegisterMethod(method, new CLIntrinsic(typeof(RegisterPin), nameof(GenerateOpenCL), IntrinsicImplementationMode.GenerateCode));
        manager.RegisterMethod(method, new PTXIntrinsic(typeof(RegisterPin), nameof(GeneratePtx), IntrinsicImplementationMode.GenerateCode));
    }

    private static void GenerateOpenCL(CLBackend backend, CLCodeGenerator codeGenerator, Value value)
    {
        CLVariableAllocator.Variable result = codeGenerator.Allocate(value);
        using CLCodeGenerator.StatementEmitter statement = codeGenerator.BeginStatement(result, "convert_int");
        statement.BeginArguments();
        statement.AppendArgument(codeGenerator.Load(value.Nodes[0]));
        statement.EndArguments();
    }

    private static void GeneratePtx(PTXBackend backend, PTXCodeGenerator codeGenerator, Value value)
    {
        PTXRegisterAllocator.HardwareRegister result = codeGenerator.AllocateHardware(value);
        using PTXCodeGenerator.CommandEmitter command = codeGenerator.BeginCommand("mov.u32");
        command.AppendArgument(result);
        command.AppendArgument(codeGenerator.LoadPrimitive(value.Nodes[0]));
    }
}
