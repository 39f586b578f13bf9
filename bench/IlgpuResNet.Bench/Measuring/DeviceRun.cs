using System.Diagnostics;
using IlgpuResNet.Bench.Commands;
using IlgpuResNet.Devices;
using IlgpuResNet.Execution;
using IlgpuResNet.Kernels;
using IlgpuResNet.Kernels.Simd;
using IlgpuResNet.Planning;

namespace IlgpuResNet.Bench;

/// <summary>
/// A network on a device, batch by batch. The share of the peak counts the products of the definition, also where an algorithm needs fewer.
/// </summary>
internal record DeviceRun(
    string Model, string Device, string DeviceName, int Rounds, double PeakGflopPerSecond, string PeakSource, BatchRun[] Batches)
{
    public const double Giga = 1e9;

    /// <summary>
    /// Kernels that the sessions of all batches loaded, each in the time of the first session that needed it; 0 on the processor.
    /// </summary>
    public int Kernels { get; init; }

    /// <summary>Time of these kernels in ILGPU, one after the other.</summary>
    public double GeneratingMs { get; init; }

    /// <summary>Time of these kernels in the driver, summed over those that it builds at once, waiting included.</summary>
    public double BuildingMs { get; init; }

    /// <summary>The powers of two below the largest batch, and last the largest itself.</summary>
    public static IEnumerable<int> BatchesTo(int largest)
    {
        for (int batch = 1; batch < largest; batch *= 2) yield return batch;
        yield return largest;
    }

    /// <param name="config">The network, with random weights.</param>
    /// <param name="device">The device; not opened before in this process, or its steps cannot be timed.</param>
    /// <param name="batches">Batches, from the smallest up; the first is measured always.</param>
    /// <param name="rounds">Timed runs for each figure.</param>
    /// <param name="budget">Batches that would take longer, all together, are left out; null for no limit.</param>
    /// <param name="cancellation">Ends the measurement between two batches.</param>
    /// <exception cref="ResNetException">The device failed.</exception>
    public static DeviceRun Measure(
        ResNetConfig config, ComputeDevice device, IReadOnlyList<int> batches, int rounds, TimeSpan? budget = null,
        CancellationToken cancellation = default)
    {
        device.RequestMarkers();
        using ResNet network = RandomData.Network(config);
        double peak = PeakOf(device);
        var points = new List<BatchRun>();
        long start = Stopwatch.GetTimestamp();
        foreach (int batch in batches)
        {
            if (points.Count > 0 && Stopwatch.GetElapsedTime(start) + Expected(points[^1], batch, rounds) > budget) break;
            cancellation.ThrowIfCancellationRequested();
            points.Add(BatchRun.Measure(network, device, batch, rounds, peak));
        }
        KernelLoadTimes kernels = device.Open().LoadTimes;
        return new DeviceRun(
            config.Name, device.Id, device.Name, rounds, peak / Giga, device.IsGpu ? "by its clock and lanes" : "measured here",
            [.. points])
        {
            Kernels = kernels.Kernels,
            GeneratingMs = kernels.Generating.TotalMilliseconds,
            BuildingMs = kernels.Building.TotalMilliseconds,
        };
    }

    /// <summary>
    /// Expected time of a batch at the rate of a smaller one: three kinds of timed runs, and warm-ups of each.
    /// </summary>
    private static TimeSpan Expected(BatchRun smaller, int batch, int rounds) =>
        TimeSpan.FromMilliseconds(smaller.SessionMs + smaller.EndToEndMs * batch / smaller.Batch * 3 * (rounds + WarmUp.LeastRuns));

    /// <summary>Float32 operations a second: for a GPU from what its driver tells, for the processor as measured.</summary>
    private static double PeakOf(ComputeDevice device) => device.IsGpu
        ? DeviceProfiles.Of(device.Open().Accelerator.Device).PeakFlops
        : MachinePeak.Measure(SimdWidth.Widest, Environment.ProcessorCount).GflopPerSecond * Giga;
}

/// <summary>One batch: a session made for it, its first run, and its steady state.</summary>
internal sealed record BatchRun(
    int Batch, double SessionMs, double FirstRunMs, double EndToEndMs, double DeviceMs, double SumOfStepsMs,
    double ImagesPerSecond, double PeakShare, StepRun[] Steps)
{
    /// <summary>Logits for a comparison of devices; no part of the JSON file.</summary>
    internal float[] Logits { get; private init; } = [];

    /// <param name="network">The network.</param>
    /// <param name="device">The device.</param>
    /// <param name="batch">Images of a run.</param>
    /// <param name="rounds">Timed runs for each figure.</param>
    /// <param name="peak">Operations a second that the device can do.</param>
    public static BatchRun Measure(ResNet network, ComputeDevice device, int batch, int rounds, double peak)
    {
        long start = Stopwatch.GetTimestamp();
        using var session = new InferenceSession(network, device, new SessionOptions { MaxBatch = batch });
        double sessionMs = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        float[] images = RandomData.Images(batch * session.Input.Length), logits = new float[batch * session.NumClasses];
        start = Stopwatch.GetTimestamp();
        session.Run(images, logits);
        double firstMs = Stopwatch.GetElapsedTime(start).TotalMilliseconds;

        StepTimes times = StepTimes.Measure(session, images, rounds);
        double imagesPerSecond = batch * 1000 / times.EndToEndMs;
        return new BatchRun(
            batch, sessionMs, firstMs, times.EndToEndMs, times.DeviceMs, times.StepMs.Sum(), imagesPerSecond,
            2.0 * session.Plan.Macs * imagesPerSecond / peak,
            [.. session.Plan.Steps.Zip(session.StepMethods, times.StepMs).Select(
                step => StepRun.Of(step.First, step.Second, step.Third, batch, peak))])
        {
            Logits = logits,
        };
    }
}

/// <summary>One step of a run; a step without multiplications has neither kernel nor rate.</summary>
internal sealed record StepRun(string Name, string Kernel, double Ms, double GflopPerSecond, double PeakShare)
{
    public static StepRun Of(PlanStep step, Conv2dMethod kernel, double ms, int batch, double peak)
    {
        double flops = ms > 0 ? 2.0 * batch * step.Macs / (ms * 1e-3) : 0;
        string name = LayersCommand.NameOf(kernel.Algorithm);
        if (kernel.Tile != default) name += $" {kernel.Tile}";
        if (kernel.Tile != default && kernel.Splits > 1) name += $", {kernel.Splits} splits";
        return new StepRun(step.Node.Name, step.Macs > 0 ? name : "", ms, flops / DeviceRun.Giga, flops / peak);
    }
}
