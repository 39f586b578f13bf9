using System.Diagnostics;
using IlgpuResNet.Kernels.Simd;

namespace IlgpuResNet.Execution;

/// <summary>How long each step of a session on the processor takes.</summary>
/// <param name="StepMs">Milliseconds of each step that a run walks, in the plan's order.</param>
/// <param name="EndToEndMs">Milliseconds of a run, seen from outside.</param>
internal sealed record SimdStepTimes(double[] StepMs, double EndToEndMs)
{
    /// <summary>
    /// Means over the faster half of the runs: other work on the machine makes runs slower, and means of the same runs add up, medians do not.
    /// </summary>
    public static SimdStepTimes Measure(InferenceSession session, SimdKernels kernels, Action run, int rounds, CancellationToken cancellation = default)
    {
        WarmUp.Run(run, cancellation);

        var runs = new List<(double EndToEndMs, double[] StepMs)>();
        int steps = session.Plan.Steps.Length;
        List<int> walk = WalkOf(session, steps);
        long[] timestamps = new long[walk.Count + 1];
        kernels.Timestamps = timestamps;
        try
        {
            for (int round = 0; round < rounds; round++)
            {
                cancellation.ThrowIfCancellationRequested();
                long start = Stopwatch.GetTimestamp();
                run();
                double endToEndMs = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
                // What comes after the logits is not run, where only they are wanted, and leaves zeros.
                while (timestamps[walk.Count] == 0) walk = WalkOf(session, --steps);
                double[] stepMs = new double[steps];
                for (int i = 0; i < walk.Count; i++) stepMs[walk[i]] += Stopwatch.GetElapsedTime(timestamps[i], timestamps[i + 1]).TotalMilliseconds;
                runs.Add((endToEndMs, stepMs));
            }
        }
        finally
        {
            kernels.Timestamps = null;
        }
        var faster = runs.OrderBy(run => run.EndToEndMs).Take((rounds + 1) / 2).ToList();
        return new SimdStepTimes(
            [.. Enumerable.Range(0, faster[0].StepMs.Length).Select(step => faster.Average(run => run.StepMs[step]))],
            faster.Average(run => run.EndToEndMs));
    }

    /// <summary>The steps that a run of the whole batch launches, in order, when so many of the plan's are wanted.</summary>
    private static List<int> WalkOf(InferenceSession session, int steps)
    {
        var walk = new List<int>();
        session.Plan.Walk(session.MaxBatch, steps, (step, _, _) => walk.Add(step));
        return walk;
    }
}
