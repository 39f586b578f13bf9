using System.Diagnostics;
using System.Diagnostics.Metrics;
using IlgpuResNet.Diagnostics;
using IlgpuResNet.Execution;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace IlgpuResNet.Tests;

/// <summary>Listeners get every activity and measurement; without them nothing is allocated.</summary>
[TestClass]
public sealed class TelemetryTests
{
    private const int Runs = 1000;

    [TestMethod]
    public void Activities_instruments_and_log_tell_of_load_plan_first_run_and_run()
    {
        using var folder = new WeightsFolder();
        string path = folder.PathOf("thin.safetensors");
        using (ResNet saved =
            ResNet.Create(ResNetConfig.ResNet18 with { StemWidth = 4, BaseWidth = 4, NumClasses = 5 }, 1)) saved.Weights.Save(path);
        var activities = new List<Activity>();
        using var activityListener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == Telemetry.Name,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = activities.Add,
        };
        ActivitySource.AddActivityListener(activityListener);
        var measurements = new List<(string Name, double Value)>();
        using var meterListener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name == Telemetry.Name) listener.EnableMeasurementEvents(instrument);
            },
        };
        meterListener.SetMeasurementEventCallback<double>((instrument, value, _, _) => measurements.Add((instrument.Name, value)));
        meterListener.SetMeasurementEventCallback<long>((instrument, value, _, _) => measurements.Add((instrument.Name, value)));
        meterListener.Start();
        var logger = new Lines();

        using (ImageClassifier classifier = ImageClassifier.Load(path, ComputeDevice.Cpu, new ClassifierOptions { Logger = logger }))
        {
            for (int i = 0; i < 3; i++) classifier.Classify(SmallClassifier.Image(i));
            Assert.ThrowsExactly<ImageException>(() => classifier.Classify(SmallClassifier.Image(1, 1, 10_000_000)));
        }

        using (Model model = Model.Load(path))
            Assert.ThrowsExactly<GraphException>(
                () => new InferenceSession(model, ComputeDevice.Cpu, new SessionOptions { Outputs = ["nowhere"], Logger = logger }));
        Assert.AreEqual(ActivityStatusCode.Error, activities[^1].Status, "the plan that failed");
        activities.RemoveRange(activities.Count - 2, 2);
        measurements.RemoveAt(measurements.Count - 1);

        CollectionAssert.AreEqual(new[] { "load", "plan", "prepare", "first run", "run", "run", "run" },
            activities.ConvertAll(activity => activity.OperationName));
        Assert.AreEqual(path, activities[0].GetTagItem("file"));
        foreach (Activity activity in activities.Skip(1)) Assert.AreEqual("cpu", activity.GetTagItem("device"), activity.OperationName);
        Assert.AreEqual(1, activities[3].GetTagItem("images"));
        Assert.AreEqual(ActivityStatusCode.Unset, activities[5].Status);
        Assert.AreEqual(ActivityStatusCode.Error, activities[6].Status, "the run that failed");
        CollectionAssert.AreEqual(
            new[]
            {
                "ilgpu_resnet.load.duration", "ilgpu_resnet.plan.duration", "ilgpu_resnet.prepare.duration",
                "ilgpu_resnet.first_run.duration", "ilgpu_resnet.images",
                "ilgpu_resnet.run.duration", "ilgpu_resnet.images", "ilgpu_resnet.run.duration", "ilgpu_resnet.images",
            },
            measurements.ConvertAll(measurement => measurement.Name));
        foreach ((string name, double value) in measurements) Assert.IsGreaterThan(0, value, name);
        string[] expected = ["Information: Loaded resnet", "Debug: Planned", "Debug: Prepared", "Debug: First run of", "Trace: Run of",
            "Trace: Run of"];
        Assert.HasCount(expected.Length, logger.Text, string.Join("\n", logger.Text));
        for (int i = 0; i < expected.Length; i++) StringAssert.StartsWith(logger.Text[i], expected[i]);
    }

    [TestMethod]
    public void A_run_that_nobody_listens_to_costs_no_memory()
    {
        var trace = new SessionTrace(NullLogger.Instance, "model", "device");
        Trace(trace);
        long allocated = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < Runs; i++) Trace(trace);
        Assert.AreEqual(0, GC.GetAllocatedBytesForCurrentThread() - allocated);

        static void Trace(SessionTrace trace)
        {
            RunTrace run = trace.StartRun(1);
            run.Succeeded = true;
            run.Stop();
        }
    }

    private sealed class Lines : ILogger
    {
        public List<string> Text { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Text.Add($"{logLevel}: {formatter(state, exception)}");
    }
}
