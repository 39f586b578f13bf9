using System.Diagnostics;
using IlgpuResNet.Imaging;

namespace IlgpuResNet.Bench;

/// <summary>Measures the rate of a classified folder on the processor, and the rates of its two parts alone.</summary>
internal sealed class FolderRates : IDisposable
{
    private readonly string[] files;
    private readonly PixelBuffer[] images;
    private readonly InferenceSession session;
    private readonly float[] probabilities;

    public FolderRates(Model model, string[] files, int? batch, int threads)
    {
        this.files = files;
        images = [.. files.Select(file => ImageFile.Load(file))];
        Classifier = new ImageClassifier(model, ComputeDevice.Cpu, new ClassifierOptions { Batch = batch, Threads = threads });
        session = new InferenceSession(model, ComputeDevice.Cpu, new SessionOptions { MaxBatch = Classifier.Batch, Threads = threads });
        probabilities = new float[Classifier.Batch * session.NumClasses];
    }

    public ImageClassifier Classifier { get; }

    /// <summary>Images per second that the worker threads decode when nothing else is done.</summary>
    public async Task<double> DecodeAsync(CancellationToken cancellation)
    {
        var pipeline = new FilePipeline<bool>(
            session.MaxBatch, new ReadAheadOptions(), (batch, _) => Task.FromResult(new bool[batch.Count]));
        long start = Stopwatch.GetTimestamp();
        await foreach (bool _ in pipeline.RunAsync(files, cancellation))
        {
        }
        return PerSecond(start);
    }

    /// <summary>Images per second of runs, one after the other, over images that are already decoded.</summary>
    public double Infer(CancellationToken cancellation)
    {
        long start = Stopwatch.GetTimestamp();
        for (int done = 0; done < images.Length; done += session.MaxBatch)
        {
            cancellation.ThrowIfCancellationRequested();
            int batch = Math.Min(session.MaxBatch, images.Length - done);
            session.Run(images.AsSpan(done, batch), [], probabilities.AsSpan(0, batch * session.NumClasses));
        }
        return PerSecond(start);
    }

    /// <summary>Images per second from files to labels.</summary>
    public async Task<double> ClassifyAsync(CancellationToken cancellation)
    {
        long start = Stopwatch.GetTimestamp();
        await foreach (ClassifiedImage image in Classifier.ClassifyFilesAsync(files, topK: 1, cancellation: cancellation))
        {
            if (image.Error is not null) throw image.Error;
        }
        return PerSecond(start);
    }

    /// <summary>
    /// Bytes by which the resident set grows while the second half of the files is classified, garbage collected at both ends; null where
    /// the system does not tell.
    /// </summary>
    public async Task<long?> GrowthAsync(CancellationToken cancellation)
    {
        int done = 0;
        long? half = null;
        await foreach (ClassifiedImage _ in Classifier.ClassifyFilesAsync(files, topK: 1, cancellation: cancellation))
        {
            if (++done == files.Length / 2) half = ProcessMemory.ResidentInUse();
        }
        return ProcessMemory.ResidentInUse() - half;
    }

    /// <summary>Milliseconds from a cancellation during the work to its exception.</summary>
    public async Task<double> CancelAsync(TimeSpan after)
    {
        using var cancellation = new CancellationTokenSource();
        long cancelled = 0;
        using var timer = new Timer(
            _ =>
            {
                cancelled = Stopwatch.GetTimestamp();
                cancellation.Cancel();
            },
            null, after, Timeout.InfiniteTimeSpan);
        try
        {
            while (true) await ClassifyAsync(cancellation.Token);
        }
        catch (OperationCanceledException)
        {
            return Stopwatch.GetElapsedTime(cancelled).TotalMilliseconds;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Classifier.Dispose();
        session.Dispose();
    }

    private double PerSecond(long start) => files.Length / Stopwatch.GetElapsedTime(start).TotalSeconds;
}
