using System.Diagnostics;
using IlgpuResNet.Execution;
using IlgpuResNet.Kernels;

namespace IlgpuResNet.Bench;

/// <summary>How long each step of a session on the processor takes.</summary>
/// <param name="StepMs">Milliseconds of each step that a run walks, in the plan's order.</param>
/// <param name="EndToEndMs">Milliseconds of a run, seen from outside.</param>
internal sealed record StepTimes(double[] StepMs, double EndToEndMs)
{
    /// <summary>
    /// Means over the faster half of the runs: other work on the machine makes runs slower, and means of the same runs add up, medians do not.
    /// </summary>
    public static StepTimes Measure(InferenceSession session, SimdKernels kernels, float[] images, int rounds)
    {
        float[] logits = new float[session.MaxBatch * session.NumClasses];
        WarmUp.Run(() => session.Run(images, logits));

        var runs = new List<(double EndToEndMs, double[] StepMs)>();
        // What comes after the logits is not run.
        var walk = new List<int>();
        session.Plan.Walk(session.MaxBatch, session.Plan.Steps.Length - 1, (step, _, _) => walk.Add(step));
        long[] timestamps = new long[walk.Count + 1];
        kernels.Timestamps = timestamps;
        try
        {
            for (int round = 0; round < rounds; round++)
            {
                long start = Stopwatch.GetTimestamp();
                session.Run(images, logits);
                double endToEndMs = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
                double[] stepMs = new double[session.Plan.Steps.Length - 1];
                for (int i = 0; i < walk.Count; i++) stepMs[walk[i]] += Stopwatch.GetElapsedTime(timestamps[i], timestamps[i + 1]).TotalMilliseconds;
                runs.Add((endToEndMs, stepMs));
            }
        }
        finally
        {
            kernels.Timestamps = null;
        }
        var faster = runs.OrderBy(run => run.EndToEndMs).Take((rounds + 1) / 2).ToList();
        return new StepTimes(
            [.. Enumerable.Range(0, faster[0].StepMs.Length).Select(step => faster.Average(run => run.StepMs[step]))],
            faster.Average(run => run.EndToEndMs));
    }
}
