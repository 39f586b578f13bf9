using System.Diagnostics;
using IlgpuResNet.Diagnostics;
using IlgpuResNet.Planning;
using Microsoft.Extensions.Logging;

namespace IlgpuResNet.Execution;

/// <summary>What one session reports. Not thread-safe: runs of a session take turns.</summary>
internal sealed class SessionTrace(ILogger logger, string model, string device)
{
    private bool hasRun;

    /// <summary>The plan is made until the result is disposed.</summary>
    public TimedStep Planning() => Tagged(new TimedStep("plan", Telemetry.PlanDuration, elapsed => logger.Planned(model, device, elapsed.TotalMilliseconds)));

    /// <summary>Weights and kernels are made ready until the result is disposed.</summary>
    public TimedStep Preparing(ExecutionPlan plan) =>
        Tagged(new TimedStep("prepare", Telemetry.PrepareDuration, elapsed => logger.Prepared(model, device, plan.Steps.Length, sizeof(float) * plan.ArenaLength, elapsed.TotalMilliseconds)))
            .With("steps", plan.Steps.Length)
            .With("arena.bytes", sizeof(float) * plan.ArenaLength)
            .With("batch", plan.MaxBatch);

    public void Warn(IEnumerable<string> warnings)
    {
        foreach (string warning in warnings) logger.Suspicious(warning);
    }

    /// <summary>A run starts. Where nobody listens, this is all that happens.</summary>
    public RunTrace StartRun(int images)
    {
        bool first = !hasRun;
        bool isHeard = Telemetry.Source.HasListeners() || Telemetry.RunDuration.Enabled || Telemetry.FirstRunDuration.Enabled || Telemetry.Images.Enabled
            || logger.IsEnabled(first ? LogLevel.Debug : LogLevel.Trace);
        // Who comes later to listen has missed the first.
        if (!isHeard)
        {
            hasRun = true;
            return default;
        }
        Activity? activity = Telemetry.Source.StartActivity(first ? "first run" : "run");
        activity?.SetTag(Telemetry.ModelTag, model);
        activity?.SetTag(Telemetry.DeviceTag, device);
        activity?.SetTag(Telemetry.ImagesTag, images);
        return new RunTrace(this, activity, images, first);
    }

    internal void Stop(in RunTrace run, TimeSpan elapsed)
    {
        if (!run.Succeeded)
        {
            run.Activity?.SetStatus(ActivityStatusCode.Error);
            return;
        }
        hasRun = true;
        var modelTag = new KeyValuePair<string, object?>(Telemetry.ModelTag, model);
        var deviceTag = new KeyValuePair<string, object?>(Telemetry.DeviceTag, device);
        (run.IsFirst ? Telemetry.FirstRunDuration : Telemetry.RunDuration).Record(elapsed.TotalSeconds, modelTag, deviceTag);
        Telemetry.Images.Add(run.Images, modelTag, deviceTag);
        if (run.IsFirst) logger.RanFirst(model, device, run.Images, elapsed.TotalMilliseconds);
        else logger.Ran(model, device, run.Images, elapsed.TotalMilliseconds);
    }

    private TimedStep Tagged(TimedStep step) => step.WithKey(Telemetry.ModelTag, model).WithKey(Telemetry.DeviceTag, device);
}

/// <summary>A run under way; the default is one that nobody listens to.</summary>
internal struct RunTrace(SessionTrace session, Activity? activity, int images, bool isFirst)
{
    private readonly SessionTrace? session = session;
    private readonly long start = Stopwatch.GetTimestamp();

    public Activity? Activity { get; } = activity;

    public int Images { get; } = images;

    public bool IsFirst { get; } = isFirst;

    /// <summary>Set when all went well.</summary>
    public bool Succeeded { get; set; }

    public readonly void Stop()
    {
        session?.Stop(this, Stopwatch.GetElapsedTime(start));
        Activity?.Dispose();
    }
}
