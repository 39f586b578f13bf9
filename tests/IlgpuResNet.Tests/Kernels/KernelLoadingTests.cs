using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Reflection;
using ILGPU;
using ILGPU.Runtime;
using IlgpuResNet.Devices;
using IlgpuResNet.Execution;
using IlgpuResNet.Kernels;
using IlgpuResNet.Kernels.Tiled;
using IlgpuResNet.Planning;

namespace IlgpuResNet.Tests;

/// <summary>
/// The tiled family's kernels are loaded on many threads, each once; what failed is tried again. Nothing is compiled and no device is
/// needed.
/// </summary>
[TestClass]
public sealed class KernelLoadingTests
{
    private const int Sessions = 8;

    public TestContext TestContext { get; set; } = null!;

    [TestMethod]
    public void Sessions_made_at_once_load_each_kernel_of_their_plans_once()
    {
        var loader = new CountingLoader();
        var kernels = new TiledKernels(loader, new TiledPlanner(multiprocessors: 1));
        using ResNet model = ResNet.Create(ResNetConfig.ResNet50);
        ExecutionPlan[] plans = [ExecutionPlan.Create(model), ExecutionPlan.Create(model, maxBatch: 32)];
        ImmutableArray<Conv2dMethod>[] chosen = [.. plans.Select(
            plan => MethodSelector.Choose(new TiledPlanner(DeviceProfiles.Find("A100")!), plan, Numerics.Fast))];
        using var start = new Barrier(Sessions);
        Thread[] sessions = [.. Enumerable.Range(0, Sessions).Select(i => new Thread(() =>
        {
            start.SignalAndWait();
            StepOperator.LoadAsync(kernels, StepOperator.Of(plans[i % plans.Length], chosen[i % plans.Length])).Wait();
        }))];
        foreach (Thread session in sessions) session.Start();
        foreach (Thread session in sessions) session.Join();
        Assert.IsGreaterThan(8, loader.Counts.Count);
        foreach ((MethodInfo kernel, int count) in loader.Counts) Assert.AreEqual(1, count, $"{kernel.DeclaringType} {kernel}");
    }

    /// <summary>So a run compiles nothing.</summary>
    [TestMethod]
    public void What_is_loaded_for_an_operator_is_all_that_it_launches()
    {
        TestDevice device = TestDevice.Open(BackEnd.Ptx, TestContext);
        using var buffer = GuardedBuffer.Output(device.Accelerator, 1 << 20);
        var operands = new Operands(buffer.View, buffer.View, buffer.View, buffer.View, buffer.View, buffer.View);
        Conv2dShape[] shapes =
        [
            Conv2dShape.Create(1, 9, 9, 3, 64, 7, 7, 2, 3), Conv2dShape.Create(1, 7, 7, 64, 64, 3, 3, 1, 1),
            Conv2dShape.Create(1, 7, 7, 512, 32, 1, 1, 1, 0),
            Conv2dShape.Create(1, 5, 5, 32, 32, 3, 3, 1, 1, groups: 8), Conv2dShape.Linear(1, 130, 10),
        ];
        foreach (Conv2dShape shape in shapes)
        {
            foreach (Conv2dMethod kernel in TiledConv2dMethods.Of(shape))
                Check($"{shape} by {kernel}", k => k.LoadConv2d(shape, kernel),
                    k => k.Conv2d(device.Stream, shape, operands, Epilogue.None, kernel, buffer.View));
        }
        foreach (int channels in (int[])[5, 8])
        {
            Pool2dShape pool = Pool2dShape.Global(1, 3, 3, channels);
            Check("point-wise", k => k.LoadPointwise(channels), k => k.Pointwise(device.Stream, 3, channels, operands, Epilogue.None));
            Check("max pool", k => k.LoadMaxPool2d(channels), k => k.MaxPool2d(device.Stream, pool, buffer.View, buffer.View));
            Check("average pool", k => k.LoadAveragePool2d(channels), k => k.AveragePool2d(device.Stream, pool, buffer.View, buffer.View));
        }
        var activated = new Epilogue(0, 0, 0, Activation: Activation.Silu);
        Conv2dShape convolution = Conv2dShape.Create(1, 3, 3, 8, 8, 1, 1, 1, 0);
        Conv2dMethod first = TiledConv2dMethods.Of(convolution).First();
        Check("activated convolution", k => k.LoadConv2d(convolution, first, isActivated: true),
            k => k.Conv2d(device.Stream, convolution, operands, activated, first, buffer.View));
        foreach (int channels in (int[])[5, 8])
        {
            Check("activation", k => k.LoadPointwise(channels, isActivated: true),
                k => k.Pointwise(device.Stream, 3, channels, operands, activated));
            Check("combine", k => k.LoadCombine(channels),
                k => k.Combine(device.Stream, new CombineShape(0, 1, 3, channels, 1, 1), operands, Epilogue.None));
            Check("select", k => k.LoadSelect(channels), k => k.Select(device.Stream, new SelectShape(1, 2, 0, 1, channels, 0), operands));
        }
        Check("group norm", k => k.LoadGroupNorm(),
            k => k.GroupNorm(device.Stream, new GroupNormShape(1, 3, 8, 2, 1e-5f), operands, Epilogue.None));
        Check("top k", k => k.LoadTopK(), k => k.TopK(device.Stream, 2, 5, 2, givesIndices: true, buffer.View, buffer.View));
        Check("softmax", k => k.LoadSoftmax(), k => k.Softmax(device.Stream, 2, 5, buffer.View, buffer.View));
    }

