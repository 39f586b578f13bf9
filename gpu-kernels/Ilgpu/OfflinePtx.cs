using System.Reflection;
using ILGPU;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.PTX;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;

namespace IlgpuResNet.Kernels;

/// <summary>What ILGPU makes of a kernel for an NVIDIA GPU, without one: to be read, executed by an interpreter or assembled.</summary>
internal static class OfflinePtx
{
    /// <summary>The PTX of an explicitly grouped kernel. ILGPU names no target above sm_80: newer GPUs get that.</summary>
    public static string Compile(MethodInfo kernel, KernelSpecialization specialization, CudaArchitecture architecture)
    {
        // A context of its own for each compilation: a failed one can spoil its context.
        using var context = Context.Create(builder => KernelContext.Configure(builder));
        using var backend = new PTXBackend(
            context, new CudaCapabilityContext(architecture), architecture, CudaInstructionSet.ISA_70, nvvmAPI: null);
        EntryPointDescription entry = EntryPointDescription.FromExplicitlyGroupedKernel(kernel);
        return ((PTXCompiledKernel)backend.Compile(entry, specialization)).PTXAssembly;
    }
}
