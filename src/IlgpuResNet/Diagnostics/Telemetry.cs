using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace IlgpuResNet.Diagnostics;

/// <summary>
/// Names of the activities and metrics that the library reports to .NET's listeners, such as OpenTelemetry; without a listener they cost
/// nothing. Activities of the source <see cref="Name"/>: <c>load</c> (a network's file), <c>plan</c> and <c>prepare</c> (the two parts of
/// making a session: its plan; its weights and kernels), <c>first run</c> and <c>run</c>. Instruments of the meter with that name, in
/// seconds and tagged with model and device: <c>ilgpu_resnet.load.duration</c>, <c>ilgpu_resnet.plan.duration</c>,
/// <c>ilgpu_resnet.prepare.duration</c>, <c>ilgpu_resnet.first_run.duration</c>, <c>ilgpu_resnet.run.duration</c>; and the counter
/// <c>ilgpu_resnet.images</c>.
/// </summary>
public static class Telemetry
{
    /// <summary>Name of the <see cref="ActivitySource"/> and of the <see cref="Meter"/>.</summary>
    public const string Name = "IlgpuResNet";

    internal const string ModelTag = "model";
    internal const string DeviceTag = "device";
    internal const string ImagesTag = "images";

    private static readonly string? Version = typeof(Telemetry).Assembly.GetName().Version?.ToString(fieldCount: 3);
    private static readonly Meter Meter = new(Name, Version);

    internal static ActivitySource Source { get; } = new(Name, Version);

    internal static Histogram<double> LoadDuration { get; } = Duration("load", "Time to open and check a network's file.");

    internal static Histogram<double> PlanDuration { get; } = Duration("plan", "Time to make a session's plan.");

    internal static Histogram<double> PrepareDuration { get; } =
        Duration("prepare", "Time to bring a session's weights to its device and to compile its kernels.");

    internal static Histogram<double> FirstRunDuration { get; } = Duration("first_run", "Time of a session's first run.");

    internal static Histogram<double> RunDuration { get; } = Duration("run", "Time of a session's later runs, input and output included.");

    internal static Counter<long> Images { get; } =
        Meter.CreateCounter<long>("ilgpu_resnet.images", "{image}", "Images that sessions have run.");

    private static Histogram<double> Duration(string what, string description) =>
        Meter.CreateHistogram<double>($"ilgpu_resnet.{what}.duration", "s", description);
}
