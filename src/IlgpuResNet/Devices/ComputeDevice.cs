using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using ILGPU.Runtime.Cuda;
using ILGPU.Runtime.OpenCL;
using IlgpuResNet.Devices;

namespace IlgpuResNet;

/// <summary>The interface through which a <see cref="ComputeDevice"/> is reached.</summary>
public enum DeviceKind
{
    /// <summary>An NVIDIA GPU through its driver.</summary>
    Cuda,

    /// <summary>A GPU, or on request a CPU, through an OpenCL driver.</summary>
    OpenCL,

    /// <summary>The processor, with SIMD kernels.</summary>
    Cpu,
}

/// <summary>
/// A device that can run networks. Listing devices opens none of them; the first session on a device opens it and compiles its kernels, and
/// later sessions find them ready. One instance per device and process; thread-safe.
/// </summary>
public sealed class ComputeDevice
{
    private const string CpuId = "cpu";

    private static readonly Lazy<ImmutableArray<ComputeDevice>> Devices = new(Enumerate);
    private static readonly Lazy<ComputeDevice> CpuDevice = new(CreateCpu);

    private readonly Lock gate = new();
    private readonly Device device;
    private readonly Func<Context.Builder, Context.Builder> select;
    private DeviceRuntime? runtime;

    private ComputeDevice(DeviceKind kind, int index, Device device, bool isGpu, Func<Context.Builder, Context.Builder> select)
    {
        Kind = kind;
        Id = kind is DeviceKind.Cpu ? CpuId : string.Create(CultureInfo.InvariantCulture, $"{kind.ToString().ToLowerInvariant()}:{index}");
        IsGpu = isGpu;
        this.device = device;
        this.select = select;
    }

    /// <summary>Name by which <see cref="Get"/> finds the device: <c>cpu</c>, <c>opencl:0</c>, <c>cuda:0</c>.</summary>
    public string Id { get; }

    /// <summary>The driver's name for the device; for the processor its threads and vectors.</summary>
    public string Name => Kind is DeviceKind.Cpu ? $"{Environment.ProcessorCount} processor threads, {VectorName}" : device.Name;

    /// <summary>The interface through which the device is reached.</summary>
    public DeviceKind Kind { get; }

    /// <summary>True for a GPU; false for a processor, also when it is reached through OpenCL.</summary>
    public bool IsGpu { get; }

    /// <summary>Bytes of memory that the device reports.</summary>
    public long MemoryBytes => Kind is DeviceKind.Cpu ? GC.GetGCMemoryInfo().TotalAvailableMemoryBytes : device.MemorySize;

    /// <summary>Most threads of a group (thread block).</summary>
    public int MaxThreadsPerGroup => device.MaxNumThreadsPerGroup;

    /// <summary>Most shared memory of a group (thread block), in bytes.</summary>
    public int MaxSharedMemoryPerGroup => device.MaxSharedMemoryPerGroup;

    /// <summary>Number of streaming multiprocessors, compute units or processor threads.</summary>
    public int Multiprocessors => device.NumMultiprocessors;

    /// <summary>True when kernels may use 16-bit floats.</summary>
    public bool SupportsHalf => device.Capabilities switch
    {
        CLCapabilityContext cl => cl.Float16,
        _ => true,
    };

    /// <summary>
    /// The device that is used when none is named: the first CUDA device, else the first GPU with OpenCL, else the processor. A processor
    /// behind OpenCL is used only when it is named.
    /// </summary>
    public static ComputeDevice Default => Devices.Value.First(device => device.IsGpu || device.Kind is DeviceKind.Cpu);

    /// <summary>The processor.</summary>
    public static ComputeDevice Cpu => CpuDevice.Value;

    /// <summary>The device whose answers those of others are compared with.</summary>
    internal static ComputeDevice Reference => Cpu;

    private static string VectorName =>
        System.Runtime.Intrinsics.Vector512.IsHardwareAccelerated ? "512-bit vectors"
        : System.Runtime.Intrinsics.Vector256.IsHardwareAccelerated ? "256-bit vectors"
        : System.Runtime.Intrinsics.Vector128.IsHardwareAccelerated ? "128-bit vectors"
        : "no vectors";

    /// <summary>Every device of this machine: CUDA, then OpenCL, then the processor.</summary>
    public static IReadOnlyList<ComputeDevice> List() => Devices.Value;

