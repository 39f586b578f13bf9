using System.CommandLine;
using IlgpuResNet.Cli;
using Spectre.Console;

namespace IlgpuResNet.Bench.Commands;

/// <summary><c>self-test</c>: compares every kernel of a network on a device with the processor's; <c>run</c> on a GPU begins so.</summary>
internal static class SelfTestCommand
{
    private const int DefaultBatch = 32;

    public static Command Create()
    {
        Option<string?> model = BenchOptions.Model();
        var device = new Option<string>("--device") { Description = "Device id.", DefaultValueFactory = _ => ComputeDevice.Default.Id };
        Option<int> batch = BenchOptions.Batch(DefaultBatch);
        var command = new Command("self-test", "Compares every kernel of a network on a device with the processor's, and writes a file.")
        {
            model, device, batch,
        };
        command.SetCancellableAction((result, cancellation) => Run(
            result.Preset(model), ComputeDevice.Get(result.GetValue(device)!), [1, result.GetValue(batch)], cancellation));
        return command;
    }

    /// <summary>Prints a line for each kernel, and writes all to a file of the working folder.</summary>
    /// <exception cref="ResNetException">A kernel has failed.</exception>
    public static void Run(ResNetConfig config, ComputeDevice device, IReadOnlyList<int> batches, CancellationToken cancellation)
    {
        using ResNet network = RandomData.Network(config);
        DeviceSelfTest test = DeviceSelfTest.Run(network, device, batches, cancellation);
        string file = $"self-test-{device.Id.Replace(':', '-')}.json";
        File.WriteAllText(file, test.ToJson());
        Table table = Figures.Table(4, "kernel", "shape", "method", "result", "error", "tolerance");
        foreach (KernelTest kernel in test.Kernels)
        {
            table.AddRow(
                Markup.Escape(kernel.Operation), Markup.Escape(kernel.Shape), Markup.Escape(kernel.Method),
                kernel.Passed ? "pass" : "FAIL", Figures.Text(kernel.Error, "E1"), Figures.Text(kernel.Tolerance, "E1"));
        }
        Figures.Print(table);
        int failed = test.Kernels.Count(kernel => !kernel.Passed);
        Console.WriteLine(
            $"self-test   {device.Id} ({device.Name}), {test.Driver}: {test.Kernels.Length - failed} of {test.Kernels.Length} kernels "
            + $"passed in {Figures.Text(test.Duration.TotalSeconds, "F0")} s; {file} has the details");
        if (failed > 0)
            throw new ResNetException(
                $"{failed} kernels of {device} fail, so that its times mean nothing: "
                + $"{test.Kernels.First(kernel => !kernel.Passed).Failure} "
                + $"Update its driver; if they fail again, send {file} with a report of the error.");
    }
}
