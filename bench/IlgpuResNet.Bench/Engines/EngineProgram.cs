using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using IlgpuResNet.Execution;

namespace IlgpuResNet.Bench.Engines;

/// <summary>
/// The program of a process that is one engine. It answers in lines of numbers, and ends when its input ends, so that it never outlives the
/// process that started it.
/// </summary>
internal static class EngineProgram
{
    private const int MemoryRuns = 5;
    private const double Mega = 1e6;

    private static readonly TimeSpan TimeToWake = TimeSpan.FromMilliseconds(150);

    public static void Run(EngineJob job)
    {
        using IEngine engine = job.Open();
        switch (job.Task)
        {
            case EngineTask.Rounds:
                WarmUp.Run(engine.Run);
                File.WriteAllBytes(job.LogitsFile, MemoryMarshal.AsBytes(engine.Logits.AsSpan()));
                Answer(InferenceTime.Measure(engine, 1).ToString());
                while (Console.In.ReadLine() is { } line)
                {
                    // A processor that has slept is slow at first; a virtual one may even share a core until its host sees it work.
                    for (long start = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(start) < TimeToWake;) engine.Run();
                    Answer(InferenceTime.Measure(engine, int.Parse(line, CultureInfo.InvariantCulture)).ToString());
                }
                break;
            case EngineTask.Cold:
                engine.Run();
                Answer(engine.Logits[0]);
                break;
            case EngineTask.Memory:
                for (int i = 0; i < MemoryRuns; i++) engine.Run();
                Answer(ProcessMemory.Peak() / Mega);
                break;
            default:
                throw new UnreachableException();
        }
    }

    private static void Answer(double value) => Answer(value.ToString("R", CultureInfo.InvariantCulture));

    private static void Answer(string line)
    {
        Console.Out.WriteLine(line);
        Console.Out.Flush();
    }
}
