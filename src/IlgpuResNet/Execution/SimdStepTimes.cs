using System.Diagnostics;
using IlgpuResNet.Kernels;

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
        int single = session.Plan.SingleSteps;
        long[] timestamps = new long[session.MaxBatch * single + session.Plan.Steps.Length - single + 1];
        kernels.Timestamps = timestamps;
        try
        {
            for (int round = 0; round < rounds; round++)
            {
                cancellation.ThrowIfCancellationRequested();
                long start = Stopwatch.GetTimestamp();
                run();
                double endToEndMs = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
                // What comes after the logits is not run and leaves zeros.
                double[] walked = [.. timestamps.Zip(timestamps.Skip(1)).Where(pair => pair.Second != 0).Select(pair => Stopwatch.GetElapsedTime(pair.First, pair.Second).TotalMilliseconds)];
                int singly = session.MaxBatch * single;
                double[] ofImages = [.. Enumerable.Range(0, single).Select(step => Enumerable.Range(0, session.MaxBatch).Sum(image => walked[image * single + step]))];
                runs.Add((endToEndMs, [.. ofImages, .. walked.Skip(singly)]));
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
}