    /// <summary>Finds a device by its <see cref="Id"/>, such as <c>cpu</c> or <c>cuda:0</c>; <c>cuda</c> alone means the first.</summary>
    /// <exception cref="DeviceException">There is no such device; the message lists the devices of this machine.</exception>
    public static ComputeDevice Get(string id)
    {
        ArgumentNullException.ThrowIfNull(id);
        // The processor needs no search for drivers, which can take longer than a small network.
        if (id.Equals(CpuId, StringComparison.OrdinalIgnoreCase)) return Cpu;
        return Devices.Value.FirstOrDefault(device => device.Id.Equals(id, StringComparison.OrdinalIgnoreCase))
            ?? Devices.Value.FirstOrDefault(device => device.Kind.ToString().Equals(id, StringComparison.OrdinalIgnoreCase))
            ?? throw new DeviceException(
                $"There is no device '{id}' on this machine; it has {string.Join(", ", Devices.Value.Select(device => device.Id))}. "
                + "Name one of these.");
    }

    /// <summary>
    /// Starts to open the device and to compile its kernels on another thread. A program that knows its device before it loads a network
    /// gets its first answer sooner when it calls this first; sessions call it, too. A second call does nothing. A failure is not reported
    /// here: the session that needs the device reports it.
    /// </summary>
    [RequiresDynamicCode(DynamicCode.Reason), RequiresUnreferencedCode(DynamicCode.Reason)]
    public void Prepare()
    {
        if (runtime is { IsLost: false }) return;
        _ = Task.Run(() =>
        {
            try
            {
                Open();
            }
            catch (ResNetException)
            {
                // The next call that opens the device reports the reason.
            }
        });
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Id} ({Name})";

    /// <summary>True when kernels run on the processor's own threads, which all sessions share and use in turn.</summary>
    internal bool SharesProcessor => Kind is DeviceKind.Cpu;

    /// <summary>True when the device is opened so that profiling markers can be added to its streams.</summary>
    internal bool AllowsMarkers { get; private set; }

    /// <summary>The opened device; opens it at the first call, and at the first after it was lost.</summary>
    /// <exception cref="DeviceException">The driver refused.</exception>
    [RequiresDynamicCode(DynamicCode.Reason), RequiresUnreferencedCode(DynamicCode.Reason)]
    internal DeviceRuntime Open()
    {
        lock (gate)
        {
            if (runtime is { IsLost: false }) return runtime;
            return runtime = DeviceRuntime.Create(this, device.AcceleratorType, select);
        }
    }

    /// <summary>The opened device for a session; each call is paired with one of <see cref="DeviceRuntime.Release"/>.</summary>
    /// <exception cref="DeviceException">The driver refused.</exception>
    [RequiresDynamicCode(DynamicCode.Reason), RequiresUnreferencedCode(DynamicCode.Reason)]
    internal DeviceRuntime Acquire()
    {
        while (true)
        {
            DeviceRuntime opened = Open();
            if (opened.TryRetain()) return opened;
        }
    }

    /// <summary>
    /// Asks for profiling markers, for measurements, where the device has them: the processor has none. Call it before the device is first
    /// opened.
    /// </summary>
    internal void RequestMarkers() => AllowsMarkers = Kind is not DeviceKind.Cpu;

    /// <summary>Number of processor threads for a session; null on a device that is not the processor.</summary>
    /// <param name="asked">The number that the session asks for, or null for all.</param>
    /// <exception cref="DeviceException">The processor has fewer.</exception>
    internal int? ThreadsOf(int? asked)
    {
        if (!SharesProcessor) return null;
        int threads = asked ?? Multiprocessors;
        return threads >= 1 && threads <= Multiprocessors
            ? threads
            : throw new DeviceException(
                $"{Id}: {threads} threads were asked for, but there are {Multiprocessors}; "
                + $"ask for 1 to {Multiprocessors}, or for no number to have all.");
    }

    private static ComputeDevice CreateCpu()
    {
        // Two threads a warp is ILGPU's least; with groups of one thread, each multiprocessor is one working thread.
        var device = new CPUDevice(2, 1, Environment.ProcessorCount);
        return new ComputeDevice(DeviceKind.Cpu, 0, device, isGpu: false, builder => builder.CPU(device));
    }

    private static ImmutableArray<ComputeDevice> Enumerate()
    {
        DriverLibraries.Install();
        var devices = ImmutableArray.CreateBuilder<ComputeDevice>();
        foreach (CudaDevice cuda in CudaDevice.GetDevices(_ => true).OfType<CudaDevice>())
        {
            devices.Add(new ComputeDevice(
                DeviceKind.Cuda, devices.Count, cuda, isGpu: true, builder => builder.Cuda(other => other.DeviceId == cuda.DeviceId)));
        }
        int index = 0;
        foreach (CLDevice cl in CLDevice.GetDevices(device => device.Capabilities.GenericAddressSpace).OfType<CLDevice>())
        {
            bool isGpu = cl.DeviceType.HasFlag(CLDeviceType.CL_DEVICE_TYPE_GPU);
            devices.Add(new ComputeDevice(
                DeviceKind.OpenCL, index++, cl, isGpu, builder => builder.OpenCL(other => other.DeviceId == cl.DeviceId)));
        }
        devices.Add(Cpu);
        return devices.DrainToImmutable();
    }
}
