using ILGPU;
using ILGPU.Runtime;

namespace IlgpuResNet.Kernels;

/// <summary>
/// Loads explicitly grouped kernels: on an accelerator, or in tests on a machine that has none. One method per number of parameters
/// that a kernel here has.
/// </summary>
internal interface IKernelLoader
{
    /// <summary>Compiles a kernel; what it returns launches it.</summary>
    Action<AcceleratorStream, KernelConfig, T1, T2, T3> Load<T1, T2, T3>(Action<T1, T2, T3> kernel, KernelSpecialization specialization = default)
        where T1 : struct
        where T2 : struct
        where T3 : struct;

    /// <summary>Compiles a kernel; what it returns launches it.</summary>
    Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4> Load<T1, T2, T3, T4>(Action<T1, T2, T3, T4> kernel, KernelSpecialization specialization = default)
        where T1 : struct
        where T2 : struct
        where T3 : struct
        where T4 : struct;

    /// <summary>Compiles a kernel; what it returns launches it.</summary>
    Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5> Load<T1, T2, T3, T4, T5>(Action<T1, T2, T3, T4, T5> kernel, KernelSpecialization specialization = default)
        where T1 : struct
        where T2 : struct
        where T3 : struct
        where T4 : struct
        where T5 : struct;

    /// <summary>Compiles a kernel; what it returns launches it.</summary>
    Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5, T6> Load<T1, T2, T3, T4, T5, T6>(Action<T1, T2, T3, T4, T5, T6> kernel, KernelSpecialization specialization = default)
        where T1 : struct
        where T2 : struct
        where T3 : struct
        where T4 : struct
        where T5 : struct
        where T6 : struct;
}

/// <summary>The loader of an accelerator.</summary>
internal sealed class AcceleratorKernelLoader(Accelerator accelerator) : IKernelLoader
{
    public Action<AcceleratorStream, KernelConfig, T1, T2, T3> Load<T1, T2, T3>(Action<T1, T2, T3> kernel, KernelSpecialization specialization)
        where T1 : struct
        where T2 : struct
        where T3 : struct =>
        accelerator.LoadKernel(kernel, specialization);

    public Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4> Load<T1, T2, T3, T4>(Action<T1, T2, T3, T4> kernel, KernelSpecialization specialization)
        where T1 : struct
        where T2 : struct
        where T3 : struct
        where T4 : struct =>
        accelerator.LoadKernel(kernel, specialization);

    public Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5> Load<T1, T2, T3, T4, T5>(Action<T1, T2, T3, T4, T5> kernel, KernelSpecialization specialization)
        where T1 : struct
        where T2 : struct
        where T3 : struct
        where T4 : struct
        where T5 : struct =>
        accelerator.LoadKernel(kernel, specialization);

    public Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5, T6> Load<T1, T2, T3, T4, T5, T6>(Action<T1, T2, T3, T4, T5, T6> kernel, KernelSpecialization specialization)
        where T1 : struct
        where T2 : struct
        where T3 : struct
        where T4 : struct
        where T5 : struct
        where T6 : struct =>
        accelerator.LoadKernel(kernel, specialization);
}
