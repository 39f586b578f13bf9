using System.Reflection;
using ILGPU;
using ILGPU.Runtime;
using IlgpuResNet.Kernels;

namespace IlgpuResNet.Bench.Ptx;

/// <summary>A kernel that a family loads.</summary>
internal sealed record RecordedKernel(MethodInfo Method, KernelSpecialization Specialization)
{
    /// <summary>Name for tables, such as <c>ImplicitGemm&lt;DenseActivations&gt;</c>.</summary>
    public string Name { get; } = NameOf(Method);

    private static string NameOf(MethodInfo method)
    {
        string kernel = method.Name == "Kernel" ? "" : "." + method.Name;
        IEnumerable<string> arguments = method.DeclaringType!.GetGenericArguments().Concat(method.GetGenericArguments()).Select(NameOf);
        return $"{method.DeclaringType.Name.Split('`')[0]}{kernel}{(arguments.Any() ? $"<{string.Join(", ", arguments)}>" : "")}";
    }

    private static string NameOf(Type type) =>
        type.IsGenericType ? $"{type.Name.Split('`')[0]}<{string.Join(", ", type.GetGenericArguments().Select(NameOf))}>" : type.Name;
}

/// <summary>One launch.</summary>
internal sealed record RecordedLaunch(RecordedKernel Kernel, long Blocks, int Threads);

/// <summary>A loader that compiles nothing and records launches: the kernels that a plan runs, and their numbers of blocks.</summary>
internal sealed class LaunchRecorder : IKernelLoader
{
    private readonly List<RecordedLaunch> launches = [];

    /// <summary>The launches since the last call.</summary>
    public RecordedLaunch[] Take()
    {
        RecordedLaunch[] taken = [.. launches];
        launches.Clear();
        return taken;
    }

    public Action<AcceleratorStream, KernelConfig, T1, T2, T3> Load<T1, T2, T3>(
        Action<T1, T2, T3> kernel, KernelSpecialization specialization)
        where T1 : struct
        where T2 : struct
        where T3 : struct
    {
        var loaded = new RecordedKernel(kernel.Method, specialization);
        return (_, config, _, _, _) => Record(loaded, config);
    }

    public Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4> Load<T1, T2, T3, T4>(
        Action<T1, T2, T3, T4> kernel, KernelSpecialization specialization)
        where T1 : struct
        where T2 : struct
        where T3 : struct
        where T4 : struct
    {
        var loaded = new RecordedKernel(kernel.Method, specialization);
        return (_, config, _, _, _, _) => Record(loaded, config);
    }

    public Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5> Load<T1, T2, T3, T4, T5>(
        Action<T1, T2, T3, T4, T5> kernel, KernelSpecialization specialization)
        where T1 : struct
        where T2 : struct
        where T3 : struct
        where T4 : struct
        where T5 : struct
    {
        var loaded = new RecordedKernel(kernel.Method, specialization);
        return (_, config, _, _, _, _, _) => Record(loaded, config);
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
        var loaded = new RecordedKernel(kernel.Method, specialization);
        return (_, config, _, _, _, _, _, _) => Record(loaded, config);
    }

    private void Record(RecordedKernel kernel, KernelConfig config) =>
        launches.Add(new RecordedLaunch(kernel, (long)config.GridDim.X * config.GridDim.Y * config.GridDim.Z, config.GroupDim.Size));
}
