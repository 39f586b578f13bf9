using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace IlgpuResNet.Diagnostics;

/// <summary>
/// Calls code of the app that only watches: activity and meter listeners, and progress. It may throw anything; the exception ends there,
/// because it is no reason to fail the work that is watched. Loggers are called through <see cref="GuardedLogger"/>.
/// </summary>
internal static class Callback
{
    /// <summary>Starts an activity; null where nobody listens, or a listener threw.</summary>
    public static Activity? Start(string name)
    {
        Activity? outer = Activity.Current;
        try
        {
            return Telemetry.Source.StartActivity(name);
        }
        catch (Exception)
        {
            // A listener may throw after .NET has made the activity the current one.
            Activity.Current = outer;
            return null;
        }
    }

    /// <summary>Ends an activity.</summary>
    public static void Stop(Activity? activity)
    {
        try
        {
            activity?.Dispose();
        }
        catch (Exception)
        {
            // The listener threw before .NET made the outer activity the current one again.
            if (Activity.Current == activity) Activity.Current = activity?.Parent;
        }
    }

    /// <summary>Records a duration in seconds.</summary>
    public static void Record(Histogram<double> duration, TimeSpan elapsed, in TagList tags)
    {
        try
        {
            duration.Record(elapsed.TotalSeconds, tags);
        }
        catch (Exception)
        {
            // A measurement is lost.
        }
    }

    /// <summary>Adds to a counter.</summary>
    public static void Add(Counter<long> counter, long count, in TagList tags)
    {
        try
        {
            counter.Add(count, tags);
        }
        catch (Exception)
        {
            // A measurement is lost.
        }
    }

    /// <summary>Reports progress, where somebody wants it.</summary>
    public static void Report<T>(IProgress<T>? progress, T value)
    {
        try
        {
            progress?.Report(value);
        }
        catch (Exception)
        {
            // The next report may succeed.
        }
    }
}
