using System.Diagnostics;

namespace IlgpuResNet.Bench;

/// <summary>
/// Measures how a machine itself disturbs work that comes at a fixed rate: threads sleep in between and then multiply in registers, always
/// the same amount. Where these take longer at times, so does all other work: two processors of a virtual machine may share one core of
/// their host for a while after they have slept.
/// </summary>
internal static class PacedWork
{
    private const int TrialRepeats = 1_000_000;
    private const int Trials = 50;

    /// <summary>Milliseconds of each piece of work, from the wake-up of its threads to the end of all.</summary>
    /// <param name="threads">Threads at work at once.</param>
    /// <param name="rate">Pieces of work per second.</param>
    /// <param name="length">Time of a piece at best.</param>
    /// <param name="count">Number of pieces.</param>
    /// <param name="cancellation">Stops the work.</param>
    public static double[] Measure(int threads, double rate, TimeSpan length, int count, CancellationToken cancellation)
    {
        int repeats = TrialRepeats;
        bool ended = false;
        using var start = new Barrier(threads + 1);
        using var end = new Barrier(threads + 1);
        Thread[] workers = [.. Enumerable.Range(0, threads).Select(_ => new Thread(Work) { IsBackground = true })];
        foreach (Thread worker in workers) worker.Start();
        try
        {
            double trial = Enumerable.Range(0, Trials).Min(_ => Piece());
            repeats = Math.Max(1, (int)(TrialRepeats * length.TotalMilliseconds / trial));
            double[] times = new double[count];
            long first = Stopwatch.GetTimestamp();
            for (int i = 0; i < count; i++)
            {
                cancellation.ThrowIfCancellationRequested();
                TimeSpan left = TimeSpan.FromSeconds(i / rate) - Stopwatch.GetElapsedTime(first);
                if (left > TimeSpan.Zero) Thread.Sleep(left);
                times[i] = Piece();
            }
            return times;
        }
        finally
        {
            ended = true;
            start.SignalAndWait(CancellationToken.None);
            foreach (Thread worker in workers) worker.Join();
        }

        double Piece()
        {
            long now = Stopwatch.GetTimestamp();
            start.SignalAndWait(CancellationToken.None);
            end.SignalAndWait(CancellationToken.None);
            return Stopwatch.GetElapsedTime(now).TotalMilliseconds;
        }

        void Work()
        {
            while (true)
            {
                start.SignalAndWait(CancellationToken.None);
                if (ended) return;
                MachinePeak.Work(repeats);
                end.SignalAndWait(CancellationToken.None);
            }
        }
    }
}
