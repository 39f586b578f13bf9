using System.CommandLine;
using System.Globalization;
using Spectre.Console;

namespace IlgpuResNet.Cli.Commands;

/// <summary><c>devices</c>: lists the devices of this machine.</summary>
internal static class DevicesCommand
{
    private const double Gibi = 1L << 30;
    private const double Kibi = 1 << 10;

    public static Command Create(ToolConsole console)
    {
        var command = new Command("devices", "Lists the devices of this machine.");
        command.SetAction(_ => Run(console));
        return command;
    }

    private static void Run(ToolConsole console)
    {
        Table table = new Table().Border(TableBorder.Simple)
            .AddColumns("device", "name", "kind")
            .AddColumn(new TableColumn("memory").RightAligned())
            .AddColumn(new TableColumn("units").RightAligned())
            .AddColumn(new TableColumn("threads/group").RightAligned())
            .AddColumn(new TableColumn("shared/group").RightAligned())
            .AddColumns("half", "default");
        foreach (ComputeDevice device in ComputeDevice.List())
        {
            table.AddRow(
                device.Id,
                Markup.Escape(TerminalText.Short(device.Name)),
                device.Kind + (device.IsGpu ? " GPU" : device.Kind is DeviceKind.Cpu ? "" : " on a processor"),
                string.Create(CultureInfo.InvariantCulture, $"{device.MemoryBytes / Gibi:F1} GiB"),
                device.Multiprocessors.ToString(CultureInfo.InvariantCulture),
                device.MaxThreadsPerGroup.ToString(CultureInfo.InvariantCulture),
                device.Kind is DeviceKind.Cpu
                    ? ""
                    : string.Create(CultureInfo.InvariantCulture, $"{device.MaxSharedMemoryPerGroup / Kibi:F0} KiB"),
                device.SupportsHalf ? "yes" : "no",
                device == ComputeDevice.Default ? "yes" : "");
        }
        console.Ansi.Write(table);
    }
}
