using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;
using ILGPU.Runtime.OpenCL;
using IlgpuResNet.Execution;
using IlgpuResNet.Graphs;
using IlgpuResNet.Kernels;
using IlgpuResNet.Kernels.Simd;
using IlgpuResNet.Kernels.Tiled;
using IlgpuResNet.Planning;

namespace IlgpuResNet.Devices;

/// <summary>
/// An opened device: its accelerator, its kernels, and the weights that sessions on it share.
/// Lives as long as the process or until the device is lost, because kernels live as long as their accelerator and are dear to compile.
/// </summary>
internal sealed class DeviceRuntime
{
    private readonly List<SharedWeights> weights = [];
    private readonly AcceleratorKernelLoader? loader;
    private readonly BackgroundLoad<IKernelFamily> common;

    private DeviceRuntime(ComputeDevice device, Accelerator accelerator)
    {
        Device = device;
        Accelerator = accelerator;
        if (device.Kind is DeviceKind.Cpu)
        {
            Kernels = new SimdKernels(accelerator);
        }
        else
        {
            loader = new AcceleratorKernelLoader(accelerator);
            Kernels = new TiledKernels(loader, accelerator, device.IsGpu ? DeviceProfiles.Of(accelerator.Device) : null);
        }
        common = new(() =>
        {
            Kernels.Load();
            return Kernels;
        });
        common.Start();
    }

    public ComputeDevice Device { get; }

    public Accelerator Accelerator { get; }

    /// <summary>Ready to pack filters; to run a plan, once <see cref="WaitForKernels"/> has returned.</summary>
    public IKernelFamily Kernels { get; }

    /// <summary>What the kernels of a GPU took to load; zeros of the processor, whose kernels .NET compiles.</summary>
    public KernelLoadTimes LoadTimes => loader?.Times ?? default;

    /// <summary>True when profiling markers can be added to its streams.</summary>
    public bool HasMarkers => Accelerator.Context.Properties.EnableProfiling;

    /// <summary>Held while kernels are enqueued: a kernel family takes one caller at a time.</summary>
    public Lock Gate { get; } = new();

    [RequiresDynamicCode(DynamicCode.Reason), RequiresUnreferencedCode(DynamicCode.Reason)]
    public static DeviceRuntime Create(ComputeDevice device, AcceleratorType type, Func<Context.Builder, Context.Builder> select)
    {
        Context? context = null;
        Accelerator? accelerator = null;
        try
        {
            context = Context.Create(builder =>
            {
                if (device.AllowsMarkers) builder.Profiling();
                select(device.Kind is DeviceKind.Cpu ? KernelContext.ConfigureForSimd(builder) : KernelContext.Configure(builder));
            });
            // A context that finds none of the devices asked for adds a slow simulated one: it must not pass for them.
            Device found = context.Devices.FirstOrDefault(candidate => candidate.AcceleratorType == type)
                ?? throw new DeviceException($"{device.Id}: the device is gone. Check its driver, or name another device.");
            accelerator = found.CreateAccelerator(context);
            return new DeviceRuntime(device, accelerator);
        }
        catch (Exception e)
        {
            accelerator?.Dispose();
            context?.Dispose();
            if (e is ResNetException) throw;
            throw new DeviceException($"{device.Id}: the device cannot be opened: {FirstLine(e)} Check its driver, or name another device.", e);
        }
    }

    /// <summary>Waits for kernels that other threads load: those of a plan, and what every session needs since the device was opened.</summary>
    /// <exception cref="DeviceException">One was not compiled; it is tried again when it is next asked for.</exception>
    public void WaitForKernels(Task plan)
    {
        try
        {
            plan.GetAwaiter().GetResult();
            _ = common.Value;
        }
        catch (Exception e) when (e is not ResNetException)
        {
            throw new DeviceException($"{Device.Id}: a kernel cannot be compiled: {FirstLine(e)} Update the device's driver, or name another device.", e);
        }
    }

