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

    /// <summary>Environment variable with which every fault is injected, which takes minutes; without it a sample is.</summary>
    private const string AllFaults = "ILGPURESNET_ALL_FAULTS";

    private const int Sample = 10, Seed = 15, Rounds = 4;

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
        model = SmallClassifier.Model();
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

    /// <summary>
    /// One call of a session's life fails, on an open device or on one that is opened anew: first, middle and last use of each function.
    /// </summary>
    [TestMethod, TestCategory(SimulatedCudaTests.Category)]
    public void Any_call_may_fail_once()
    {
        Dictionary<string, int> start = new(driver.Calls);
        driver.Lose(Ordinal);
        AssertWorks();
        FaultCase[] cases =
        [
            .. from call in driver.Calls
               let uses = call.Value - start.GetValueOrDefault(call.Key)
               // A context that the driver does not destroy stays: there is no other call that frees it.
               where uses > 0 && call.Key != "cuCtxDestroy_v2"
               from use in new[] { 1, (uses + 1) / 2, uses }.Distinct()
               from result in (CudaResult[])[CudaResult.OutOfMemory, CudaResult.InvalidValue, CudaResult.LaunchFailed]
               from anew in (bool[])[false, true]
               select new FaultCase(call.Key, use, result, anew),
        ];
        int struck = driver.FaultsStruck;
        bool all = Environment.GetEnvironmentVariable(AllFaults) is not null;
        if (!all) new Random(Seed).Shuffle(cases);
        foreach (FaultCase fault in all ? cases : cases[..Sample]) AssertRecovers(fault);
        TestContext.WriteLine($"{driver.FaultsStruck - struck} of {cases.Length} faults struck");
        Assert.IsGreaterThan(0, driver.FaultsStruck - struck);
    }

    [TestMethod, TestCategory(SimulatedCudaTests.Category)]
    public void Classifier_goes_on_by_itself()
    {
        using (var classifier = new ImageClassifier(model, Device))
        {
            Prediction[] predictions = classifier.Classify(Image);
            driver.Lose(Ordinal);
            Assert.ThrowsExactly<DeviceLostException>(() => classifier.Classify(Image));
            CollectionAssert.AreEqual(predictions, classifier.Classify(Image));
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

    private void AssertRecovers(FaultCase fault)
    {
        if (fault.Anew) driver.Lose(Ordinal);
        driver.Inject(new FaultRule(fault.Function, fault.Use, fault.Result));
        try
        {
            AssertWorks();
        }
        catch (ResNetException)
        {
            // Only the library's own exceptions leave it.
        }
        catch (Exception e) when (e is not UnitTestAssertException)
        {
            Assert.Fail($"{fault}: {e}");
        }
        driver.ClearFaults();
        try
        {
            AssertWorks();
        }
        catch (Exception e)
        {
            Assert.Fail($"{fault}: the next session fails: {e}");
        }
        AssertNothingStays(fault.ToString(), contextFreesTheRest: true);
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

    private sealed record FaultCase(string Function, int Use, CudaResult Result, bool Anew);
}
