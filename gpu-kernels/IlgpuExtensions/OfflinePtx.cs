using System.Reflection;
using ILGPU;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.PTX;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;

namespace IlgpuResNet.Kernels;

/// <summary>Compiles kernels to PTX on a machine without a GPU, for tests that read, interpret or assemble the PTX.</summary>
internal static class OfflinePtx
{
    /// <summary>The PTX of an explicitly grouped kernel. ILGPU names no target above sm_80; newer GPUs run the code for sm_80.</summary>
    public static string Compile(MethodInfo kernel, KernelSpecialization specialization, CudaArchitecture architecture)
    {
        // Each compilation has its own context, because a failed compilation can corrupt its context.
        using var context = Context.Create(builder => KernelContext.Configure(builder));
        using var backend = new PTXBackend(
            context, new CudaCapabilityContext(architecture), architecture, CudaInstructionSet.ISA_70, nvvmAPI: null);
        EntryPointDescription entry = EntryPointDescription.FromExplicitlyGroupedKernel(kernel);
        return ((PTXCompiledKernel)backend.Compile(entry, specialization)).PTXAssembly;
    }
}
