using System.Globalization;

namespace IlgpuResNet.Bench.Engines;

/// <summary>The task of an engine in a process of its own.</summary>
internal enum EngineTask
{
    /// <summary>Warms up, leaves its logits in a file, then times as many inferences as each line of its input asks for.</summary>
    Rounds,

    /// <summary>Reports when it has its first logits, and ends.</summary>
    Cold,

    /// <summary>Runs a few times, reports the largest resident set in megabytes, and ends.</summary>
    Memory,
}

/// <summary>The command line of such a process.</summary>
/// <param name="Engine">The engine.</param>
/// <param name="Task">The task.</param>
/// <param name="ModelFile">The network in the engine's format.</param>
/// <param name="Batch">Images of one inference.</param>
/// <param name="Threads">Threads of the engine.</param>
/// <param name="LogitsFile">File for the logits, raw float32; only the task of rounds writes it.</param>
internal sealed record EngineJob(EngineKind Engine, EngineTask Task, string ModelFile, int Batch, int Threads, string LogitsFile = "")
{
    /// <summary>First argument of a process that is an engine. Not for users, so it is in no help.</summary>
    public const string Flag = "--peer";

    public string[] ToArguments() =>
    [
        Flag, Engine.ToString(), Task.ToString(), ModelFile,
        Batch.ToString(CultureInfo.InvariantCulture), Threads.ToString(CultureInfo.InvariantCulture), LogitsFile,
    ];

    /// <summary>Reads what <see cref="ToArguments"/> wrote.</summary>
    public static EngineJob Parse(string[] arguments) => new(
        Enum.Parse<EngineKind>(arguments[1]),
        Enum.Parse<EngineTask>(arguments[2]),
        arguments[3],
        int.Parse(arguments[4], CultureInfo.InvariantCulture),
        int.Parse(arguments[5], CultureInfo.InvariantCulture),
        arguments[6]);

    public IEngine Open() =>
        Engine is EngineKind.Ours ? new OurEngine(ModelFile, Batch, Threads) : new OrtEngine(ModelFile, Batch, Threads);
}