    /// <summary>Chooses a plan's kernels by timing them, or as a file says; nothing else runs on the device meanwhile.</summary>
    public ImmutableArray<Conv2dMethod> Tune(ExecutionPlan plan, Numerics numerics, TuningFile file)
    {
        WaitForKernels(Task.CompletedTask);
        using ScopedAcceleratorBinding binding = Accelerator.BindScoped();
        lock (Gate) return new MethodTuner(Accelerator, Kernels).Choose(plan, numerics, $"{Device.Kind} {Device.Name}, {DriverName}", file);
    }

    /// <summary>True once the driver has failed in the middle of work: whoever needs the device opens it anew.</summary>
    public bool IsLost { get; private set; }

    /// <summary>Allocates floats.</summary>
    /// <exception cref="DeviceMemoryException">There is not enough memory.</exception>
    public DeviceMemory Allocate(long length, string purpose)
    {
        try
        {
            return new DeviceMemory(Accelerator, length);
        }
        catch (Exception e) when (e is not ResNetException)
        {
            throw DeviceFailure.CannotAllocate(Accelerator, Device.Id, length * sizeof(float), purpose, e);
        }
    }

    /// <summary>What an exception of the driver means for a session; a device that is lost by it is opened anew for the next.</summary>
    public DeviceException Failed(string network, Exception e)
    {
        string what = $"{Device.Id}: the device failed while running {network}: {FirstLine(e)}";
        if (DeviceFailure.IsOutOfMemory(e))
            return new DeviceMemoryException($"{what} Use a smaller batch or image, or another device.", null, DeviceFailure.FreeMemory(Accelerator), e);
        if (!DeviceFailure.IsLoss(e)) return new DeviceException($"{what} Dispose the session and make a new one.", e);
        IsLost = true;
        return new DeviceLostException($"{what} Dispose the session and make a new one, which opens the device anew.", e);
    }

    /// <summary>What a view shows, where it is the processor's own memory; empty on other devices.</summary>
    public unsafe Span<float> Memory(ArrayView<float> view) =>
        Kernels.HostVisible && view.Length > 0 ? new Span<float>(Unsafe.AsPointer(ref view[0]), checked((int)view.Length)) : [];

    /// <summary>
    /// The packed weights of a plan's graph, made for the first session that asks and freed with the last. Sessions share
    /// them when their layers are computed by the same algorithms, which may depend on the size of the image; that is always
    /// so with <see cref="Numerics.Exact"/>.
    /// </summary>
    public DeviceWeights AcquireWeights(Graph graph, ExecutionPlan plan, ImmutableArray<Conv2dMethod> methods, int? threads)
    {
        var algorithms = new Conv2dAlgorithm[methods.Length];
        for (int i = 0; i < algorithms.Length; i++) algorithms[i] = methods[i].Algorithm;
        lock (weights)
        {
            SharedWeights? shared = weights.Find(candidate => ReferenceEquals(candidate.Graph, graph) && candidate.Algorithms.AsSpan().SequenceEqual(algorithms));
            if (shared is null) weights.Add(shared = new SharedWeights(graph, algorithms, DeviceWeights.Create(this, graph.Name, plan.Steps, algorithms, threads)));
            shared.Sessions++;
            return shared.Weights;
        }
    }

    public void ReleaseWeights(DeviceWeights released)
    {
        lock (weights)
        {
            SharedWeights shared = weights.Find(candidate => candidate.Weights == released)!;
            if (--shared.Sessions > 0) return;
            weights.Remove(shared);
            released.Dispose();
        }
    }

    /// <summary>What compiles and runs the kernels.</summary>
    private string DriverName => Accelerator.Device switch
    {
        CudaDevice cuda => $"driver {cuda.DriverVersion}",
        CLDevice cl => $"{cl.PlatformName} {cl.PlatformVersion}, {cl.DeviceVersion}",
        _ => $".NET {Environment.Version}",
    };

    /// <summary>A driver's message made fit for one line.</summary>
    public static string FirstLine(Exception exception) => exception.Message.ReplaceLineEndings("\n").Split('\n')[0].TrimEnd('.') + ".";

    private sealed class SharedWeights(Graph graph, Conv2dAlgorithm[] algorithms, DeviceWeights weights)
    {
        public Graph Graph { get; } = graph;

        public Conv2dAlgorithm[] Algorithms { get; } = algorithms;

        public DeviceWeights Weights { get; } = weights;

        public int Sessions { get; set; }
    }
}
