using System.Collections.Immutable;
using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using ILGPU.Runtime;
using IlgpuResNet.Devices;
using IlgpuResNet.Execution;
using IlgpuResNet.Kernels.Simd;
using IlgpuResNet.Planning;

namespace IlgpuResNet;

/// <summary>
/// How long runs of a network take on a device, and each of their steps. On a processor a step's time is the mean over the faster half of the runs,
/// because what else the machine does only makes them slower, and means of the same runs add up; on any other device it is the median.
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

    /// <summary>The steps that were timed.</summary>
    public ExecutionPlan Plan { get; }

    /// <summary>Milliseconds of a run as its caller sees it, upload and download included; median.</summary>
    public double EndToEndMs { get; }

    /// <summary>Milliseconds from the first step to the last on the device.</summary>
    public double DeviceMs { get; }

    /// <summary>Milliseconds of each step, as many as a run walks: the first of the plan, in its order. All images of a run together.</summary>
    public ImmutableArray<double> StepMs { get; }

    /// <summary>
    /// Makes a session, warms it up, and times it on noise. Takes seconds. Call it before anything else uses a GPU in this process: steps can be timed on
    /// a device that was opened for that.
    /// </summary>
    /// <param name="model">The network.</param>
    /// <param name="device">Where to run, or null for <see cref="ComputeDevice.Default"/>.</param>
    /// <param name="options">Batch, image size and outputs of the session, or null for one image of the network's own size; runs are as large as the batch.</param>
    /// <param name="runs">Timed runs.</param>
    /// <param name="cancellation">Ends it between two runs.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="runs"/> is below 1.</exception>
    /// <exception cref="ResNetException">The session cannot be made, the device failed, or it was opened before and does not time steps.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    [RequiresDynamicCode(DynamicCode.Reason), RequiresUnreferencedCode(DynamicCode.Reason)]
    public static StepTimes Measure(Model model, ComputeDevice? device = null, SessionOptions? options = null, int runs = 10, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(runs, 1);
        device ??= ComputeDevice.Default;
        device.AllowsMarkers = device.Kind is not DeviceKind.Cpu;
        using var session = new InferenceSession(model, device, options);
        var random = new Random(Seed);
        float[] images = new float[session.MaxBatch * session.Input.Length];
        foreach (ref float value in images.AsSpan()) value = random.NextSingle() * 2 - 1;
        return Measure(session, images, runs, cancellation);
    }

    /// <exception cref="ResNetException">The device's markers do not follow one another, so that they say nothing, or it was opened without them.</exception>
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
        if (session.Kernels is SimdKernels simd)
        {
            // One launch walks all steps there; they note their times themselves, and the map lies in the processor's memory anyway.
            SimdStepTimes times = SimdStepTimes.Measure(session, simd, run, runs, cancellation);
            return new StepTimes(session.Plan, Median(endToEnd), times.StepMs.Sum(), [.. times.StepMs]);
        }
        if (!session.Device.Open().Accelerator.Context.Properties.EnableProfiling)
            throw new ResNetException($"{session.Device.Id}: something used it before its steps were to be timed, so that it was opened without profiling; measure first.");
        (int Step, double Ms)[][] launches = Repeat(() => Marked(session, run, _ => true));
        int last = launches[0].Length;
        double[] device = Repeat(() => Marked(session, run, mark => mark == 0 || mark == last).Sum(launch => launch.Ms));
        // A step may be launched for a few images of the batch after the others.
        int steps = launches[0].Max(launch => launch.Step) + 1;
        return new StepTimes(
            session.Plan, Median(endToEnd), Median(device),
            [.. Enumerable.Range(0, steps).Select(step => Median([.. launches.Select(round => round.Where(launch => launch.Step == step).Sum(launch => launch.Ms))]))]);

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

    /// <summary>A run for the logits, without the probabilities; of a network that classifies nothing, for all that it gives.</summary>
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

    /// <summary>Milliseconds between the markers of one run, and the step that ends with the later: around each launch, or around all of them, which disturbs the device less.</summary>
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
            (int Step, double Ms)[] between = [.. markers.Zip(markers.Skip(1), (start, end) => (end.Step!.Value, (end.Marker - start.Marker).TotalMilliseconds))];
            return between.Length > 0 && between.All(pair => pair.Ms >= 0)
                ? between
                : throw new ResNetException($"{session.Device.Id}: the device's profiling markers do not follow one another; its steps cannot be timed.");
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
