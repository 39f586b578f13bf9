using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;
using ILGPU.Runtime.OpenCL;
using IlgpuResNet.Kernels;
using IlgpuResNet.Kernels.Simd;
using IlgpuResNet.Kernels.Tiled;

namespace IlgpuResNet.Devices;

/// <summary>
/// An opened device, on which sessions run: its accelerator and its kernels. It lives until the process ends, because kernels live as long
/// as their accelerator and take long to compile. A lost device lives until its last session is disposed: only then may its context be
/// destroyed, since a driver need not survive calls with handles of a destroyed one.
/// </summary>
internal sealed class DeviceRuntime
{
    private readonly AcceleratorKernelLoader? loader;
    private readonly BackgroundLoad<IKernelFamily> common;
    private readonly Task firstLoad;
    private readonly Lock users = new();
    private int sessions;
    private bool isClosed;

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
            loader = new AcceleratorKernelLoader(accelerator, () => Bind());
            Kernels = new TiledKernels(loader, accelerator, device.IsGpu ? DeviceProfiles.Of(accelerator.Device) : null);
        }
        common = new(() =>
        {
            Kernels.Load();
            return Kernels;
        });
        firstLoad = common.Start();
    }

    /// <summary>The device.</summary>
    public ComputeDevice Device { get; }

    /// <summary>ILGPU's device, which allocates memory and makes streams.</summary>
    public Accelerator Accelerator { get; }

    /// <summary>The device's kernels. They can pack filters at once, and run a plan after <see cref="WaitForKernels"/>.</summary>
    public IKernelFamily Kernels { get; }

    /// <summary>Load times of a GPU's kernels; zeros for the processor, whose kernels .NET compiles.</summary>
    public KernelLoadTimes LoadTimes => loader?.Times ?? default;

    /// <summary>True when profiling markers can be added to its streams.</summary>
    public bool HasMarkers => Accelerator.Context.Properties.EnableProfiling;

    /// <summary>Names the device together with what compiles and runs its kernels; timings hold for one such name.</summary>
    public string TuningKey => $"{Device.Kind} {Device.Name}, {DriverName}";

    /// <summary>Held while kernels are enqueued: a kernel family takes one caller at a time.</summary>
    public Lock Gate { get; } = new();

    /// <summary>True once the driver has failed in the middle of work; the device is opened anew for the next session.</summary>
    public bool IsLost { get; private set; }

    /// <summary>The device's driver and its version.</summary>
    public string DriverName => Accelerator.Device switch
    {
        CudaDevice cuda => $"driver {cuda.DriverVersion}",
        CLDevice cl => $"{cl.PlatformName} {cl.PlatformVersion}, {cl.DeviceVersion}",
        _ => $".NET {Environment.Version}",
    };

    /// <summary>Opens a device.</summary>
    /// <param name="device">The device.</param>
    /// <param name="type">The kind of accelerator that it must become.</param>
    /// <param name="select">Adds the device, and no other, to a context.</param>
    /// <exception cref="DeviceException">The driver refused.</exception>
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
            // A context that finds none of the devices asked for adds a slow simulated one, which must not be taken for them.
            Device found = context.Devices.FirstOrDefault(candidate => candidate.AcceleratorType == type)
                ?? throw new DeviceException($"{device.Id}: the device is gone. Check its driver, or name another device.");
            accelerator = found.CreateAccelerator(context);
            return new DeviceRuntime(device, accelerator);
        }
        catch (Exception e)
        {
            // An accelerator whose constructor fails is the thread's current one, and cannot be reached otherwise.
            accelerator ??= Accelerator.Current is { } half && half.Context == context ? half : null;
            AcceleratorDisposal.Destroy(accelerator, context);
            if (e is ResNetException) throw;
            bool isOutOfMemory = DeviceFailure.IsOutOfMemory(e);
            string advice = isOutOfMemory ? "Free memory of the device, or name another." : "Check its driver, or name another device.";
            string what = $"{device.Id}: the device cannot be opened: {RuntimeFailure.Explain(e, advice)}";
            throw isOutOfMemory ? new DeviceMemoryException(what, null, null, e) : new DeviceException(what, e);
        }
    }

    /// <summary>Counts a session, or what else must find the device open; false when the device is closed already.</summary>
    public bool TryRetain()
    {
        lock (users)
        {
            if (isClosed) return false;
            sessions++;
            return true;
        }
    }

    /// <summary>Gives back what <see cref="TryRetain"/> counted. A lost device is closed with its last session.</summary>
    public void Release()
    {
        lock (users)
        {
            if (--sessions > 0 || !IsLost || isClosed) return;
            isClosed = true;
        }
        // Kernels that are still loading use the context; on a lost device they soon fail.
        firstLoad.ContinueWith(static _ => { }, TaskScheduler.Default).Wait();
        AcceleratorDisposal.Destroy(Accelerator, Accelerator.Context);
    }

    /// <summary>Makes the device current on the calling thread, as drivers' calls need it.</summary>
    public DeviceBinding Bind() => new(Accelerator);

    /// <summary>
    /// Takes one step to free something. Where the driver fails, something stays allocated: the device counts as lost, so that the context
    /// with all that it holds is destroyed after its last session.
    /// </summary>
    public void Free(Action step)
    {
        try
        {
            using DeviceBinding binding = Bind();
            step();
        }
        catch (AcceleratorException)
        {
            IsLost = true;
        }
    }

    /// <summary>Waits for kernels that other threads load: a plan's, and those that every session needs.</summary>
    /// <param name="plan">The loading of a plan's kernels.</param>
    /// <exception cref="DeviceException">
    /// A kernel was not compiled; the next call that needs it tries again. Or the device is lost or has no memory for it.
    /// </exception>
    public void WaitForKernels(Task plan)
    {
        try
        {
            plan.GetAwaiter().GetResult();
            _ = common.Value;
        }
        catch (Exception e) when (e is not ResNetException)
        {
            bool isOutOfMemory = DeviceFailure.IsOutOfMemory(e) && !RuntimeFailure.IsRuntime(e);
            if (isOutOfMemory || (DeviceFailure.IsLoss(e) && !DeviceFailure.IsCompilation(e)))
                throw Failed($"a kernel cannot be loaded: {FirstLine(e)}", e);
            string reason = RuntimeFailure.Explain(e, "Update the device's driver, or name another device.");
            throw new DeviceException($"{Device.Id}: a kernel cannot be compiled: {reason}", e);
        }
    }

    /// <summary>Allocates floats.</summary>
    /// <param name="length">Number of floats.</param>
    /// <param name="purpose">Their use, for the error when there is no memory.</param>
    /// <exception cref="DeviceMemoryException">There is not enough memory.</exception>
    /// <exception cref="DeviceLostException">The device is lost.</exception>
    public DeviceMemory Allocate(long length, string purpose)
    {
        try
        {
            return new DeviceMemory(Accelerator, length);
        }
        catch (Exception e) when (e is not ResNetException)
        {
            throw DeviceFailure.IsLoss(e)
                ? Failed($"{purpose} cannot be allocated: {FirstLine(e)}", e)
                : DeviceFailure.CannotAllocate(Accelerator, Device.Id, length * sizeof(float), purpose, e);
        }
    }

    /// <summary>
    /// The floats of a view where the host sees the device's memory (<see cref="IKernelFamily.HostVisible"/>); empty elsewhere.
    /// </summary>
    public unsafe Span<float> HostSpan(ArrayView<float> view) =>
        Kernels.HostVisible && view.Length > 0 ? new Span<float>(Unsafe.AsPointer(ref view[0]), checked((int)view.Length)) : [];

    /// <summary>
    /// The error of a session that failed on the device; a device that is lost with it is opened anew for the next session.
    /// </summary>
    /// <param name="what">What failed and why, as a sentence.</param>
    /// <param name="e">The driver's exception.</param>
    public DeviceException Failed(string what, Exception e)
    {
        what = $"{Device.Id}: {what}";
        if (!IsLost && DeviceFailure.IsOutOfMemory(e))
        {
            long? free = DeviceFailure.FreeMemory(Accelerator);
            return new DeviceMemoryException($"{what} Use a smaller batch or image, or another device.", null, free, e);
        }
        if (!IsLost && !DeviceFailure.IsLoss(e)) return new DeviceException($"{what} Dispose the session and make a new one.", e);
        IsLost = true;
        return new DeviceLostException($"{what} Dispose the session and make a new one, which opens the device anew.", e);
    }

    /// <summary>The first line of a driver's message, as a sentence.</summary>
    public static string FirstLine(Exception exception) => exception.Message.ReplaceLineEndings("\n").Split('\n')[0].TrimEnd('.') + ".";
}
