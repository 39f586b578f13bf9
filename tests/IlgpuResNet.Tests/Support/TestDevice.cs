using System.Collections.Concurrent;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using ILGPU.Runtime.Cuda;
using ILGPU.Runtime.OpenCL;
using IlgpuResNet.Execution;
using IlgpuResNet.Kernels;
using IlgpuResNet.Kernels.Simd;
using IlgpuResNet.Kernels.Tiled;
using IlgpuResNet.Tests.Ptx;

namespace IlgpuResNet.Tests;

/// <summary>One accelerator with its kernels, opened once per process and back end. Tests that share it do not run in parallel.</summary>
public sealed class TestDevice
{
    /// <summary>
    /// First part of the names of test parameters that make a missing device a failure: <c>--test-parameter RequireOpenCL=true</c> and
    /// <c>RequireCuda=true</c>.
    /// </summary>
    private const string Require = nameof(Require);

    private static readonly ConcurrentDictionary<BackEnd, TestDevice?> Devices = new();

    private TestDevice(Accelerator accelerator, IKernelFamily kernels)
    {
        Accelerator = accelerator;
        Kernels = kernels;
    }

    public Accelerator Accelerator { get; }

    public AcceleratorStream Stream => Accelerator.DefaultStream;

    internal IKernelFamily Kernels { get; }

    /// <summary>A preprocessor with the kernels of the back end.</summary>
    internal Preprocessor CreatePreprocessor(ImagePreset preset) => new(Accelerator, Stream, preset, Kernels);

    /// <summary>This device with other kernels, such as broken ones.</summary>
    internal TestDevice With(IKernelFamily kernels) => new(Accelerator, kernels);

    /// <summary>Opens the device; ends the test as inconclusive when the machine has none, or as failed where one is required.</summary>
    public static TestDevice Open(BackEnd backEnd, TestContext testContext)
    {
        return Devices.GetOrAdd(backEnd, TryCreate) ?? throw Missing(backEnd, testContext);
    }

    /// <summary>Opens a device for tests of whole networks, as a user does.</summary>
    public static ComputeDevice OpenCompute(BackEnd backEnd, TestContext testContext)
    {
        DeviceKind kind = backEnd switch
        {
            BackEnd.OpenCL => DeviceKind.OpenCL,
            BackEnd.Cuda => DeviceKind.Cuda,
            _ => DeviceKind.Cpu,
        };
        return ComputeDevice.List().FirstOrDefault(device => device.Kind == kind) ?? throw Missing(backEnd, testContext);
    }

    private static InvalidOperationException Missing(BackEnd backEnd, TestContext testContext)
    {
        string message = $"No {backEnd} device on this machine.";
        if (testContext.Properties.TryGetValue($"{Require}{backEnd}", out object? required) && required is "true")
            Assert.Fail(message);
        Assert.Inconclusive(message);
        return new InvalidOperationException(message);
    }

    private static TestDevice? TryCreate(BackEnd backEnd)
    {
        // Contexts live until the process ends, as the accelerators made from them do.
        var context = Context.Create(builder => Select(KernelContext.Configure(builder), backEnd));
        // A context that finds no device adds a default CPU device: it must not pass for the one that was asked for.
        Device? device = context.Devices.FirstOrDefault(candidate => candidate.AcceleratorType == TypeOf(backEnd));
        if (device is null) return null;
        Accelerator accelerator = device.CreateAccelerator(context);
        if (backEnd is BackEnd.Cpu)
            return new TestDevice(accelerator, new SimdKernels(accelerator));
        IKernelLoader loader = backEnd is BackEnd.Ptx ? new PtxKernelLoader() : new AcceleratorKernelLoader(accelerator);
        return new TestDevice(
            accelerator, backEnd is BackEnd.Ptx ? new TiledKernels(loader, new TiledPlanner(multiprocessors: 1))
                : new TiledKernels(loader, accelerator));
    }

    private static Context.Builder Select(Context.Builder builder, BackEnd backEnd) => backEnd switch
    {
        BackEnd.Cpu => builder.CPU(new CPUDevice(2, 1, Environment.ProcessorCount)),
        // Of this device only the memory is used.
        BackEnd.Ptx => builder.CPU(new CPUDevice(2, 1, 1)),
        BackEnd.SimulatedNvidia => builder.CPU(CPUDeviceKind.Nvidia),
        BackEnd.SimulatedAmd => builder.CPU(CPUDeviceKind.AMD),
        BackEnd.OpenCL => builder.OpenCL(),
        BackEnd.Cuda => builder.Cuda(),
        _ => throw new ArgumentOutOfRangeException(nameof(backEnd)),
    };

    private static AcceleratorType TypeOf(BackEnd backEnd) => backEnd switch
    {
        BackEnd.OpenCL => AcceleratorType.OpenCL,
        BackEnd.Cuda => AcceleratorType.Cuda,
        _ => AcceleratorType.CPU,
    };
}
