using System.Globalization;

namespace IlgpuResNet.Bench.Engines;

/// <summary>
/// Measures the share of the processors' time that other processes had during a comparison. Both engines suffer from it, but not alike: one
/// that spins between its steps loses more.
/// </summary>
/// <param name="engines">The processes of the comparison itself.</param>
internal sealed class OtherWork(params IReadOnlyList<EngineProcess> engines)
{
    private const string SystemTimes = "/proc/stat";

    /// <summary>USER_HZ, which is 100 on every Linux that .NET runs on.</summary>
    private const double TicksPerSecond = 100;

    /// <summary>Fields of the first line that are idle time: idle and iowait (proc_stat(5)).</summary>
    private static readonly int[] Idle = [3, 4];

    /// <summary>
    /// Number of fields of the first line that add up to all time; the fields of guests after them are part of the first two.
    /// </summary>
    private const int Fields = 8;

    private readonly (double Busy, double All) start = Read();
    private readonly TimeSpan engineStart = Total(engines);

    /// <summary>Share of the processors' time since this object was made, from 0 to 1; null where the system does not tell.</summary>
    public double? Share()
    {
        (double busy, double all) = Read();
        double elapsed = all - start.All;
        if (elapsed <= 0) return null;
        double engineShare = (Total(engines) - engineStart).TotalSeconds * TicksPerSecond / elapsed;
        return Math.Clamp((busy - start.Busy) / elapsed - engineShare, 0, 1);
    }

    private static TimeSpan Total(IEnumerable<EngineProcess> engines) =>
        engines.Aggregate(TimeSpan.Zero, (sum, engine) => sum + engine.ProcessorTime);

    private static (double Busy, double All) Read()
    {
        if (!File.Exists(SystemTimes)) return default;
        string[] line = File.ReadLines(SystemTimes).First().Split(' ', StringSplitOptions.RemoveEmptyEntries);
        double[] ticks = [.. line.Skip(1).Take(Fields).Select(field => double.Parse(field, CultureInfo.InvariantCulture))];
        return (ticks.Sum() - Idle.Sum(field => ticks[field]), ticks.Sum());
    }
}
