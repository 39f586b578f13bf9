using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using IlgpuResNet.Kernels;

namespace IlgpuResNet.Bench.Commands;

/// <summary><c>latency</c>: measures time, managed allocation and memory of one network with random weights on one device.</summary>
internal static class LatencyCommand
{
    private const int WarmUpRounds = 5;
    private const int DefaultRounds = 30;
    private const double Mebi = 1 << 20;

    public static Command Create()
    {
        Option<string?> model = BenchOptions.Model(), json = BenchOptions.Json();
        var device = new Option<string>("--device") { Description = "Device id.", DefaultValueFactory = _ => ComputeDevice.Default.Id };
        Option<int> batch = BenchOptions.Batch();
        Option<int> threads = BenchOptions.Threads("Threads on the processor; a GPU ignores it.");
        Option<int> rounds = BenchOptions.Rounds(DefaultRounds, "Timed runs.");
        var command = new Command("latency", "Times one network on one device.") { model, device, batch, threads, rounds, json };
        command.SetAction(result =>
        {
            Latency latency = Measure(
                result.Preset(model), ComputeDevice.Get(result.GetValue(device)!), result.GetValue(batch), result.GetValue(threads),
                result.GetValue(rounds));
            Console.WriteLine(latency.ToText());
            Figures.WriteJson(result.GetValue(json), latency);
        });
        return command;
    }

    private static Latency Measure(ResNetConfig config, ComputeDevice device, int batch, int threads, int rounds)
    {
        long start = Stopwatch.GetTimestamp();
        using ResNet model = ResNet.Create(config);
        double networkMs = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        using var session = new InferenceSession(model, device, new SessionOptions { MaxBatch = batch, Threads = threads });
        double loadMs = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        KernelLoadTimes kernels = device.Open().LoadTimes;
        float[] input = new float[batch * session.Plan.Input.Shape.Count];
        var random = new Random(1);
        foreach (ref float value in input.AsSpan()) value = random.NextSingle() * 2 - 1;
        float[] logits = new float[batch * session.NumClasses];

        start = Stopwatch.GetTimestamp();
        session.Run(input, logits);
        double firstMs = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        for (int i = 0; i < WarmUpRounds; i++) session.Run(input, logits);

        double[] times = new double[rounds];
        long allocated = GC.GetTotalAllocatedBytes(precise: true);
        for (int i = 0; i < rounds; i++)
        {
            start = Stopwatch.GetTimestamp();
            session.Run(input, logits);
            times[i] = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        }
        allocated = GC.GetTotalAllocatedBytes(precise: true) - allocated;
        Array.Sort(times);
        double median = times[rounds / 2];
        return new Latency(
            config.Name, device.Id, device.Name, batch, session.Threads, rounds, loadMs, networkMs, session.WeightsTime.TotalMilliseconds,
            kernels.Kernels, kernels.Generating.TotalMilliseconds, kernels.Building.TotalMilliseconds, firstMs, times[0], median, times[^1],
            batch * 1000 / median, 2e-6 * batch * session.Plan.Macs / median, (double)allocated / rounds, session.Plan.Steps.Length - 1,
            ProcessMemory.Peak() / Mebi);
    }

    /// <summary>
    /// Times in milliseconds, memory in MiB; allocation is the whole process's, per run. The parts of loading overlap: kernels are
    /// generated and built while weights are packed, and the driver's times are summed over those that it had at once, waiting included.
    /// </summary>
    private sealed record Latency(
        string Model, string Device, string DeviceName, int Batch, int? Threads, int Rounds, double LoadMs, double NetworkMs,
        double WeightsMs,
        int Kernels, double GeneratingMs, double BuildingMs, double FirstMs, double MinMs, double MedianMs, double MaxMs,
        double ImagesPerSecond, double GflopPerSecond, double AllocatedBytesPerRun, int StepsPerRun, double PeakResidentMib)
    {
        public string ToText()
        {
            string threads = Threads is null ? "" : $", {Threads} of its threads";
            string parts = $"weights take {Figures.Text(WeightsMs, "F0")}";
            if (Kernels > 0)
            {
                parts += $" and {Kernels} kernels {Figures.Text(GeneratingMs, "F0")} in ILGPU, "
                    + $"{Figures.Text(BuildingMs, "F0")} in the driver";
            }
            return string.Create(CultureInfo.InvariantCulture, $"""
                {Model}, batch {Batch}, {Device} ({DeviceName}){threads}, {Rounds} rounds
                load        {LoadMs:F0} ms: network {NetworkMs:F0}, session {LoadMs - NetworkMs:F0}, in which {parts}
                first run   {FirstMs:F0} ms
                run         median {MedianMs:F1} ms, min {MinMs:F1}, max {MaxMs:F1}
                rate        {ImagesPerSecond:F1} images/s, {GflopPerSecond:F1} GFLOP/s
                allocation  {AllocatedBytesPerRun:F0} managed bytes per run of {StepsPerRun} steps
                memory      {PeakResidentMib:F0} MiB peak resident
                """);
        }
    }
}
