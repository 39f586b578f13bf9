using System.CommandLine;
using System.Globalization;
using IlgpuResNet.Graphs;
using IlgpuResNet.Planning;
using Spectre.Console;

namespace IlgpuResNet.Cli.Commands;

/// <summary>
/// <c>info</c>: shows the layers of a network and the plan of its execution. Only a plot, which has measured times, needs a device.
/// </summary>
internal static class InfoCommand
{
    private const double Million = 1e6;
    private const double Mebi = 1 << 20;
    private const int LargestSide = 1 << 14;
    private const int PlotRuns = 20;

    public static Command Create(ToolConsole console)
    {
        var options = new ModelOptions(console);
        string[] networks = [.. ResNetConfig.Presets.Select(config => config.Name)];
        var preset = new Option<string?>("--model", "-m")
        {
            Description = $"A network without weights instead: {string.Join(", ", networks)}.",
            HelpName = "NAME",
        };
        preset.RequireOneOf(networks);
        var height = SizeOption("--height");
        var width = SizeOption("--width");
        var plot = new Option<string?>("--plot")
        {
            Description = "Also run it, on noise, and draw each step with its time and memory: "
                + $"a {string.Join(" or ", NetworkFigure.Extensions)} file.",
            HelpName = "FILE",
        };
        plot.RequirePath();
        plot.RequireExtension("draws", NetworkFigure.Extensions);
        var command = new Command("info", "Shows a network's layers with shapes, parameters and work, and its plan of execution.")
        {
            preset, height, width, plot,
        };
        options.AddModelTo(command);
        options.AddBatchTo(command);
        options.AddPresetTo(command);
        options.AddDeviceTo(command);
        command.Validators.Add(result =>
        {
            if (result.GetResult(plot) is not null) return;
            foreach (string option in options.GivenForDevice(result))
                result.AddError($"{option} has no meaning without {plot.Name}: nothing is run");
        });
        command.Validators.Add(result =>
        {
            if (result.GetResult(preset) is null) return;
            foreach (string option in options.GivenForWeights(result))
                result.AddError($"{preset.Name} shows a network without weights, so {option} has no meaning beside it");
        });
        command.SetCancellableAction((result, cancellation) =>
        {
            string? path = result.GetValue(plot);
            if (path is not null) OutputFile.Check(path, "the image");
            using Model model = result.GetValue(preset) is { } name
                ? ResNet.Create(ResNetConfig.Presets.First(config => config.Name == name))
                : options.Load(result, prepareDevice: false, cancellation: cancellation);
            Write(console, model, ExecutionPlan.Create(model, Size(result, height), Size(result, width), options.Batch(result, model)));
            if (path is not null)
            {
                SessionOptions session = options.Session(result) with
                {
                    MaxBatch = options.Batch(result, model),
                    Height = Size(result, height),
                    Width = Size(result, width),
                };
                Plot(model, options.Device(result), session, path, cancellation);
                console.Output.WriteLine($"image         {TerminalText.OneLine(path)}");
            }
        });
        return command;
    }

    private static void Plot(Model model, ComputeDevice device, SessionOptions options, string path, CancellationToken cancellation)
    {
        StepTimes times = StepTimes.Measure(model, device, options, PlotRuns, cancellation);
        string threads = options.Threads is { } number ? string.Create(CultureInfo.InvariantCulture, $", {number} of its threads") : "";
        string how = device.Kind is DeviceKind.Cpu ? "each step's mean over the faster half of" : "medians of";
        string caption = string.Create(CultureInfo.InvariantCulture, $"{device}{threads}, {how} {PlotRuns} runs");
        NetworkFigure.Save(path, model.Name, caption, times);
    }

    private static Option<int> SizeOption(string name)
    {
        var option = new Option<int>(name)
        {
            Description = "Size of the network's input in pixels. Default: the preset's crop.",
            HelpName = "PIXELS",
        };
        option.RequireWholeNumber(1, LargestSide);
        return option;
    }

    private static int? Size(ParseResult result, Option<int> option) => result.GetValue(option) is > 0 and int pixels ? pixels : null;

    private static void Write(ToolConsole console, Model model, ExecutionPlan plan)
    {
        Table table = new Table().Border(TableBorder.Simple)
            .AddColumns("step", "kind", "input", "output", "epilogue")
            .AddColumn(new TableColumn("parameters").RightAligned())
            .AddColumn(new TableColumn("MMAC").RightAligned())
            .AddColumn(new TableColumn("arena offset").RightAligned());
        foreach (PlanStep step in plan.Steps)
        {
            table.AddRow(
                Markup.Escape(TerminalText.Short(step.Node.Name)),
                Markup.Escape(step.Operation),
                Markup.Escape(step.Input.Shape.ToString()),
                Markup.Escape(step.Output.Shape.ToString()),
                Epilogue(step.Node),
                step.Parameters.ToString("N0", CultureInfo.InvariantCulture),
                (step.Macs / Million).ToString("F1", CultureInfo.InvariantCulture),
                step.Output.Offset.ToString("N0", CultureInfo.InvariantCulture));
        }
        console.Ansi.Write(table);

        IFormatProvider invariant = CultureInfo.InvariantCulture;
        string classes = model.NumClasses > 0 ? string.Create(invariant, $"{model.NumClasses} classes, ") : "";
        console.Output.WriteLine(TerminalText.OneLine($"{model.Name}: {classes}{model.Description}"));
        if (model.Assumptions is { Length: > 0 } assumptions) console.Output.WriteLine($"assumed       {string.Join(", ", assumptions)}");
        if (model.Weights.LeftOut is { Length: > 0 } leftOut)
            console.Output.WriteLine(string.Create(invariant, $"left out      {leftOut.Length} tensors beside the network"));
        console.Output.WriteLine(string.Create(invariant, $"parameters    {model.ParameterCount:N0}"));
        console.Output.WriteLine(string.Create(invariant, $"work          {plan.Macs / Million:N1} MMAC per image"));
        console.Output.WriteLine(string.Create(
            invariant, $"plan          {plan.Steps.Length} steps at batch {plan.MaxBatch} of {plan.Input.Shape}"));
        double arena = plan.ArenaLength * sizeof(float) / Mebi, alive = plan.ArenaLowerBound * sizeof(float) / Mebi;
        console.Output.WriteLine(string.Create(
            invariant, $"arena         {arena:F2} MiB; tensors alive at once {alive:F2} MiB; ratio {arena / alive:F3}"));
    }

    private static string Epilogue(Node node) => node is not EpilogueNode { Epilogue: var spec } ? "" : string.Join(" ", new[]
    {
        spec.Scale is not null ? "scale" : null,
        spec.Shift is not null ? "shift" : null,
        spec.ReluBeforeAdd ? "relu" : null,
        spec.HasResidual ? "add" : null,
        spec.Relu ? "relu" : null,
        spec.Clip is not null ? "clip" : null,
    }.Where(part => part is not null));
}
