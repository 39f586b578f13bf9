using ILGPU.Backends.OpenCL;
using ILGPU.Backends.PTX;
using ILGPU.IR;
using ILGPU.IR.Intrinsics;

namespace IlgpuResNet.Kernels;

/// <summary>
/// Pins the computation of a number to the place where it is written. ILGPU moves computations to their use, even into a loop: it would
/// divide a thread's index again in each iteration, and repeat in each iteration of an inner loop the subtraction of the outer one.
/// </summary>
/// <remarks>
/// ILGPU takes the result as equal in all threads, and a branch that depends on it as uniform. Use it only for numbers that are equal in
/// all threads, or on which nothing but addresses depends.
/// </remarks>
internal static class RegisterPin
{
    /// <summary>Returns the value.</summary>
    [IntrinsicImplementation]
    public static int Of(int value) => value;

    /// <summary>Registers the bodies of <see cref="Of"/> with a context.</summary>
    public static void Register(IntrinsicImplementationManager manager) =>
        IntrinsicBodies.Register(manager, typeof(RegisterPin), nameof(Of), nameof(GenerateOpenCL), nameof(GeneratePtx));

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
