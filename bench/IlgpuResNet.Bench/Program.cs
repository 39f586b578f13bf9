using System.CommandLine;
using IlgpuResNet;
using IlgpuResNet.Bench.Commands;

var root = new RootCommand("Measurements of IlgpuResNet.")
{
    LatencyCommand.Create(),
    AccuracyCommand.Create(),
};
try
{
    return await root.Parse(args).InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
}
catch (ResNetException e)
{
    Console.Error.WriteLine($"error: {e.Message}");
    return 1;
}
