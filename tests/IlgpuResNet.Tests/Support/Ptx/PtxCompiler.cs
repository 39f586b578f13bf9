using System.Collections.Concurrent;
using System.Reflection;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;
using IlgpuResNet.Kernels;
using IlgpuResNet.SimulatedCuda.Ptx;

namespace IlgpuResNet.Tests.Ptx;

/// <summary>Compiles kernels for sm_80, without a GPU.</summary>
internal static class PtxCompiler
{
    private static readonly ConcurrentDictionary<MethodInfo, string> Compiled = new();
    private static readonly ConcurrentDictionary<MethodInfo, PtxProgram> Parsed = new();

    /// <summary>The PTX of an explicitly grouped kernel.</summary>
    public static string Compile(MethodInfo kernel, KernelSpecialization specialization) =>
        Compiled.GetOrAdd(kernel, method => OfflinePtx.Compile(method, specialization, CudaArchitecture.SM_80));

    /// <summary>Compiles a kernel, parses its PTX and contracts it as ptxas would.</summary>
    public static PtxProgram Load(MethodInfo kernel, KernelSpecialization specialization) =>
        Parsed.GetOrAdd(kernel, method => PtxParser.Parse(Compile(method, specialization), contracts: true));
}
