using System.Diagnostics;
using System.Globalization;

namespace IlgpuResNet.Bench.Engines;

/// <summary>Milliseconds of one inference.</summary>
/// <param name="Elapsed">Time on the clock.</param>
/// <param name="Processor">Processor time of all threads of the process, those included that spin while they wait.</param>
internal readonly record struct InferenceTime(double Elapsed, double Processor)
{
    private const char Separator = ' ';

    /// <summary>Means over some inferences.</summary>
    public static InferenceTime Measure(IEngine engine, int runs)
    {
        TimeSpan processor = Environment.CpuUsage.TotalTime;
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < runs; i++) engine.Run();
        TimeSpan elapsed = Stopwatch.GetElapsedTime(start);
        return new InferenceTime(elapsed.TotalMilliseconds / runs, (Environment.CpuUsage.TotalTime - processor).TotalMilliseconds / runs);
    }

    /// <summary>The text that <see cref="TryParse"/> reads.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Elapsed:R}{Separator}{Processor:R}");

    public static bool TryParse(string text, out InferenceTime time)
    {
        string[] parts = text.Split(Separator);
        time = default;
        if (parts.Length != 2
            || !double.TryParse(parts[0], CultureInfo.InvariantCulture, out double elapsed)
            || !double.TryParse(parts[1], CultureInfo.InvariantCulture, out double processor))
        {
            return false;
        }
        time = new InferenceTime(elapsed, processor);
        return true;
    }
}
