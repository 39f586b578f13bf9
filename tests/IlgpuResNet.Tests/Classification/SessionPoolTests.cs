using ILGPU.Runtime.Cuda;
using IlgpuResNet.Classification;
using IlgpuResNet.Devices;
using IlgpuResNet.Kernels.Simd;
using Microsoft.Extensions.Logging.Abstractions;

namespace IlgpuResNet.Tests;

/// <summary>How many sessions there are, and what becomes of them when memory runs out or the device fails.</summary>
[TestClass]
public sealed class SessionPoolTests
{
    private const long NoLimit = long.MaxValue;

    private ResNet model = null!;

    [TestInitialize]
    public void MakeModel() => model = SmallClassifier.Model();

    [TestCleanup]
    public void DisposeModel() => model.Dispose();

    [TestMethod]
    public void The_budget_says_how_many_sessions_there_are()
    {
        long one;
        using (var session = Create()) one = session.MemoryBytes;
        Assert.IsGreaterThan(0, one);
        foreach ((long budget, int expected) in new[] { (1L, 1), (2 * one - 1, 1), (2 * one, 2), (NoLimit, 4) })
        {
            using SessionPool pool = Pool(budget);
            Assert.AreEqual(expected, pool.Capacity, $"budget {budget}, one session {one}");
        }
    }

    [TestMethod]
    public async Task Sessions_are_made_when_all_are_in_use_and_the_next_caller_waits()
    {
        using SessionPool pool = Pool(NoLimit, most: 2);
        InferenceSession first = pool.Rent();
        pool.Return(first);
        Assert.AreSame(first, pool.Rent(), "the one that is warm");
        InferenceSession second = pool.Rent();
        Assert.AreEqual(2, pool.Sessions);
        Task<InferenceSession> third = pool.RentAsync(CancellationToken.None).AsTask();
        Assert.IsFalse(third.IsCompleted);
        pool.Return(second);
        Assert.AreSame(second, await third);
        pool.Return(first);
        pool.Return(second);
        Assert.AreEqual(2, pool.Sessions);
    }

    [TestMethod]
    public async Task Where_memory_ends_callers_wait_for_the_sessions_there_are()
    {
        int made = 0;
        using var pool = new SessionPool(() => made++ == 0 ? Create() : throw new DeviceMemoryException("full", 1, 0, null), NoLimit, 4,
            NullLogger.Instance, typeof(SessionPoolTests));
        InferenceSession only = pool.Rent();
        Task<InferenceSession> next = pool.RentAsync(CancellationToken.None).AsTask();
        Assert.IsFalse(next.IsCompleted);
        pool.Return(only);
        Assert.AreSame(only, await next);
        Assert.AreEqual(1, pool.Sessions);
        // Without any session, who asks learns why there is none, and may ask again.
        pool.Discard(only);
        for (int i = 0; i < 5; i++) Assert.ThrowsExactly<DeviceMemoryException>(() => pool.Rent());
    }

    [TestMethod]
    public void A_session_grown_by_a_large_image_is_not_kept_beside_others()
    {
        long one;
        using (var session = Create()) one = session.MemoryBytes;
        using SessionPool pool = Pool(2 * one, most: 2);
        InferenceSession first = pool.Rent(), second = pool.Rent();
        first.Classify(SmallClassifier.Image(1, 1000, 1000));
        Assert.IsGreaterThan(2 * one, first.MemoryBytes);
        pool.Return(first);
        Assert.AreEqual(1, pool.Sessions);
        second.Classify(SmallClassifier.Image(1, 1000, 1000));
        pool.Return(second);
        Assert.AreEqual(1, pool.Sessions, "one is kept whatever it holds");
    }

    [TestMethod]
    public async Task Callers_who_wait_learn_that_the_pool_is_gone()
    {
        SessionPool pool = Pool(NoLimit, most: 1);
        InferenceSession only = pool.Rent();
        Task<InferenceSession>[] waiting = [.. Enumerable.Range(0, 3).Select(_ => pool.RentAsync(CancellationToken.None).AsTask())];
        pool.Dispose();
        pool.Return(only);
        foreach (Task<InferenceSession> next in waiting) await Assert.ThrowsExactlyAsync<ObjectDisposedException>(() => next);
        Assert.ThrowsExactly<ObjectDisposedException>(() => only.Classify(SmallClassifier.Image(1)), "given back late, it is disposed");
    }

    [TestMethod]
    public void Memory_that_is_not_to_be_had_is_told_in_bytes()
    {
        const long Length = 1L << 50;
        var e = Assert.ThrowsExactly<DeviceMemoryException>(() => ComputeDevice.Cpu.Open().Allocate(Length, "a test"));
        Assert.AreEqual(Length * sizeof(float), e.RequestedBytes);
        StringAssert.Contains(e.Message, $"cpu: {Length * sizeof(float)} bytes for a test cannot be allocated");
        GC.Collect();
        e = Assert.ThrowsExactly<DeviceMemoryException>(() => ComputeDevice.Cpu.Open().Allocate(Length, "a test"));
        Assert.IsGreaterThan(0, e.FreeBytes!.Value);
    }

    /// <summary>A kernel that throws stands for a device that fails: the first on its own, the others as drivers say it.</summary>
    [TestMethod]
    public void After_a_failure_of_the_device_the_next_call_goes_well()
    {
        using var classifier = new ImageClassifier(model, ComputeDevice.Cpu);
        PixelBuffer image = SmallClassifier.Image(3);
        Prediction[] expected = classifier.Classify(image);
        DeviceRuntime runtime = ComputeDevice.Cpu.Open();

        FailOnce(new InvalidOperationException("a bad step"));
        Assert.ThrowsExactly<DeviceException>(() => classifier.Classify(image));
        CollectionAssert.AreEqual(expected, classifier.Classify(image));
        FailOnce(new InsufficientMemoryException("full"));
        Assert.ThrowsExactly<DeviceMemoryException>(() => classifier.Classify(image));
        CollectionAssert.AreEqual(expected, classifier.Classify(image));
        Assert.AreSame(runtime, ComputeDevice.Cpu.Open(), "nothing was lost");

        FailOnce(new CudaException("the driver is gone"));
        StringAssert.Contains(Assert.ThrowsExactly<DeviceLostException>(() => classifier.Classify(image)).Message, "the driver is gone");
        CollectionAssert.AreEqual(expected, classifier.Classify(image));
        Assert.AreNotSame(runtime, ComputeDevice.Cpu.Open(), "opened anew");
        Assert.AreEqual(1, classifier.Sessions);

        void FailOnce(Exception failure)
        {
            var kernels = (SimdKernels)ComputeDevice.Cpu.Open().Kernels;
            kernels.Working = change =>
            {
                if (change < 0) return;
                kernels.Working = null;
                throw failure;
            };
        }
    }

    private SessionPool Pool(long budget, int most = 4) => new(Create, budget, most, NullLogger.Instance, typeof(SessionPoolTests));

    private InferenceSession Create() => new(model, ComputeDevice.Cpu);
}
