using System.CommandLine;
using IlgpuResNet;
using IlgpuResNet.Bench.Commands;
using IlgpuResNet.Weights;

const int Failure = 1;
const int WrongUsage = 2;

var root = new RootCommand("Measurements of IlgpuResNet.")
{
    LatencyCommand.Create(),
    AccuracyCommand.Create(),
};
ParseResult result = root.Parse(args);
if (result.Errors.Count > 0)
{
    Console.Error.WriteLine($"error: {Message.OneLine(result.Errors[0].Message).TrimEnd('.')}. See --help.");
    return WrongUsage;
}
try
{
    return await result.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
}
catch (Exception e) when (e is ResNetException or IOException or UnauthorizedAccessException)
{
    Console.Error.WriteLine($"error: {Message.OneLine(e.Message)}");
    return Failure;
}
