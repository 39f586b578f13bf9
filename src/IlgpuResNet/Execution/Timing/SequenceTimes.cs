using System.Diagnostics;
using IlgpuResNet.Kernels;

namespace IlgpuResNet.Execution;

/// <summary>Times of each step of a session whose kernels walk all steps in one launch and note their times themselves.</summary>
/// <param name="StepMs">Milliseconds of each step that a run walks, in the plan's order.</param>
/// <param name="EndToEndMs">Milliseconds of a run as its caller sees it.</param>
internal sealed record SequenceTimes(double[] StepMs, double EndToEndMs)
{
    /// <summary>
    /// Times runs and returns means over the faster half of them: other work on the machine makes runs slower, and means of the same runs
    /// add up, medians do not.
    /// </summary>
    /// <param name="session">The session.</param>
    /// <param name="kernels">Its kernels.</param>
    /// <param name="run">Runs the session once with the whole batch.</param>
    /// <param name="rounds">Timed runs.</param>
    /// <param name="cancellation">Ends the measurement between two runs.</param>
    public static SequenceTimes Measure(
        InferenceSession session, IStepTimestamps kernels, Action run, int rounds, CancellationToken cancellation = default)
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
                // Steps after the last wanted output are not run and leave zeros.
                while (timestamps[walk.Count] == 0) walk = WalkOf(session, --steps);
                double[] stepMs = new double[steps];
                for (int i = 0; i < walk.Count; i++)
                    stepMs[walk[i]] += Stopwatch.GetElapsedTime(timestamps[i], timestamps[i + 1]).TotalMilliseconds;
                runs.Add((endToEndMs, stepMs));
            }
        }
        finally
        {
            kernels.Timestamps = null;
        }
        var faster = runs.OrderBy(run => run.EndToEndMs).Take((rounds + 1) / 2).ToList();
        return new SequenceTimes(
            [.. Enumerable.Range(0, faster[0].StepMs.Length).Select(step => faster.Average(run => run.StepMs[step]))],
            faster.Average(run => run.EndToEndMs));
    }

    /// <summary>The launches, in order, of a run of the whole batch that needs the plan's first steps.</summary>
    private static List<int> WalkOf(InferenceSession session, int steps)
    {
        var walk = new List<int>();
        session.Plan.Walk(session.MaxBatch, steps, (step, _, _) => walk.Add(step));
        return walk;
    }
}
