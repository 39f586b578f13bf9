using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace IlgpuResNet.Diagnostics;

/// <summary>One thing done once, such as loading a file: an activity and a time. It ends when this is disposed.</summary>
internal sealed class TimedStep(string name, Histogram<double> duration, Action<TimeSpan>? report = null) : IDisposable
{
    private readonly Activity? activity = Telemetry.Source.StartActivity(name);
    private readonly long start = Stopwatch.GetTimestamp();
    private TagList tags;
    private bool succeeded;

    /// <summary>Says what it is about.</summary>
    public TimedStep With(string tag, object? value)
    {
        activity?.SetTag(tag, value);
        return this;
    }

    /// <summary>The same for the few that measurements are told apart by.</summary>
    public TimedStep WithKey(string tag, string value)
    {
        tags.Add(tag, value);
        return With(tag, value);
    }

    /// <summary>Says that it went well; without it, the activity ends as an error and no time is taken.</summary>
    public void Succeed() => succeeded = true;

    /// <inheritdoc/>
    public void Dispose()
    {
        if (succeeded)
        {
            TimeSpan elapsed = Stopwatch.GetElapsedTime(start);
            duration.Record(elapsed.TotalSeconds, tags);
            report?.Invoke(elapsed);
        }
        else
        {
            activity?.SetStatus(ActivityStatusCode.Error);
        }
        activity?.Dispose();
    }
}
