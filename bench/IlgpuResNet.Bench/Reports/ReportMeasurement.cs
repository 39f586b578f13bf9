using IlgpuResNet.Bench.Engines;

namespace IlgpuResNet.Bench.Reports;

/// <summary>Numbers of rounds and batch sizes of <c>bench report</c>.</summary>
/// <param name="CompareRounds">Rounds of each comparison of times.</param>
/// <param name="ColdRounds">Processes of each engine for cold starts.</param>
/// <param name="MemoryRounds">Processes of each engine for memory.</param>
/// <param name="DeviceRounds">Timed runs for each figure of a device.</param>
/// <param name="PeerBatches">Batch sizes at which engines are compared.</param>
/// <param name="DeviceBatches">Batch sizes at which devices are measured.</param>
/// <param name="DeviceBudget">Time for one device; larger batches that would exceed it are left out.</param>
internal sealed record ReportExtent(
    int CompareRounds, int ColdRounds, int MemoryRounds, int DeviceRounds, int[] PeerBatches, int[] DeviceBatches, TimeSpan DeviceBudget)
{
    /// <summary>Rounds and batch sizes of the figures in <c>docs/figures.md</c>.</summary>
    public static ReportExtent Full { get; } = new(25, 15, 5, 10, [1, 8], [1, 2, 4, 8, 16, 32], TimeSpan.FromMinutes(2));

    /// <summary>A report in a minute or two; its figures scatter more.</summary>
    public static ReportExtent Quick { get; } = new(3, 3, 1, 3, [1], [1, 2, 4, 8], TimeSpan.FromSeconds(20));
}

/// <summary>Measures a report. A figure that cannot be measured is noted with its reason, and the others are still measured.</summary>
internal sealed class ReportMeasurement(ResNetConfig config, ReportExtent extent, Action<string> progress, CancellationToken cancellation)
{
    private readonly List<string> skipped = [];

    /// <summary>Measures all figures.</summary>
    /// <param name="devices">The devices to measure, or null for all of this machine.</param>
    /// <param name="command">The command line, after <c>bench</c>.</param>
    public async Task<BenchReport> RunAsync(IReadOnlyList<ComputeDevice>? devices, string command)
    {
        DateTimeOffset started = DateTimeOffset.Now;
        // First, while this process has no threads that could disturb those of others.
        PeerReport? peers = await PeersAsync();
        if (devices is not null)
            skipped.Add($"Other devices than {string.Join(", ", devices.Select(device => device.Id))}: --devices left them out.");
        else if (!ComputeDevice.List().Any(device => device.IsGpu))
            skipped.Add("GPU: this machine shows none, neither through CUDA nor through OpenCL.");
        var runs = new List<DeviceRun>();
        foreach (ComputeDevice device in devices ?? ComputeDevice.List())
        {
            DeviceRun? measured = Try(device.ToString(), () => DeviceRun.Measure(
                config, device, extent.DeviceBatches, extent.DeviceRounds, extent.DeviceBudget, cancellation));
            if (measured is not { } run) continue;
            runs.Add(run);
            int[] left = extent.DeviceBatches[run.Batches.Length..];
            if (left.Length > 0)
            {
                string limit = $"the {extent.DeviceBudget.TotalSeconds:F0} s for one device";
                skipped.Add($"{device.Id}, batch {string.Join(", ", left)}: would have exceeded {limit}.");
            }
        }
        return new BenchReport(config.Name, started, command, Machine.Here(), peers, [.. runs], [.. skipped]);
    }

    private async Task<PeerReport?> PeersAsync()
    {
        if (PeerName() is not { } peer) return null;
        int threads = Environment.ProcessorCount;
        using var files = new ModelFiles(config);
        var times = new List<PeerTimes>();
        foreach (int batch in extent.PeerBatches)
        {
            Comparison? measured = await TryAsync($"Comparison with {peer} at batch {batch}", () => Comparison.RunAsync(
                files, batch, threads, extent.CompareRounds, cancellation));
            if (measured is { } comparison) times.Add(new PeerTimes(batch, comparison.Times, comparison.OtherWork));
        }
        PairedRounds? cold = await TryAsync(
            "Cold start", () => WholeProcess.ColdStartsAsync(files, threads, extent.ColdRounds, cancellation));
        PairedRounds? memory = await TryAsync(
            "Memory", () => WholeProcess.MemoryPeaksAsync(files, threads, extent.MemoryRounds, cancellation));
        return times.Count > 0 || cold is not null || memory is not null ? new PeerReport(peer, threads, [.. times], cold, memory) : null;
    }

    private string? PeerName()
    {
        try
        {
            return OrtEngine.Name;
        }
        catch (Exception e) when (e is TypeInitializationException or DllNotFoundException or BadImageFormatException)
        {
            skipped.Add(
                "ONNX Runtime, and cold start and memory, which are measured beside it: its native library cannot be loaded here.");
            return null;
        }
    }

    private T? Try<T>(string what, Func<T> measure)
        where T : class
    {
        progress(what);
        try
        {
            return measure();
        }
        catch (ResNetException e)
        {
            return Skip<T>(what, e);
        }
    }

    private async Task<T?> TryAsync<T>(string what, Func<Task<T>> measure)
        where T : class
    {
        progress(what);
        try
        {
            return await measure();
        }
        catch (ResNetException e)
        {
            return Skip<T>(what, e);
        }
    }

    private T? Skip<T>(string what, ResNetException reason)
        where T : class
    {
        skipped.Add($"{what}: failed: {reason.Message}");
        return null;
    }
}
