using System.Diagnostics;
using IlgpuResNet.Diagnostics;
using IlgpuResNet.Files;
using IlgpuResNet.Planning;
using Microsoft.Extensions.Logging;

namespace IlgpuResNet.Execution;

/// <summary>
/// Reports one session's planning, preparation and runs as activities, measurements and log lines. Not thread-safe: runs of a session take
/// turns.
/// </summary>
internal sealed class SessionTrace
{
    private readonly ILogger logger;
    private readonly string model;
    private readonly string device;
    private readonly TagList tags;
    private bool hasRun;

    /// <summary>Reports a session.</summary>
    /// <param name="logger">The app's logger; it may throw.</param>
    /// <param name="model">The network's name, which may come from a file.</param>
    /// <param name="device">The device's id.</param>
    public SessionTrace(ILogger logger, string model, string device)
    {
        this.logger = GuardedLogger.Of(logger);
        this.model = FileText.Clean(model);
        this.device = device;
        tags = new TagList { { Telemetry.ModelTag, this.model }, { Telemetry.DeviceTag, device } };
    }

    /// <summary>Begins to time the plan; planning ends when the result is disposed.</summary>
    public TimedStep Planning() =>
        Tagged(new TimedStep("plan", Telemetry.PlanDuration, elapsed => logger.Planned(model, device, elapsed.TotalMilliseconds)));

    /// <summary>Begins to time the preparation of weights and kernels; it ends when the result is disposed.</summary>
    public TimedStep Preparing(ExecutionPlan plan)
    {
        long arenaBytes = sizeof(float) * plan.ArenaLength;
        var step = new TimedStep(
            "prepare", Telemetry.PrepareDuration,
            elapsed => logger.Prepared(model, device, plan.Steps.Length, arenaBytes, elapsed.TotalMilliseconds));
        return Tagged(step).With("steps", plan.Steps.Length).With("arena.bytes", arenaBytes).With("batch", plan.MaxBatch);
    }

    /// <summary>Logs warnings.</summary>
    public void Warn(IEnumerable<string> warnings)
    {
        foreach (string warning in warnings) logger.Suspicious(FileText.OneLine(warning));
    }

    /// <summary>Begins to time a run. Without a listener this costs nothing more than asking for one.</summary>
    public RunTrace StartRun(int images)
    {
        bool first = !hasRun;
        bool isHeard = Telemetry.Source.HasListeners() || Telemetry.RunDuration.Enabled || Telemetry.FirstRunDuration.Enabled
            || Telemetry.Images.Enabled || logger.IsEnabled(first ? LogLevel.Debug : LogLevel.Trace);
        // A listener that comes later has missed the first run.
        if (!isHeard)
        {
            hasRun = true;
            return default;
        }
        Activity? activity = Callback.Start(first ? "first run" : "run");
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
        Callback.Record(run.IsFirst ? Telemetry.FirstRunDuration : Telemetry.RunDuration, elapsed, tags);
        Callback.Add(Telemetry.Images, run.Images, tags);
        if (run.IsFirst) logger.RanFirst(model, device, run.Images, elapsed.TotalMilliseconds);
        else logger.Ran(model, device, run.Images, elapsed.TotalMilliseconds);
    }

    private TimedStep Tagged(TimedStep step) => step.WithKey(Telemetry.ModelTag, model).WithKey(Telemetry.DeviceTag, device);
}

/// <summary>Times one run; the default is a run without a listener.</summary>
internal struct RunTrace(SessionTrace session, Activity? activity, int images, bool isFirst)
{
    private readonly SessionTrace? session = session;
    private readonly long start = Stopwatch.GetTimestamp();

    public Activity? Activity { get; } = activity;

    public int Images { get; } = images;

    public bool IsFirst { get; } = isFirst;

    /// <summary>Set when the run has given its outputs; without it, the activity ends as an error and no time is recorded.</summary>
    public bool Succeeded { get; set; }

    /// <summary>Ends the run and reports it.</summary>
    public readonly void Stop()
    {
        session?.Stop(this, Stopwatch.GetElapsedTime(start));
        Callback.Stop(Activity);
    }
}
