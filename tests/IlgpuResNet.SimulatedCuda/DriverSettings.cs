using System.Collections.Immutable;
using System.Globalization;

namespace IlgpuResNet.SimulatedCuda;

/// <summary>When enqueued work runs.</summary>
internal enum ExecutionTiming
{
    /// <summary>Before the call that enqueues it returns.</summary>
    Immediate,

    /// <summary>When the host waits for it, and no sooner.</summary>
    Late,

    /// <summary>At a later call that the seed chooses, in any order that the streams allow, or when the host waits for it.</summary>
    Random,
}

/// <summary>How kernels are executed.</summary>
internal enum ExecutionEngine
{
    /// <summary>The interpreter, thread by thread, which also finds races within a launch.</summary>
    Threads,

    /// <summary>The engine of warps, which is fast enough for networks of full size and finds no races.</summary>
    Warps,
}

/// <summary>Settings of a simulated driver.</summary>
internal sealed record DriverSettings
{
    /// <summary>
    /// Environment variable with the settings of a process, such as
    /// <c>devices=A100,T4;engine=warps;timing=random;seed=7;fail=cuMemAlloc_v2:3:OutOfMemory;report=/tmp/report.txt</c>.
    /// </summary>
    public const string Variable = "ILGPURESNET_SIMULATED_CUDA";

    public ImmutableArray<DeviceModel> Devices { get; init; } = [DeviceModel.A100];

    public ExecutionEngine Engine { get; init; }

    public ExecutionTiming Timing { get; init; } = ExecutionTiming.Random;

    public int Seed { get; init; } = 1;

    /// <summary>Calls that fail.</summary>
    public ImmutableArray<FaultRule> Faults { get; init; } = [];

    /// <summary>File that is written when the process ends; null for none.</summary>
    public string? Report { get; init; }

    public static DriverSettings Parse(string text)
    {
        var settings = new DriverSettings();
        foreach (string part in text.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            string[] pair = part.Split('=', 2);
            string value = pair.Length == 2 ? pair[1] : throw new FormatException($"{Variable}: '{part}' must be name=value.");
            settings = pair[0] switch
            {
                "devices" => settings with { Devices = [.. value.Split(',').Select(DeviceModel.Find)] },
                "engine" => settings with { Engine = Enum.Parse<ExecutionEngine>(value, ignoreCase: true) },
                "timing" => settings with { Timing = Enum.Parse<ExecutionTiming>(value, ignoreCase: true) },
                "seed" => settings with { Seed = int.Parse(value, CultureInfo.InvariantCulture) },
                "fail" => settings with { Faults = [.. value.Split(',').Select(FaultRule.Parse)] },
                "report" => settings with { Report = value },
                _ => throw new FormatException($"{Variable}: there is no setting '{pair[0]}'."),
            };
        }
        return settings;
    }
}
