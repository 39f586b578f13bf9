using System.CommandLine;
using System.Globalization;
using IlgpuResNet.Execution;
using IlgpuResNet.Graphs;
using IlgpuResNet.Models;
using Spectre.Console;

namespace IlgpuResNet.Cli.Commands;

/// <summary><c>info</c>: the layers of a network and the plan of its execution. Needs no device.</summary>
internal static class InfoCommand
{
    private const double Million = 1e6;
    private const double Mebi = 1 << 20;
    private const int LargestSide = 1 << 14;

    public static Command Create(ToolConsole console)
    {
        var options = new ModelOptions(console);
        var preset = new Option<string?>("--model", "-m") { Description = $"A network without weights instead: {string.Join(", ", ResNetConfig.Presets.Select(config => config.Name))}.", HelpName = "NAME" };
        preset.RequireOneOf([.. ResNetConfig.Presets.Select(config => config.Name)]);
        var height = SizeOption("--height");
        var width = SizeOption("--width");
        var command = new Command("info", "Shows a network's layers with shapes, parameters and work, and its plan of execution.") { preset, height, width };
        options.AddModelTo(command);
        options.AddBatchTo(command);
        options.AddPresetTo(command);
        command.Validators.Add(result =>
        {
            if (result.GetResult(preset) is null) return;
            foreach (string option in options.GivenForWeights(result))
                result.AddError($"{preset.Name} shows a network without weights, so {option} has no meaning beside it");
        });
        command.SetAction(result =>
        {
            using Model model = result.GetValue(preset) is { } name
                ? ResNet.Create(ResNetConfig.Presets.First(config => config.Name == name))
                : options.Load(result);
            Write(console, model, ExecutionPlan.Create(model, Size(result, height), Size(result, width), options.Batch(result)));
        });
        return command;
    }

    private static Option<int> SizeOption(string name)
    {
        var option = new Option<int>(name) { Description = "Size of the network's input in pixels. Default: the preset's crop.", HelpName = "PIXELS" };
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
                Markup.Escape(step.Node.Name),
                Markup.Escape(Kind(step)),
                Markup.Escape(step.Input.Shape.ToString()),
                Markup.Escape(step.Output.Shape.ToString()),
                Epilogue(step.Node),
                step.Parameters.ToString("N0", CultureInfo.InvariantCulture),
                (step.Macs / Million).ToString("F1", CultureInfo.InvariantCulture),
                step.Output.Offset.ToString("N0", CultureInfo.InvariantCulture));
        }
        console.Ansi.Write(table);

        IFormatProvider invariant = CultureInfo.InvariantCulture;
        console.Output.WriteLine(string.Create(invariant, $"{model.Name}: {(model.NumClasses > 0 ? $"{model.NumClasses} classes, " : "")}{model.Description}"));
        console.Output.WriteLine(string.Create(invariant, $"parameters    {model.ParameterCount:N0}"));
        console.Output.WriteLine(string.Create(invariant, $"work          {plan.Macs / Million:N1} MMAC per image"));
        console.Output.WriteLine(string.Create(invariant, $"plan          {plan.Steps.Length} steps at batch {plan.MaxBatch} of {plan.Input.Shape}"));
        console.Output.WriteLine(string.Create(invariant,
            $"arena         {plan.ArenaLength * sizeof(float) / Mebi:F2} MiB; tensors alive at once {plan.ArenaLowerBound * sizeof(float) / Mebi:F2} MiB; ratio {(double)plan.ArenaLength / plan.ArenaLowerBound:F3}"));
    }

    private static string Kind(PlanStep step) => step.Node switch
    {
        Conv2dNode conv => string.Create(CultureInfo.InvariantCulture, $"conv {conv.Weight.Shape[2]}x{conv.Weight.Shape[3]}/{conv.Window.StrideH}"),
        LinearNode => "linear",
        PointwiseNode => "pointwise",
        Pool2dNode { Kernel: null } => "global average pool",
        Pool2dNode { Kernel: var (r, s) } pool => string.Create(CultureInfo.InvariantCulture, $"{(pool.Kind is PoolKind.Max ? "max" : "average")} pool {r}x{s}/{pool.Window.StrideH}"),
        _ => "softmax",
    };

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