    [TestMethod]
    public void A_kernel_that_failed_is_told_to_all_and_loaded_when_it_is_asked_for_again()
    {
        bool fails = true;
        var loader = new CountingLoader(kernel =>
            fails && kernel.DeclaringType == typeof(Softmax) ? new InvalidOperationException("the driver ran out of registers") : null);
        var kernels = new TiledKernels(loader, new TiledPlanner(multiprocessors: 1));
        Task[] sessions = [.. Enumerable.Range(0, Sessions).Select(_ => kernels.LoadSoftmax()), kernels.LoadPointwise(4)];
        foreach (Task session in sessions[..^1])
        {
            var error = Assert.ThrowsExactly<DeviceException>(() => ComputeDevice.Cpu.Open().WaitForKernels(session));
            Assert.AreEqual(
                "cpu: a kernel cannot be compiled: the driver ran out of registers. Update the device's driver, or name another device.",
                error.Message);
        }
        ComputeDevice.Cpu.Open().WaitForKernels(sessions[^1]);
        fails = false;
        kernels.LoadSoftmax().Wait();
        kernels.LoadSoftmax().Wait();
        Assert.AreEqual(1, loader.Counts.Single(pair => pair.Key.DeclaringType == typeof(Softmax)).Value);
    }

    private static void Check(string what, Func<TiledKernels, Task> load, Action<TiledKernels> launch)
    {
        var loader = new CountingLoader();
        var kernels = new TiledKernels(loader, new TiledPlanner(multiprocessors: 1));
        load(kernels).Wait();
        int loaded = loader.Counts.Count;
        launch(kernels);
        Assert.AreEqual(loaded, loader.Counts.Count, what);
        Assert.AreEqual(loaded, loader.Launched.Distinct().Count(), $"{what}: what is loaded is launched");
    }

    /// <summary>Counts what is loaded, and notes what is launched.</summary>
    private sealed class CountingLoader(Func<MethodInfo, Exception?>? failure = null) : IKernelLoader
    {
        public ConcurrentDictionary<MethodInfo, int> Counts { get; } = [];

        public ConcurrentQueue<MethodInfo> Launched { get; } = [];

        public Action<AcceleratorStream, KernelConfig, T1, T2, T3> Load<T1, T2, T3>(
            Action<T1, T2, T3> kernel, KernelSpecialization specialization)
            where T1 : struct
            where T2 : struct
            where T3 : struct
        {
            Count(kernel.Method);
            return (_, _, _, _, _) => Launched.Enqueue(kernel.Method);
        }

        public Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4> Load<T1, T2, T3, T4>(
            Action<T1, T2, T3, T4> kernel, KernelSpecialization specialization)
            where T1 : struct
            where T2 : struct
            where T3 : struct
            where T4 : struct
        {
            Count(kernel.Method);
            return (_, _, _, _, _, _) => Launched.Enqueue(kernel.Method);
        }

        public Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5> Load<T1, T2, T3, T4, T5>(
            Action<T1, T2, T3, T4, T5> kernel, KernelSpecialization specialization)
            where T1 : struct
            where T2 : struct
            where T3 : struct
            where T4 : struct
            where T5 : struct
        {
            Count(kernel.Method);
            return (_, _, _, _, _, _, _) => Launched.Enqueue(kernel.Method);
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
            Count(kernel.Method);
            return (_, _, _, _, _, _, _, _) => Launched.Enqueue(kernel.Method);
        }

        private void Count(MethodInfo kernel)
        {
            // Long enough for others to ask meanwhile.
            Thread.Sleep(1);
            if (failure?.Invoke(kernel) is { } exception) throw exception;
            Counts.AddOrUpdate(kernel, 1, (_, count) => count + 1);
        }
    }
}
