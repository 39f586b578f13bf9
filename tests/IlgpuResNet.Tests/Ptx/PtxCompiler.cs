using System.Collections.Concurrent;
using System.Reflection;
using ILGPU;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.PTX;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;
using IlgpuResNet.Kernels;

namespace IlgpuResNet.Tests.Ptx;

/// <summary>What ILGPU makes of a kernel for sm_80, without a GPU.</summary>
internal static class PtxCompiler
{
    private static readonly ConcurrentDictionary<MethodInfo, string> Compiled = new();
    private static readonly ConcurrentDictionary<MethodInfo, PtxProgram> Parsed = new();

    /// <summary>The PTX of an explicitly grouped kernel.</summary>
    public static string Compile(MethodInfo kernel, KernelSpecialization specialization) => Compiled.GetOrAdd(kernel, method =>
    {
        // A context of its own for each compilation: a failed one can spoil its context.
        using var context = Context.Create(builder => KernelContext.Configure(builder));
        using var backend = new PTXBackend(
            context, new CudaCapabilityContext(CudaArchitecture.SM_80), CudaArchitecture.SM_80, CudaInstructionSet.ISA_70, nvvmAPI: null);
        EntryPointDescription entry = EntryPointDescription.FromExplicitlyGroupedKernel(method);
        return ((PTXCompiledKernel)backend.Compile(entry, specialization)).PTXAssembly;
    });

    /// <summary>The same, parsed and contracted as ptxas would.</summary>
    public static PtxProgram Load(MethodInfo kernel, KernelSpecialization specialization) =>
        Parsed.GetOrAdd(kernel, method => PtxParser.Parse(Compile(method, specialization), contracts: true));
}
