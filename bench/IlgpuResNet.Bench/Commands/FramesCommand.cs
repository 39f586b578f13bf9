using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using IlgpuResNet.Cli;

namespace IlgpuResNet.Bench.Commands;

/// <summary><c>frames</c>: measures the latency of frames that come at a fixed rate, and the memory that they leave behind.</summary>
internal static class FramesCommand
{
    private const int Width = 1280;
    private const int Height = 720;
    private const int BytesPerPixel = 4;
    private const int Seed = 20_261_126;
    private const double DefaultRate = 15;
    private const double DefaultMinutes = 30;
    private const double SecondsPerMinute = 60;

    /// <summary>Length of the warm-up as a part of the measured time: .NET compiles methods again that are called often.</summary>
    private const double WarmUpShare = 0.2, MostWarmUpMinutes = 2;

    /// <summary>The longest measurement of the machine alone, after the frames.</summary>
    private const double MostMachineMinutes = 3;

    private const int Launches = 100;

    /// <summary>Half of .NET's smallest object.</summary>
    private const double LessThanAnObject = 12;

    private const double MostGrowth = 1 << 20;
    private const double MostRatio = 1.5;

    public static Command Create()
    {
        Option<string?> model = BenchOptions.Model(), json = BenchOptions.Json();
        Option<int> threads = BenchOptions.Threads("Threads on the processor; a GPU ignores it.");
        var device = new Option<string>("--device") { Description = "Device id.", DefaultValueFactory = _ => ComputeDevice.Default.Id };
        Option<double> rate = Positive("--rate", "Frames per second.", DefaultRate);
        Option<double> minutes = Positive(
            "--minutes", $"Measured time; a warm-up of {WarmUpShare:P0} of it, at most {MostWarmUpMinutes} minutes, comes first.",
            DefaultMinutes);
        var command = new Command("frames", $"Classifies {Width}x{Height} BGRA frames from memory at a fixed rate.")
        {
            model, device, threads, rate, minutes, json,
        };
        command.SetCancellableAction((result, cancellation) =>
        {
            using ResNet network = RandomData.Network(result.Preset(model));
            using var classifier = new ImageClassifier(
                network,
                ComputeDevice.Get(result.GetValue(device)!),
                new ClassifierOptions { Batch = 1, Threads = result.GetValue(threads) });
            Report report = Measure(classifier, result.GetValue(threads), result.GetValue(rate), result.GetValue(minutes), cancellation);
            report.Print();
            Figures.WriteJson(result.GetValue(json), report);
        });
        return command;
    }

    private static Report Measure(ImageClassifier classifier, int threads, double rate, double minutes, CancellationToken cancellation)
    {
        byte[] pixels = new byte[BytesPerPixel * Width * Height];
        new Random(Seed).NextBytes(pixels);
        int frames = Math.Max(1, (int)(minutes * SecondsPerMinute * rate));
        double[] latencies = new double[frames];
        int measured = 0;
        bool isMeasuring = false;
        ResNetException? failure = null;
        using var loop = new FrameClassifier(classifier, Take);

        Post(Math.Max(1, (int)Math.Min(WarmUpShare * frames, MostWarmUpMinutes * SecondsPerMinute * rate)));
        (long? resident, long allocated, long dropped, long classified) = (
            ProcessMemory.ResidentInUse(), GC.GetTotalAllocatedBytes(precise: true), loop.Dropped, loop.Classified);
        Volatile.Write(ref isMeasuring, true);
        Post(frames);
        allocated = GC.GetTotalAllocatedBytes(precise: true) - allocated;
        Volatile.Write(ref isMeasuring, false);
        classified = loop.Classified - classified;
        dropped = loop.Dropped - dropped;
        long? growth = ProcessMemory.ResidentInUse() - resident;
        if (failure is not null) throw failure;

        double[] sorted = [.. latencies.Take(measured).Order()];
        var median = TimeSpan.FromMilliseconds(Percentile(sorted, 0.5));
        bool isCpu = classifier.Device.Kind is DeviceKind.Cpu;
        double? launch = isCpu ? Soak.AllocatedByLaunch(median, Launches) : null;
        int pieces = Math.Min(frames, (int)Math.Ceiling(MostMachineMinutes * SecondsPerMinute * rate));
        double[]? machine = isCpu ? [.. PacedWork.Measure(threads, rate, median, pieces, cancellation).Order()] : null;
        return new Report(
            classifier.Model.Name, classifier.Device.Id, rate, minutes, frames, classified, dropped,
            Percentile(sorted, 0.5), Percentile(sorted, 0.9), Percentile(sorted, 0.99), Percentile(sorted, 1),
            Percentile(sorted, 0.99) / Percentile(sorted, 0.5),
            machine is null ? null : Percentile(machine, 0.99) / Percentile(machine, 0.5), (double)allocated / classified, launch, growth);

        void Take(in FrameResult result)
        {
            failure ??= result.Error;
            if (Volatile.Read(ref isMeasuring) && measured < latencies.Length) latencies[measured++] = result.Latency.TotalMilliseconds;
        }

        void Post(int count)
        {
            long start = Stopwatch.GetTimestamp();
            for (int i = 0; i < count; i++)
            {
                cancellation.ThrowIfCancellationRequested();
                TimeSpan left = TimeSpan.FromSeconds(i / rate) - Stopwatch.GetElapsedTime(start);
                if (left > TimeSpan.Zero) Thread.Sleep(left);
                loop.Post(new PixelSpan(pixels, Width, Height, PixelFormat.Bgra32));
            }
            // The last frames must be classified before anything is read.
            while (loop.Classified + loop.Dropped < loop.Posted) Thread.Sleep(1);
        }
    }

