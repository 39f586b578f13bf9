using IlgpuResNet.Devices;
using IlgpuResNet.SimulatedCuda;

namespace IlgpuResNet.Tests.SimulatedCuda;

/// <summary>
/// The driver fails under the library: only exceptions of the library's own leave it, nothing stays allocated or page-locked, and the next
/// session works.
/// </summary>
[TestClass]
public sealed class DeviceRecoveryTests
{
    /// <summary>A device of <see cref="SimulatedCudaTests"/> that no other test uses.</summary>
    private const int Ordinal = 2;

    private static ComputeDevice Device => ComputeDevice.Get($"cuda:{Ordinal}");
    private static readonly PixelBuffer Image = SmallClassifier.Image(1), LargerImage = SmallClassifier.Image(2, 70, 60);

    private const int Rounds = 4;

    /// <summary>The use of <c>cuCtxSetCurrent</c> that comes after the opening of a device.</summary>
    private const int FirstOfLoaders = 3;

    private SimulatedDriver driver = null!;
    private ResNet model = null!;
    private float[] expected = null!;
    private LiveObjects before = null!;

    public required TestContext TestContext { get; set; }

    [TestInitialize]
    public void Open()
    {
        // Not for the test that starts a process of its own.
        if (TestContext.TestName == nameof(Page_locks_stay_where_copies_run_as_late_as_they_may)) return;
        driver = SimulatedCudaTests.RequireDriver();
        model = TinyNetwork.Create();
        using (var first = new InferenceSession(model, Device)) expected = RunAll(first);
        before = driver.Live;
    }

    [TestCleanup]
    public void Close()
    {
        Simulator.Driver?.ClearFaults();
        model?.Dispose();
    }

    [TestMethod, TestCategory(SimulatedCudaTests.Category)]
    public void Session_made_on_a_device_that_was_lost_while_idle_works()
    {
        driver.Lose(Ordinal);
        AssertWorks();
        AssertNothingStays();
    }

    [TestMethod, TestCategory(SimulatedCudaTests.Category)]
    public void Living_session_reports_the_loss_and_the_lost_context_goes_with_it()
    {
        using (var living = new InferenceSession(model, Device))
        {
            driver.Lose(Ordinal);
            Assert.ThrowsExactly<DeviceLostException>(() => RunAll(living));
            Assert.ThrowsExactly<DeviceLostException>(() => RunAll(living));
            AssertWorks();
            Assert.AreEqual(before.Contexts + 1, driver.Live.Contexts, "the living session's context and a new one");
        }
        AssertNothingStays();
        AssertWorks();
    }

    [TestMethod, TestCategory(SimulatedCudaTests.Category)]
    public void Page_locks_of_lost_contexts_do_not_stand_in_the_way()
    {
        for (int round = 0; round < Rounds; round++)
        {
            LoseOne();
            // The collector gives the memory of the lost session to the next.
            for (int i = 0; i < 3; i++)
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
            }
        }
        AssertWorks();
        AssertNothingStays();

