using System.Reflection;
using ILGPU.Backends.OpenCL;
using ILGPU.Backends.PTX;
using ILGPU.IR.Intrinsics;

namespace IlgpuResNet.Kernels;

/// <summary>Gives a method bodies of its own on OpenCL and in PTX; the CPU accelerator runs its C#.</summary>
internal static class IntrinsicBodies
{
    private const BindingFlags AnyStatic = BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic;

    /// <summary>Registers the bodies with a context.</summary>
    /// <param name="manager">The context's intrinsics.</param>
    /// <param name="type">The class of the three methods.</param>
    /// <param name="method">Name of the method that kernels call.</param>
    /// <param name="openCL">Name of the method that writes OpenCL C.</param>
    /// <param name="ptx">Name of the method that writes PTX.</param>
    public static void Register(IntrinsicImplementationManager manager, Type type, string method, string openCL, string ptx)
    {
        MethodInfo called = type.GetMethod(method, AnyStatic)!;
        manager.RegisterMethod(called, new CLIntrinsic(type, openCL, IntrinsicImplementationMode.GenerateCode));
        manager.RegisterMethod(called, new PTXIntrinsic(type, ptx, IntrinsicImplementationMode.GenerateCode));
    }
}