    private static double Percentile(double[] sorted, double share) => sorted[(int)Math.Round(share * (sorted.Length - 1))];

    private static Option<double> Positive(string name, string description, double value)
    {
        var option = new Option<double>(name) { Description = description, DefaultValueFactory = _ => value };
        option.Validators.Add(result =>
        {
            if (result.Tokens is not [.., { Value: var text }]) return;
            if (!(double.TryParse(text, CultureInfo.InvariantCulture, out double number) && number > 0 && double.IsFinite(number)))
                result.AddError($"{name} must be a positive number, but is '{result.Tokens[^1].Value}'");
        });
        return option;
    }

    /// <summary>
    /// Latencies in milliseconds, memory in bytes. On the processor also the machine's own ratio, and the bytes that ILGPU allocates for a
    /// launch that takes as long.
    /// </summary>
    private sealed record Report(
        string Model, string Device, double Rate, double Minutes, int Frames, long Classified, long Dropped,
        double P50Ms, double P90Ms, double P99Ms, double MaxMs,
        double P99Ratio, double? MachineP99Ratio, double AllocatedBytesPerFrame, double? LaunchAllocatedBytes, long? GrowthBytes)
    {
        public void Print()
        {
            string machine = MachineP99Ratio is { } ratio
                ? $"99 % over median {Figures.Text(ratio, "F2")} of threads that only multiply, at the same rate for as long"
                : "not measured";
            string launched = LaunchAllocatedBytes is { } launch ? Figures.Text(launch, "F1") : "unknown";
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"""
                {Model}, {Device}, {Width}x{Height} BGRA, {Rate} frames/s for {Minutes} minutes
                frames      {Frames} posted, {Classified} classified, {Dropped} dropped for newer ones
                latency     median {P50Ms:F2} ms, 90 % {P90Ms:F2}, 99 % {P99Ms:F2}, max {MaxMs:F2}; 99 % over median {P99Ratio:F2}
                machine     {machine}
                allocation  {AllocatedBytesPerFrame:F1} managed bytes per frame; ILGPU's launch alone {launched}
                memory      {(GrowthBytes is { } bytes ? $"{bytes} bytes of growth" : "growth unknown on this system")}
                """));
            Figures.PrintBar(
                "nothing is allocated for a frame but by ILGPU's launch",
                AllocatedBytesPerFrame < (LaunchAllocatedBytes ?? 0) + LessThanAnObject);
            Figures.PrintBar("the resident set grows by less than 1 MiB", GrowthBytes is { } growth ? growth < MostGrowth : null);
            Figures.PrintBar($"99 % of latencies are at most {Figures.Text(MostRatio, "F1")} times the median", P99Ratio <= MostRatio);
        }
    }
}
