using System.CommandLine;
using System.Globalization;
using System.Runtime;
using IlgpuResNet.Cli;

namespace IlgpuResNet.Bench.Commands;

/// <summary>
/// <c>folder</c>: classifies a folder; compares its rate with the rate of its slower part; measures memory and the delay of a cancellation.
/// </summary>
internal static class FolderCommand
{
    private const int DefaultRounds = 9;
    private const int MostWarmUpRounds = 8;
    private const int Cancellations = 10;
    private const double LeastRatio = 0.9;
    private const double MostGrowth = 1 << 20;
    private const int MostCancelledMs = 100;

    /// <summary>Time to the first cancellation, and from each to the next: they must fall on all kinds of moments.</summary>
    private static readonly TimeSpan CancelAfter = TimeSpan.FromMilliseconds(83);

    public static Command Create()
    {
        var images = new Option<string>("--images")
        {
            Description = "Images in IDX format, as MNIST has them, may be gzipped; written as PNG files to a temporary folder.",
            Required = true,
        };
        var weights = new Option<string?>("--weights") { Description = "Weights file; else --model with random weights." };
        Option<string?> model = BenchOptions.Model(), json = BenchOptions.Json();
        var batch = new Option<int?>("--batch") { Description = "Images per run. Default: what a classifier takes by itself." };
        batch.RequireWholeNumber(1, int.MaxValue);
        Option<int> threads = BenchOptions.Threads("Threads at work on inference.");
        Option<int> rounds = BenchOptions.Rounds(DefaultRounds, "Times the folder is classified.");
        var count = new Option<int>("--count") { Description = "Use the first images only.", DefaultValueFactory = _ => int.MaxValue };
        count.RequireWholeNumber(1, int.MaxValue);
        var command = new Command("folder", "Classifies a folder of PNG files on the processor, beside decoding alone and inference alone.")
        {
            images, weights, model, batch, threads, rounds, count, json,
        };
        command.SetCancellableAction(async (result, cancellation) =>
        {
            using Model network = result.GetValue(weights) is { } file ? Model.Load(file) : RandomData.Network(result.Preset(model));
            string folder = Directory.CreateTempSubdirectory("ilgpu-resnet-bench-").FullName;
            try
            {
                string[] files = WriteFiles(IdxFile.Load(result.GetValue(images)!), result.GetValue(count), folder);
                using var rates = new FolderRates(network, files, result.GetValue(batch), result.GetValue(threads));
                Report report = await MeasureAsync(
                    rates, network.Name, files.Length, result.GetValue(threads), result.GetValue(rounds), cancellation);
                report.Print();
                Figures.WriteJson(result.GetValue(json), report);
            }
            finally
            {
                Directory.Delete(folder, recursive: true);
            }
        });
        return command;
    }

    private static string[] WriteFiles(IdxFile images, int count, string folder)
    {
        if (images.Sizes is not [_, var width])
            throw new ResNetException($"Expected images of two sizes, but the file's items have {images.Sizes.Length}.");
        string[] files = [.. Enumerable.Range(0, Math.Min(images.Count, count))
            .Select(i => Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{i:D5}.png")))];
        for (int i = 0; i < files.Length; i++) File.WriteAllBytes(files[i], GrayPng.Encode(images.Item(i).Span, width));
        return files;
    }

    private static async Task<Report> MeasureAsync(
        FolderRates rates, string model, int images, int threads, int rounds, CancellationToken cancellation)
    {
        await WarmUpAsync(rates, cancellation);
        double[] decode = new double[rounds], inference = new double[rounds], folder = new double[rounds], ratio = new double[rounds];
        double before = rates.Infer(cancellation);
        for (int i = 0; i < rounds; i++)
        {
            decode[i] = await rates.DecodeAsync(cancellation);
            folder[i] = await rates.ClassifyAsync(cancellation);
            // Inference is measured before and after, so that a machine that steadily gets faster or slower favours neither.
            double after = rates.Infer(cancellation);
            inference[i] = (before + after) / 2;
            before = after;
            ratio[i] = folder[i] / Math.Min(decode[i], inference[i]);
        }
        long? growth = await rates.GrowthAsync(cancellation);
        double cancelled = 0;
        for (int i = 1; i <= Cancellations; i++) cancelled = Math.Max(cancelled, await rates.CancelAsync(i * CancelAfter));
        return new Report(
            model, rates.Classifier.Batch, threads, images, rounds,
            Statistics.Of(decode).Median, Statistics.Of(inference).Median, Statistics.Of(folder).Median,
            Statistics.Of(ratio).Median, growth, ProcessMemory.Peak(), cancelled);
    }

    /// <summary>
    /// Runs uncounted rounds until .NET compiles nothing in one: its compiler needs a core that the measured threads then lack.
    /// </summary>
    private static async Task WarmUpAsync(FolderRates rates, CancellationToken cancellation)
    {
        long compiled = -1;
        for (int i = 0; i < MostWarmUpRounds && compiled != (compiled = JitInfo.GetCompiledMethodCount()); i++)
        {
            await rates.DecodeAsync(cancellation);
            rates.Infer(cancellation);
            await rates.ClassifyAsync(cancellation);
        }
    }

    /// <summary>
    /// Medians over the rounds in images per second; the ratio is the folder's rate over the rate of its slower part. Memory in bytes; the
    /// growth is measured over the second half of a folder.
    /// </summary>
    private sealed record Report(
        string Model, int Batch, int Threads, int Images, int Rounds, double DecodeImagesPerSecond, double InferenceImagesPerSecond,
        double FolderImagesPerSecond, double Ratio, long? GrowthBytes, long PeakBytes, double CancelledMs)
    {
        public void Print()
        {
            string growth = GrowthBytes is { } bytes
                ? $"{bytes} bytes of growth over the second half of the files"
                : "growth unknown on this system";
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"""
                {Model}, batch {Batch}, {Threads} threads, {Images} files, medians of {Rounds} rounds
                decoding   {DecodeImagesPerSecond:F1} images/s alone
                inference  {InferenceImagesPerSecond:F1} images/s alone
                folder     {FolderImagesPerSecond:F1} images/s
                memory     {growth}, {PeakBytes} at most
                cancelled  within {CancelledMs:F1} ms, the longest of {Cancellations} times
                ratio {Ratio:F3}
                """));
            Figures.PrintBar($"the folder's rate is at least {Figures.Text(LeastRatio, "F1")} of the slower part's", Ratio >= LeastRatio);
            Figures.PrintBar(
                "the resident set grows by less than 1 MiB over the second half of the files",
                GrowthBytes is { } grown ? grown < MostGrowth : null);
            Figures.PrintBar($"a cancellation takes at most {MostCancelledMs} ms", CancelledMs <= MostCancelledMs);
        }
    }
}
