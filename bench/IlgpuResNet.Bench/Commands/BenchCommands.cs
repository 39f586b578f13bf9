using System.CommandLine;

namespace IlgpuResNet.Bench.Commands;

/// <summary>All commands. Public for the tests, which parse the command lines that the documentation names.</summary>
public static class BenchCommands
{
    /// <summary>The commands with their options.</summary>
    public static RootCommand CreateRoot() => new("Measurements of IlgpuResNet.")
    {
        CompareCommand.Create(),
        ColdCommand.Create(),
        MemoryCommand.Create(),
        ScalingCommand.Create(),
        LayersCommand.Create(),
        LatencyCommand.Create(),
        SoakCommand.Create(),
        VectorsCommand.Create(),
        PtxCommand.Create(),
        PlanCommand.Create(),
        SelfTestCommand.Create(),
        RunCommand.Create(),
        ReportCommand.Create(),
        FolderCommand.Create(),
        FramesCommand.Create(),
        AccuracyCommand.Create(),
    };
}
