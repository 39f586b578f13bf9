using ILGPU.Backends.OpenCL;
using ILGPU.Backends.PTX;
using ILGPU.IR;
using ILGPU.IR.Intrinsics;

namespace IlgpuResNet.Kernels;

/// <summary>
/// a * b + c with one rounding, on every back end. ILGPU maps no such function, and on OpenCL its generated C, one statement
/// per operation, keeps the compiler from fusing by itself.
/// </summary>
internal static class FusedMultiplyAdd
{
    /// <summary>a * b + c.</summary>
    [IntrinsicImplementation]
    public static float Of(float a, float b, float c) => MathF.FusedMultiplyAdd(a, b, c);

    /// <summary>Registers the bodies of <see cref="Of"/> with a context.</summary>
    public static void Register(IntrinsicImplementationManager manager) =>
        IntrinsicBodies.Register(manager, typeof(FusedMultiplyAdd), nameof(Of), nameof(GenerateOpenCL), nameof(GeneratePtx));

    private static void GenerateOpenCL(CLBackend backend, CLCodeGenerator codeGenerator, Value value)
    {
        CLVariableAllocator.Variable result = codeGenerator.Allocate(value);
        using CLCodeGenerator.StatementEmitter statement = codeGenerator.BeginStatement(result, "fma");
        statement.BeginArguments();
        foreach (Value argument in value.Nodes) statement.AppendArgument(codeGenerator.Load(argument));
        statement.EndArguments();
    }

    /// <summary>
    /// The PTX assembler would fuse a product and a sum by itself. But ILGPU moves products and sums to their use, behind the loads and the
    /// barrier of the whole loop; an instruction that it does not understand stays in place.
    /// </summary>
    private static void GeneratePtx(PTXBackend backend, PTXCodeGenerator codeGenerator, Value value)
    {
        PTXRegisterAllocator.HardwareRegister result = codeGenerator.AllocateHardware(value);
        using PTXCodeGenerator.CommandEmitter command = codeGenerator.BeginCommand("fma.rn.f32");
        command.AppendArgument(result);
        foreach (Value argument in value.Nodes) command.AppendArgument(codeGenerator.LoadPrimitive(argument));
    }
}
