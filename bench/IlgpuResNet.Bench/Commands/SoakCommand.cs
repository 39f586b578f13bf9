using System.CommandLine;

namespace IlgpuResNet.Bench.Commands;

/// <summary><c>soak</c>: measures the memory that many runs on the processor leave behind, and the managed memory of each run.</summary>
internal static class SoakCommand
{
    private const int DefaultRuns = 10_000;

    public static Command Create()
    {
        Option<string?> model = BenchOptions.Model(), json = BenchOptions.Json();
        Option<int> threads = BenchOptions.Threads("Threads at work."), runs = BenchOptions.Runs(DefaultRuns);
        var command = new Command("soak", "Runs many times on the processor and says how memory grew.") { model, threads, runs, json };
        command.SetAction(result =>
        {
            Report report = Measure(result.Preset(model), result.GetValue(threads), result.GetValue(runs));
            report.Print();
            Figures.WriteJson(result.GetValue(json), report);
        });
        return command;
    }

    private static Report Measure(ResNetConfig config, int threads, int runs)
    {
        using ResNet network = RandomData.Network(config);
        using var session = new InferenceSession(network, ComputeDevice.Cpu, new SessionOptions { Threads = threads });
        float[] images = RandomData.Images(session.Input.Length), logits = new float[session.NumClasses];
        Soak inferences = Soak.Measure(() => session.Run(images, logits), runs);
        Soak launches = Soak.MeasureLaunch(runs);
        return new Report(
            config.Name, threads, runs, inferences.GrowthBytes, inferences.AllocatedBytesPerRun, launches.AllocatedBytesPerRun);
    }

    /// <summary>Memory in bytes; the growth is null where the system does not tell, the launch is ILGPU's.</summary>
    private sealed record Report(
        string Model, int Threads, int Runs, long? GrowthBytes, double AllocatedBytesPerRun, double LaunchAllocatedBytes)
    {
        public void Print()
        {
            Console.WriteLine($"{Model}, {Threads} threads, {Runs} runs");
            string growth = GrowthBytes is { } bytes ? $"{bytes} bytes of the resident set" : "unknown on this system";
            Console.WriteLine($"growth      {growth}");
            Console.WriteLine(
                $"allocation  {Figures.Text(AllocatedBytesPerRun, "F1")} managed bytes per run; "
                + $"ILGPU's launch alone {Figures.Text(LaunchAllocatedBytes, "F1")}");
        }
    }
}
