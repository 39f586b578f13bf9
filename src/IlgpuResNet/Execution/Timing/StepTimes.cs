using System.Collections.Immutable;
using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using ILGPU.Runtime;
using IlgpuResNet.Devices;
using IlgpuResNet.Execution;
using IlgpuResNet.Kernels;
using IlgpuResNet.Planning;

namespace IlgpuResNet;

/// <summary>
/// Times of a network's runs on a device and of each step of a run. On the processor a step's time is the mean over the faster half of the
/// runs, because other work on the machine only makes runs slower, and means of the same runs add up; on other devices it is the median.
/// </summary>
public sealed class StepTimes
{
    private const int Seed = 1;

    internal StepTimes(ExecutionPlan plan, double endToEndMs, double deviceMs, ImmutableArray<double> stepMs)
    {
        Plan = plan;
        EndToEndMs = endToEndMs;
        DeviceMs = deviceMs;
        StepMs = stepMs;
    }

    /// <summary>The plan whose steps were timed.</summary>
    public ExecutionPlan Plan { get; }

    /// <summary>Median milliseconds of a run as its caller sees it, upload and download included.</summary>
    public double EndToEndMs { get; }

    /// <summary>Milliseconds from the first step to the last on the device.</summary>
    public double DeviceMs { get; }

    /// <summary>
    /// Milliseconds of each step for all images of a run, in the plan's order; steps that a run does not need are left out.
    /// </summary>
    public ImmutableArray<double> StepMs { get; }

    /// <summary>
    /// Makes a session, warms it up, and times it on noise, which takes seconds. Call it before anything else uses a GPU in this process:
    /// the steps can be timed only on a device that was opened for timing.
    /// </summary>
    /// <param name="model">The network.</param>
    /// <param name="device">Where to run, or null for <see cref="ComputeDevice.Default"/>.</param>
    /// <param name="options">
    /// Batch, image size and outputs of the session, or null for one image of the network's own size. Each run takes the whole batch.
    /// </param>
    /// <param name="runs">Number of timed runs.</param>
    /// <param name="cancellation">Ends the measurement between two runs.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="runs"/> is below 1.</exception>
    /// <exception cref="ResNetException">
    /// The session cannot be made, the device failed, or the device was opened before without timing.
    /// </exception>
    /// <exception cref="OperationCanceledException">The measurement was cancelled.</exception>
    [RequiresDynamicCode(DynamicCode.Reason), RequiresUnreferencedCode(DynamicCode.Reason)]
    public static StepTimes Measure(
        Model model, ComputeDevice? device = null, SessionOptions? options = null, int runs = 10, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(runs, 1);
        device ??= ComputeDevice.Default;
        device.RequestMarkers();
        using var session = new InferenceSession(model, device, options);
        var random = new Random(Seed);
        float[] images = new float[session.MaxBatch * session.Input.Length];
        foreach (ref float value in images.AsSpan()) value = random.NextSingle() * 2 - 1;
        return Measure(session, images, runs, cancellation);
    }

    /// <summary>Times a session.</summary>
    /// <exception cref="ResNetException">
    /// The device's markers are not in order and so say nothing, or it was opened without them.
    /// </exception>
    [RequiresDynamicCode(DynamicCode.Reason), RequiresUnreferencedCode(DynamicCode.Reason)]
    internal static StepTimes Measure(InferenceSession session, float[] images, int runs, CancellationToken cancellation = default)
    {
        Action run = RunOf(session, images);
        WarmUp.Run(run, cancellation);
        double[] endToEnd = Repeat(() =>
        {
            long start = Stopwatch.GetTimestamp();
            run();
            return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        });
        if (session.Kernels is IStepTimestamps kernels)
        {
            SequenceTimes times = SequenceTimes.Measure(session, kernels, run, runs, cancellation);
            return new StepTimes(session.Plan, Median(endToEnd), times.StepMs.Sum(), [.. times.StepMs]);
        }
        if (!session.Device.Open().HasMarkers)
            throw new ResNetException($"{session.Device.Id}: the device was opened before, without timing of steps; measure first.");
        (int Step, double Ms)[][] launches = Repeat(() => Marked(session, run, _ => true));
        int last = launches[0].Length;
        double[] device = Repeat(() => Marked(session, run, mark => mark == 0 || mark == last).Sum(launch => launch.Ms));
        // A step may be launched several times, for one slice of the batch after the other.
        int steps = launches[0].Max(launch => launch.Step) + 1;
        double SumOf((int Step, double Ms)[] round, int step) => round.Where(launch => launch.Step == step).Sum(launch => launch.Ms);
        return new StepTimes(
            session.Plan, Median(endToEnd), Median(device),
            [.. Enumerable.Range(0, steps).Select(step => Median([.. launches.Select(round => SumOf(round, step))]))]);

        T[] Repeat<T>(Func<T> measure)
        {
            var results = new T[runs];
            for (int i = 0; i < runs; i++)
            {
                cancellation.ThrowIfCancellationRequested();
                results[i] = measure();
            }
            return results;
        }
    }

    /// <summary>A run for the logits, without the probabilities; for all outputs when the network is no classifier.</summary>
    private static Action RunOf(InferenceSession session, float[] images)
    {
        int batch = images.Length / session.Input.Length;
        if (session.NumClasses > 0)
        {
            float[] logits = new float[batch * session.NumClasses];
            return () => session.Run(images, logits);
        }
        Memory<float>[] outputs = [.. session.Outputs.Select(output => (Memory<float>)new float[batch * output.Length])];
        return () => session.Run(images, outputs);
    }

    /// <summary>
    /// Milliseconds between the markers of one run, each with the step that ends at the later marker. Markers lie around each launch, or
    /// around all launches, which disturbs the device less.
    /// </summary>
    private static (int Step, double Ms)[] Marked(InferenceSession session, Action run, Func<int, bool> isMarked)
    {
        var markers = new List<(int? Step, ProfilingMarker Marker)>();
        int marks = 0;
        try
        {
            session.Mark = (stream, step) =>
            {
                if (isMarked(marks++)) markers.Add((step, stream.AddProfilingMarker()));
            };
            run();
            (int Step, double Ms)[] between =
                [.. markers.Zip(markers.Skip(1), (start, end) => (end.Step!.Value, (end.Marker - start.Marker).TotalMilliseconds))];
            return between.Length > 0 && between.All(pair => pair.Ms >= 0)
                ? between
                : throw new ResNetException(
                    $"{session.Device.Id}: the device's profiling markers are not in order; its steps cannot be timed.");
        }
        finally
        {
            session.Mark = null;
            foreach ((_, ProfilingMarker marker) in markers) marker.Dispose();
        }
    }

    private static double Median(double[] values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
