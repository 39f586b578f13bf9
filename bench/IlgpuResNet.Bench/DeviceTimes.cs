using System.Diagnostics;
using ILGPU.Runtime;
using IlgpuResNet.Execution;
using IlgpuResNet.Kernels;

namespace IlgpuResNet.Bench;

/// <summary>Times of a session's runs, in milliseconds, medians of some rounds each.</summary>
/// <param name="EndToEndMs">A run as its caller sees it, upload and download included.</param>
/// <param name="DeviceMs">From the first step to the last on the device: without upload and download.</param>
/// <param name="StepMs">Each step that a run walks, in the plan's order.</param>
internal sealed record DeviceTimes(double EndToEndMs, double DeviceMs, double[] StepMs)
{
    /// <exception cref="ResNetException">The device's markers do not follow one another, so that they say nothing.</exception>
    public static DeviceTimes Measure(InferenceSession session, float[] images, int rounds)
    {
        float[] logits = new float[images.Length / session.Input.Length * session.NumClasses];
        WarmUp.Run(() => session.Run(images, logits));
        double[] endToEnd = [.. Enumerable.Range(0, rounds).Select(_ =>
        {
            long start = Stopwatch.GetTimestamp();
            session.Run(images, logits);
            return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        })];
        if (session.Kernels is SimdKernels simd)
        {
            // One launch walks all steps there; they note their times themselves, and the map lies in the processor's memory anyway.
            StepTimes times = StepTimes.Measure(session, simd, images, rounds);
            return new DeviceTimes(Statistics.Of(endToEnd).Median, times.StepMs.Sum(), times.StepMs);
        }
        double[] device = [.. Enumerable.Range(0, rounds).Select(_ => Marked(session, images, logits, everyStep: false).Sum())];
        double[][] steps = [.. Enumerable.Range(0, rounds).Select(_ => Marked(session, images, logits, everyStep: true))];
        return new DeviceTimes(
            Statistics.Of(endToEnd).Median, Statistics.Of(device).Median,
            [.. Enumerable.Range(0, steps[0].Length).Select(step => Statistics.Of(steps.Select(round => round[step])).Median)]);
    }

    /// <summary>Milliseconds between the markers of one run: around each step, all its launches together, or around all of them, which disturbs the device less.</summary>
    private static double[] Marked(InferenceSession session, float[] images, float[] logits, bool everyStep)
    {
        var markers = new List<(int? Step, ProfilingMarker Marker)>();
        // Probabilities are not asked for, so that the plan's last step, which makes them, is not run.
        int steps = session.Plan.Steps.Length - 1, calls = 0, last = 0;
        session.Plan.Walk(images.Length / session.Input.Length, steps, (_, _, _) => last++);
        try
        {
            session.Mark = (stream, step) =>
            {
                if (everyStep || calls == 0 || calls == last) markers.Add((step, stream.AddProfilingMarker()));
                calls++;
            };
            session.Run(images, logits);
            (int Step, double Ms)[] between = [.. markers.Zip(markers.Skip(1), (start, end) => (end.Step!.Value, (end.Marker - start.Marker).TotalMilliseconds))];
            if (between.Length == 0 || between.Any(pair => pair.Ms < 0))
                throw new ResNetException($"{session.Device.Id}: the device's profiling markers do not follow one another; its steps cannot be timed.");
            double[] ofSteps = new double[steps];
            foreach ((int step, double ms) in between) ofSteps[step] += ms;
            return ofSteps;
        }
        finally
        {
            session.Mark = null;
            foreach ((_, ProfilingMarker marker) in markers) marker.Dispose();
        }
    }
}
