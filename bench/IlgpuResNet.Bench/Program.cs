using System.CommandLine;
using IlgpuResNet;
using IlgpuResNet.Bench.Commands;
using IlgpuResNet.Bench.Engines;
using IlgpuResNet.Files;

const int Failure = 1;
const int WrongUsage = 2;

// Time that a stopped command has to kill its processes and remove its files: it may be writing one.
var timeToStop = TimeSpan.FromSeconds(20);

try
{
    // Checked before the command line is parsed, because the start of a process is measured too.
    if (args is [EngineJob.Flag, ..])
    {
        EngineProgram.Run(EngineJob.Parse(args));
        return 0;
    }
    return await RunAsync();
}
catch (OperationCanceledException)
{
    Console.Error.WriteLine("error: cancelled");
    return Failure;
}
catch (Exception e) when (e is ResNetException or IOException or UnauthorizedAccessException || args is [EngineJob.Flag, ..])
{
    Console.Error.WriteLine($"error: {FileText.OneLine(e.Message)}");
    return Failure;
}

async Task<int> RunAsync()
{
    ParseResult result = BenchCommands.CreateRoot().Parse(args);
    if (result.Errors.Count > 0)
    {
        Console.Error.WriteLine($"error: {FileText.OneLine(result.Errors[0].Message).TrimEnd('.')}. See --help.");
        return WrongUsage;
    }
    return await result.InvokeAsync(
        new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = timeToStop });
}
