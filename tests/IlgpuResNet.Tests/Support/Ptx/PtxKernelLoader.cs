using System.Reflection;
using ILGPU;
using ILGPU.Runtime;
using IlgpuResNet.Kernels;
using IlgpuResNet.SimulatedCuda.Ptx;

namespace IlgpuResNet.Tests.Ptx;

/// <summary>
/// Loads kernels as the PTX that ILGPU makes of them, or as what an edit makes of that, and launches them on the interpreter.
/// </summary>
internal sealed class PtxKernelLoader(Func<string, string>? edit = null) : IKernelLoader
{
    public Action<AcceleratorStream, KernelConfig, T1, T2, T3> Load<T1, T2, T3>(
        Action<T1, T2, T3> kernel, KernelSpecialization specialization)
        where T1 : struct
        where T2 : struct
        where T3 : struct
    {
        PtxProgram program = Load(kernel.Method, specialization);
        return (_, config, a, b, c) =>
        {
            var arguments = new KernelArguments();
            arguments.Add(a);
            arguments.Add(b);
            arguments.Add(c);
            arguments.Launch(program, config);
        };
    }

    public Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4> Load<T1, T2, T3, T4>(
        Action<T1, T2, T3, T4> kernel, KernelSpecialization specialization)
        where T1 : struct
        where T2 : struct
        where T3 : struct
        where T4 : struct
    {
        PtxProgram program = Load(kernel.Method, specialization);
        return (_, config, a, b, c, d) =>
        {
            var arguments = new KernelArguments();
            arguments.Add(a);
            arguments.Add(b);
            arguments.Add(c);
            arguments.Add(d);
            arguments.Launch(program, config);
        };
    }

    public Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5> Load<T1, T2, T3, T4, T5>(
        Action<T1, T2, T3, T4, T5> kernel, KernelSpecialization specialization)
        where T1 : struct
        where T2 : struct
        where T3 : struct
        where T4 : struct
        where T5 : struct
    {
        PtxProgram program = Load(kernel.Method, specialization);
        return (_, config, a, b, c, d, e) =>
        {
            var arguments = new KernelArguments();
            arguments.Add(a);
            arguments.Add(b);
            arguments.Add(c);
            arguments.Add(d);
            arguments.Add(e);
            arguments.Launch(program, config);
        };
    }

    public Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5, T6> Load<T1, T2, T3, T4, T5, T6>(
        Action<T1, T2, T3, T4, T5, T6> kernel, KernelSpecialization specialization)
        where T1 : struct
        where T2 : struct
        where T3 : struct
        where T4 : struct
        where T5 : struct
        where T6 : struct
    {
        PtxProgram program = Load(kernel.Method, specialization);
        return (_, config, a, b, c, d, e, f) =>
        {
            var arguments = new KernelArguments();
            arguments.Add(a);
            arguments.Add(b);
            arguments.Add(c);
            arguments.Add(d);
            arguments.Add(e);
            arguments.Add(f);
            arguments.Launch(program, config);
        };
    }

    private PtxProgram Load(MethodInfo kernel, KernelSpecialization specialization) => edit is null
        ? PtxCompiler.Load(kernel, specialization)
        : PtxParser.Parse(edit(PtxCompiler.Compile(kernel, specialization)), contracts: true);
}
