using System.Globalization;
using IlgpuResNet.SimulatedCuda;

namespace IlgpuResNet.Tests.SimulatedCuda;

/// <summary>
/// One driver call of a session's life fails: of its load, its run, its second run or its disposal, on an open device or on one that was
/// lost while idle and is opened anew. Only exceptions of the library's own leave it, nothing stays allocated or page-locked, and the next
/// session has the right answers.
/// </summary>
/// <remarks>A sample fails, or every call that the driver takes in such a life where <see cref="AllFaults"/> is set.</remarks>
[TestClass]
public sealed class FaultSweepTests
{
    /// <summary>
    /// Environment variable with which every fault is injected, which takes minutes: <c>1/1</c>, or <c>2/4</c> for the second of four
    /// processes. A device among several has their calls, too: <see cref="DriverSettings.Variable"/> <c>devices=A100</c> is enough.
    /// </summary>
    private const string AllFaults = "ILGPURESNET_ALL_FAULTS";

    /// <summary>A device of <see cref="SimulatedCudaTests"/> that no other test loses.</summary>
    private const int Ordinal = 0;

    private const int Sample = 12, Seed = 15;

    private const string DestroyContext = "cuCtxDestroy_v2";

    /// <summary>Out of memory; failed, with a context that goes on; lost, with one that returns nothing else from then on.</summary>
    private static readonly CudaResult[] Results = [CudaResult.OutOfMemory, CudaResult.InvalidValue, CudaResult.LaunchFailed];

    private static readonly PixelBuffer Image = TinyNetwork.Image();

    private SimulatedDriver driver = null!;
    private ResNet model = null!;
    private float[] expected = null!;
    private LiveObjects before = null!;

    public required TestContext TestContext { get; set; }

    private static ComputeDevice Device => ComputeDevice.Get($"cuda:{Ordinal}");

    [TestInitialize]
    public void Open()
    {
        driver = SimulatedCudaTests.RequireDriver();
        model = TinyNetwork.Create();
        expected = Live();
        before = driver.Live;
    }

    [TestCleanup]
    public void Close()
    {
        Simulator.Driver?.ClearFaults();
        model?.Dispose();
    }

    [TestMethod, TestCategory(SimulatedCudaTests.Category)]
    public void Any_call_may_fail_once()
    {
        FaultCase[] all = AllCases(), cases = Chosen(all);
        var outcomes = new SortedDictionary<string, int>(StringComparer.Ordinal);
        var failures = new List<string>();
        int struck = driver.FaultsStruck;
        foreach (FaultCase fault in cases)
        {
            try
            {
                string outcome = $"{fault.Function} {fault.Result}{(fault.IsAnew ? " anew" : "")}: {Inject(fault)}";
                outcomes[outcome] = outcomes.GetValueOrDefault(outcome) + 1;
            }
            catch (Exception e)
            {
                failures.Add($"{fault}: {e}");
                driver.ClearFaults();
                driver.ClearFindings();
            }
        }
        struck = driver.FaultsStruck - struck;
        foreach ((string outcome, int count) in outcomes) TestContext.WriteLine($"{count,5} {outcome}");
        TestContext.WriteLine($"{cases.Length} of {all.Length} faults injected, {struck} struck, {failures.Count} failures");
        Assert.IsEmpty(failures, string.Join('\n', failures));
        // Threads that load kernels ask for the context in an order of their own, so that not every use of that call comes each time.
        Assert.IsGreaterThan(cases.Length / 2, struck);
    }

