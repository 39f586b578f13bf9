using System.Reflection;
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
    private const BindingFlags AnyStatic = BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic;

    /// <summary>a * b + c.</summary>
    [IntrinsicImplementation]
    public static float Of(float a, float b, float c) => MathF.FusedMultiplyAdd(a, b, c);

    /// <summary>Teaches a context the bodies of <see cref="Of"/>.</summary>
    public static void Register(IntrinsicImplementationManager manager)
    {
        MethodInfo method = typeof(FusedMultiplyAdd).GetMethod(nameof(Of), AnyStatic)!;
        manager.RegisterMethod(method, new CLIntrinsic(
            typeof(FusedMultiplyAdd), nameof(GenerateOpenCL), IntrinsicImplementationMode.GenerateCode));
        manager.RegisterMethod(method, new PTXIntrinsic(
            typeof(FusedMultiplyAdd), nameof(LeftToAssembler), IntrinsicImplementationMode.Redirect));
    }

    private static void GenerateOpenCL(CLBackend backend, CLCodeGenerator codeGenerator, Value value)
    {
        CLVariableAllocator.Variable result = codeGenerator.Allocate(value);
        using CLCodeGenerator.StatementEmitter statement = codeGenerator.BeginStatement(result, "fma");
        statement.BeginArguments();
        foreach (Value argument in value.Nodes) statement.AppendArgument(codeGenerator.Load(argument));
        statement.EndArguments();
    }

    /// <summary>The PTX assembler fuses these two by default.</summary>
    private static float LeftToAssembler(float a, float b, float c) => a * b + c;
}