        void LoseOne()
        {
            using var session = new InferenceSession(model, Device);
            RunAll(session);
            driver.Lose(Ordinal);
            Assert.ThrowsExactly<DeviceLostException>(() => RunAll(session));
        }
    }

    [TestMethod, TestCategory(SimulatedCudaTests.Category)]
    [DataRow("cuMemFree_v2", 1)]
    [DataRow("cuMemFree_v2", 3)]
    [DataRow("cuMemHostUnregister", 1)]
    [DataRow("cuStreamDestroy_v2", 1)]
    public void Failing_free_keeps_nothing_else_from_being_freed(string function, int use)
    {
        var session = new InferenceSession(model, Device);
        RunAll(session);
        driver.Inject(new FaultRule(function, use, CudaResult.InvalidValue));
        session.Dispose();
        // The context is destroyed, and with it what the driver did not free.
        AssertNothingStays(contextFreesTheRest: true);
        AssertWorks();
        AssertNothingStays();
    }

    /// <summary>The run after one that failed has the right answers.</summary>
    [TestMethod, TestCategory(SimulatedCudaTests.Category)]
    [DataRow("cuLaunchKernel", 2)]
    [DataRow("cuLaunchKernel", 9)]
    [DataRow("cuMemcpyAsync", 3)]
    public void Session_works_after_a_failed_run(string function, int use)
    {
        using (var session = new InferenceSession(model, Device))
        {
            driver.Inject(new FaultRule(function, use, CudaResult.OutOfMemory));
            Assert.ThrowsExactly<DeviceMemoryException>(() => RunAll(session));
            CollectionAssert.AreEqual(expected, RunAll(session));
            driver.Inject(new FaultRule(function, use, CudaResult.OutOfMemory));
            Assert.ThrowsExactly<DeviceMemoryException>(() => RunAll(session));
        }
        AssertNothingStays();
    }

    /// <summary>The pixels of a batch are on their way when a kernel is not launched, and the session is disposed at once.</summary>
    [TestMethod, TestCategory(SimulatedCudaTests.Category)]
    public void Page_locks_stay_until_the_copies_of_a_failed_run_have_ended()
    {
        const int Batch = 4, KernelsPerImage = 2;
        PixelBuffer[] images = [.. Enumerable.Repeat(Image, Batch)];
        for (int round = 0; round < Rounds; round++)
        {
            using (var session = new InferenceSession(model, Device, new SessionOptions { MaxBatch = Batch }))
            {
                // The last image has been enqueued behind the kernels of the others.
                driver.Inject(new FaultRule("cuLaunchKernel", (Batch - 1) * KernelsPerImage + 1, CudaResult.OutOfMemory));
                Assert.ThrowsExactly<DeviceMemoryException>(() => session.Run(images, new float[Batch * session.NumClasses]));
            }
            AssertNothingStays();
        }
    }

    /// <summary>The copies of a failed run are sure to be pending where nothing runs before the host waits.</summary>
    [TestMethod]
    public void Page_locks_stay_where_copies_run_as_late_as_they_may()
    {
        SimulatedProcess process = SimulatedProcess.Run(
            "devices=T4,A100,RTX4090;timing=late", "IlgpuResNet.Tests.dll", "--no-ansi", "--minimum-expected-tests", "1",
            "--filter", $"FullyQualifiedName~{nameof(Page_locks_stay_until_the_copies_of_a_failed_run_have_ended)}");
        Assert.AreEqual(0, process.ExitCode, process.Output);
        Assert.IsTrue(process.IsFaultless, process.Report);
    }

    [TestMethod, TestCategory(SimulatedCudaTests.Category)]
    [DataRow("cuMemAlloc_v2", 1)]
    [DataRow("cuMemAlloc_v2", 2)]
    [DataRow("cuMemAlloc_v2", 3)]
    [DataRow("cuStreamCreate", 1)]
    [DataRow("cuMemcpyAsync", 1)]
    public void Memory_that_ends_while_a_session_is_made_has_one_exception(string function, int use)
    {
        driver.Inject(new FaultRule(function, use, CudaResult.OutOfMemory));
        Assert.ThrowsExactly<DeviceMemoryException>(() => new InferenceSession(model, Device));
        AssertWorks();
        AssertNothingStays();
    }

    /// <summary>A thread whose first binding fails has no context: the report of the failure must not use it.</summary>
    [TestMethod, TestCategory(SimulatedCudaTests.Category)]
    public void Thread_that_gets_no_context_calls_nothing_that_needs_one()
    {
        Exception? thrown = null;
        var thread = new Thread(() =>
        {
            driver.Inject(new FaultRule("cuCtxSetCurrent", 1, CudaResult.OutOfMemory));
            thrown = Assert.Throws<Exception>(() => new InferenceSession(model, Device));
        });
        thread.Start();
        thread.Join();
        Assert.IsInstanceOfType<DeviceMemoryException>(thrown);
        AssertWorks();
        AssertNothingStays();
    }

    /// <summary>Kernels load on threads of the pool: one that could not be bound for a kernel is not taken for bound by the next.</summary>
    [TestMethod, TestCategory(SimulatedCudaTests.Category)]
    public void Threads_that_load_kernels_are_bound_for_each()
    {
        driver.Lose(Ordinal);
        driver.Inject(new FaultRule("cuCtxSetCurrent", FirstOfLoaders, CudaResult.InvalidValue, Times: int.MaxValue / 2));
        Assert.Throws<DeviceException>(() => new InferenceSession(model, Device));
        driver.ClearFaults();
        AssertWorks();
        Assert.IsEmpty(driver.Findings, string.Join('\n', driver.Findings));
        // ILGPU asks for no context before it gives one up, and gets none: what it made there stays with the driver.
        before = before with { Contexts = driver.Live.Contexts };
        AssertNothingStays();
    }

    /// <summary>The work on a device is done when the thread goes back to another: a failure of that is no failure of the work.</summary>
    [TestMethod, TestCategory(SimulatedCudaTests.Category)]
    public void Return_to_another_device_that_fails_is_made_up_for_later()
    {
        DeviceRuntime inner = Device.Open(), outer = ComputeDevice.Get("cuda:0").Open();
        before = before with { Contexts = driver.Live.Contexts };
        using (outer.Bind())
        {
            using (inner.Bind()) driver.Inject(new FaultRule("cuCtxSetCurrent", 1, CudaResult.InvalidValue));
            using (outer.Bind())
            using (new DeviceMemory(outer.Accelerator, 1))
            {
                Assert.AreEqual(before.Allocations + 1, driver.Live.Allocations);
            }
        }
        AssertNothingStays();
    }

    [TestMethod, TestCategory(SimulatedCudaTests.Category)]
    public void Without_page_locks_copies_are_slower_and_right()
    {
        driver.Inject(new FaultRule("cuMemHostRegister_v2", 1, CudaResult.OutOfMemory, Times: 10));
        using (var session = new InferenceSession(model, Device))
        {
            CollectionAssert.AreEqual(expected, RunAll(session));
            StringAssert.Contains(session.Warnings.Single(), "page-lock");
        }
        AssertNothingStays();
    }

    private static float[] RunAll(InferenceSession session)
    {
        float[] logits = new float[3 * session.NumClasses];
        float[] input = new float[session.Input.Length];
        for (int i = 0; i < input.Length; i++) input[i] = (i % 17 - 8) / 8f;
        session.Run(input, logits.AsSpan(0, session.NumClasses));
        session.Run(Image.Span, logits.AsSpan(session.NumClasses, session.NumClasses));
        session.Run(LargerImage.Span, logits.AsSpan(2 * session.NumClasses));
        return logits;
    }

    private void AssertWorks()
    {
        using var session = new InferenceSession(model, Device);
        CollectionAssert.AreEqual(expected, RunAll(session));
    }

    /// <summary>At most one open context, and in it nothing but kernels; and the driver has found no mistake.</summary>
    /// <param name="what">What happened before.</param>
    /// <param name="contextFreesTheRest">True where the driver failed to free something: its context is destroyed with it.</param>
    private void AssertNothingStays(string? what = null, bool contextFreesTheRest = false)
    {
        LiveObjects now = driver.Live;
        Assert.IsLessThanOrEqualTo(before.Contexts, now.Contexts, what);
        Assert.AreEqual(before with { Contexts = 0, Modules = 0 }, now with { Contexts = 0, Modules = 0 }, what);
        Finding[] findings =
        [
            .. driver.Findings.Where(finding => !contextFreesTheRest || finding is not { Kind: FindingKind.Leak, Call: "cuCtxDestroy_v2" }),
        ];
        driver.ClearFindings();
        Assert.IsEmpty(findings, $"{what} {string.Join('\n', (object[])findings)}");
    }
}