    /// <summary>
    /// Each call with each result. A device that is open takes other calls than one that is opened anew: of the latter those that the
    /// former lacks.
    /// </summary>
    private FaultCase[] AllCases()
    {
        Dictionary<string, int> open = CallsOf(() => CollectionAssert.AreEqual(expected, Live()));
        Dictionary<string, int> anew = CallsOf(() =>
        {
            driver.Lose(Ordinal);
            CollectionAssert.AreEqual(expected, Live());
        });
        foreach ((string function, int uses) in open) anew[function] -= uses;
        return [.. Cases(open, isAnew: false), .. Cases(anew, isAnew: true)];

        static IEnumerable<FaultCase> Cases(Dictionary<string, int> calls, bool isAnew) =>
            from call in calls
            from use in Enumerable.Range(1, Math.Max(0, call.Value))
            from result in Results
            select new FaultCase(call.Key, use, result, isAnew);
    }

    private static FaultCase[] Chosen(FaultCase[] all)
    {
        FaultCase[] shuffled = [.. all];
        new Random(Seed).Shuffle(shuffled);
        if (Environment.GetEnvironmentVariable(AllFaults) is not { } part) return shuffled[..Sample];
        int[] numbers = [.. part.Split('/').Select(number => int.Parse(number, CultureInfo.InvariantCulture))];
        return [.. shuffled.Where((_, i) => i % numbers[1] == numbers[0] - 1)];
    }

    private Dictionary<string, int> CallsOf(Action life)
    {
        IReadOnlyDictionary<string, int> start = driver.Calls;
        life();
        return driver.Calls.ToDictionary(call => call.Key, call => call.Value - start.GetValueOrDefault(call.Key));
    }

    /// <summary>A session's life: load, two runs, disposal.</summary>
    private float[] Live()
    {
        const int Classes = TinyNetwork.Classes, Side = TinyNetwork.Side;
        float[] logits = new float[2 * Classes], input = new float[3 * Side * Side];
        for (int i = 0; i < input.Length; i++) input[i] = (i % 17 - 8) / 8f;
        using var session = new InferenceSession(model, Device, TinyNetwork.SessionOptions);
        session.Run(Image.Span, logits.AsSpan(0, Classes));
        session.Run(input, logits.AsSpan(Classes));
        return logits;
    }

    /// <summary>Lives through a fault and once more without, and returns how the fault came out.</summary>
    private string Inject(FaultCase fault)
    {
        if (fault.IsAnew) driver.Lose(Ordinal);
        driver.Inject(new FaultRule(fault.Function, fault.Use, fault.Result));
        string outcome = "works";
        try
        {
            CollectionAssert.AreEqual(expected, Live());
        }
        catch (ResNetException e)
        {
            // Any other exception fails the test.
            outcome = e.GetType().Name;
            if (fault.Result is CudaResult.OutOfMemory && !IsQuery(fault.Function)) Assert.IsInstanceOfType<DeviceMemoryException>(e);
            else Assert.IsInstanceOfType<DeviceException>(e);
        }
        driver.ClearFaults();
        CollectionAssert.AreEqual(expected, Live(), "the next session");
        LiveObjects now = driver.Live;
        if (fault.Function == DestroyContext)
        {
            // No other call frees a context that the driver does not destroy, and a second one may meet a handle that is gone.
            Assert.AreEqual(before.Contexts + 1, now.Contexts);
            driver.DestroyOldestContext();
            now = driver.Live;
        }
        Assert.AreEqual(before with { Modules = 0 }, now with { Modules = 0 });
        // A context that is given up frees what the driver did not.
        Finding[] findings = [.. driver.Findings.Where(finding => finding is not { Kind: FindingKind.Leak, Call: DestroyContext })];
        driver.ClearFindings();
        Assert.IsEmpty(findings, string.Join('\n', (object[])findings));
        return outcome;
    }

    /// <summary>True of a call by which ILGPU lists devices: it leaves out a device that does not answer, whatever the reason.</summary>
    private static bool IsQuery(string function) => function.StartsWith("cuDevice", StringComparison.Ordinal)
        || function.StartsWith("cuDriver", StringComparison.Ordinal);

    private sealed record FaultCase(string Function, int Use, CudaResult Result, bool IsAnew);
}
