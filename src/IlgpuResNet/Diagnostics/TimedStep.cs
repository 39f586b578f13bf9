using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace IlgpuResNet.Diagnostics;

/// <summary>
/// Measures a step that happens once, such as loading a file, as an activity and a duration. It ends when this is disposed.
/// </summary>
internal sealed class TimedStep(string name, Histogram<double> duration, Action<TimeSpan>? report = null) : IDisposable
{
    private readonly Activity? activity = Callback.Start(name);
    private readonly long start = Stopwatch.GetTimestamp();
    private TagList tags;
    private bool succeeded;

    /// <summary>Adds a tag to the activity.</summary>
    public TimedStep With(string tag, object? value)
    {
        activity?.SetTag(tag, value);
        return this;
    }

    /// <summary>Adds a tag to the activity and to the measured duration.</summary>
    public TimedStep WithKey(string tag, string value)
    {
        tags.Add(tag, value);
        return With(tag, value);
    }

    /// <summary>Marks the step as successful. Without it the activity ends as an error and no duration is recorded.</summary>
    public void Succeed() => succeeded = true;

    /// <inheritdoc/>
    public void Dispose()
    {
        if (succeeded)
        {
            TimeSpan elapsed = Stopwatch.GetElapsedTime(start);
            Callback.Record(duration, elapsed, tags);
            report?.Invoke(elapsed);
        }
        else
        {
            activity?.SetStatus(ActivityStatusCode.Error);
        }
        Callback.Stop(activity);
    }
}
